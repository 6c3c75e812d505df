"""Engines behind the `Mapper` port: what works on many parts at once, elsewhere."""
