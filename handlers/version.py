"""What the service calls itself, and its version: the one place to change it.

`pyproject.toml` and `CHANGELOG.md` are held to it by a test. Nothing is imported here: reading the version of
an installed package costs a cold start more than the whole request.
"""

NAME = "serverless-ml"
VERSION = "0.1.0"
