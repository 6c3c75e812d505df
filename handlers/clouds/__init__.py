"""One thin adapter per cloud: its events become requests, and answers its answers."""
