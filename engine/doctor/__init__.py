"""Looking at an installation: what DNS, relay, web and ledger say, and the cure for each fault."""
