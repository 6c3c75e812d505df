"""Tables to train on: where they may come from, how they are brought, and what they hold."""
