"""What is counted of predictions, without keeping a value of them, and what the counts say."""
