"""Answers for people: HTML for notebooks, tables for terminals."""
