"""A table of any size, read part by part in bounded memory."""
