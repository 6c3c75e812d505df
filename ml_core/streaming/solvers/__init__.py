"""Solvers that see a table as sums over its rows, and make one step after each pass."""
