"""Registering an artifact that was made elsewhere: upload, request, and what is checked of the file."""
