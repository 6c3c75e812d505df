"""Predictions for a whole table, written beside columns of it."""
