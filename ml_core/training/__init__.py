"""From a request to an artifact and its manifest."""
