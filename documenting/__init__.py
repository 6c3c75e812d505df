"""What makes the documentation's site, and pages of docs/ from the code: `python -m documenting --help`.

Nothing that is deployed imports this package.
"""
