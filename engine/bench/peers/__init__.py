"""Other programs that send mails, measured in the same run, where `make bench-peers` installed them."""
