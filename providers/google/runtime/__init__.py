"""What a function on Google Cloud imports: its store, its queue, its keys, and who it is."""
