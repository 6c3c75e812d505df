"""The service on a laptop, where the cloud is a folder: `python -m handlers.local --help`."""
