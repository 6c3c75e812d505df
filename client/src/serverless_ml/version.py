"""The client's version: that of the service whose contract it knows."""

VERSION = "0.1.0"
USER_AGENT = f"serverless-ml-client/{VERSION}"
