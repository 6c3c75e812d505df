"""The endpoints, one module per group; `handlers/rest/routes.py` says which path leads to which."""
