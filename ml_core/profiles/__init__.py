"""What is kept of the rows that a model was trained on: counts and means in bins, and no row."""
