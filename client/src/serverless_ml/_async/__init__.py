"""What does I/O, written as async; `generate_sync.py` makes `_sync` of it."""
