"""Google Cloud: Cloud Run functions, Cloud Storage, Cloud Tasks, Secret Manager."""
