"""Algorithms, artifacts, registry, jobs and use cases. Knows no cloud, no HTTP and no environment."""
