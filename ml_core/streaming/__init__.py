"""Training on a table that no memory holds, in passes over its parts."""
