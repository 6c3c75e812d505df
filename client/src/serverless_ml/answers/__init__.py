"""What the service answers, as records."""
