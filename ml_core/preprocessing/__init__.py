"""What rows pass before they reach an estimator: fitted with it, and kept with it in the model."""
