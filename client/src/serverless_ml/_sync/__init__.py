# Made of `_async/__init__.py` by `client/generate_sync.py`: change that one.
"""What does I/O."""
