"""What does I/O."""
