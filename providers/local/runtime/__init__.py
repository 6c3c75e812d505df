"""What a function on the laptop imports: its store, its queue, its keys, and who it is."""
