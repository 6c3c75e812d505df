"""The endpoints, one module per group; `handlers/routes.py` says which path leads to which."""
