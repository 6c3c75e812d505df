"""A module that only helps an algorithm: it is none."""

NOTHING = None
