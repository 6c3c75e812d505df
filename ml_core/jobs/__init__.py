"""Training jobs: documents that move by compare-and-swap, and the trainer that brings them to their end."""
