"""Frames, arrays and lists as the service takes them, and its answers as the same kind."""
