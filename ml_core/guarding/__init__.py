"""Guards: when a new version gets more of an alias's traffic, and when it loses it again, decided alone."""
