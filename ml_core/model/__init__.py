"""A fitted model: what it predicts, the bytes that it is kept as, and predicting as a notebook does."""
