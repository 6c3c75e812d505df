"""The command `serverless-ml`."""
