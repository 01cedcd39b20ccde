"""The newcomer's journey: a mailbox, a clock that moves, and the same journey lived without a person."""
