"""What the service calls itself."""

NAME = "serverless-ml"
VERSION = "0.1.0"
