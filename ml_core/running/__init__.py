"""What the function does that runs imported graphs: fetch one, and run it in a process that may die alone."""
