"""The function that runs imported graphs, on each cloud; it has no right to anything but to be asked."""
