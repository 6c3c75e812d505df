"""The tests. A package of its own, so that none of that name in an installed library stands before it."""
