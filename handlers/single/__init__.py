"""A function that serves one model, whose artifact lies beside the code: what `deploy_model` makes."""
