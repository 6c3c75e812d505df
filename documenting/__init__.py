"""The documentation: its site, and the pages of docs/reference/, which are made from the code."""
