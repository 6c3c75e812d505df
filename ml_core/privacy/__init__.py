"""Differentially private fits: what they release, with how much noise, and what that costs."""
