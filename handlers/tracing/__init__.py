"""Traces: where a request belongs to in a system of many services, and how long its parts took."""
