"""HTTP and events to use cases and back: one api, and one thin adapter per cloud."""
