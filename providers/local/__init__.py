"""The laptop as a cloud: a folder for the object storage, a worker process for the trainer."""
