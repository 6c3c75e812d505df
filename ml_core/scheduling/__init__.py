"""Schedules: when a model is trained again by itself, decided, kept and carried out by the sweep."""
