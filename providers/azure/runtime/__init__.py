"""What a function on Azure imports: its store, its queue, its keys, and who it is."""
