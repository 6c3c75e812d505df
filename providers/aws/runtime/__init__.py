"""What a function on AWS imports: its store, its queue, its keys, and who it is."""
