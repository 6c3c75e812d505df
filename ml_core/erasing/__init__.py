"""What was made from a dataset, and its erasure with all of it."""
