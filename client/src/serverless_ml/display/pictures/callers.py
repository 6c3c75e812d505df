"""Whose key a service was asked with, and what it may."""

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Facts, Picture, Title
from serverless_ml.display.reading import Document


def caller(raw: Document) -> Picture:
    """Return the picture of a caller."""
    facts = (
        ("rights", text.shown(", ".join(reading.texts(raw, "rights")), 200)),
        ("models", _limits(raw, "models")),
        ("datasets", _limits(raw, "datasets")),
        ("expires", text.time(reading.text(raw, "expires")) if raw.get("expires") else "never"),
    )
    return (Title(_name(raw), text.shown(", ".join(reading.texts(raw, "roles")))), Facts(facts))


def line(raw: Document) -> str:
    """Return a caller in a line."""
    return f"{_name(raw)} · {text.shown(', '.join(reading.texts(raw, 'roles')))}"


def _name(raw: Document) -> str:
    name = reading.text(raw, "key")
    return f"Key {text.shown(name, 64)}" if name else "No key is asked for"


def _limits(raw: Document, of: str) -> str:
    return text.shown(", ".join(reading.texts(raw, of)), 200) if isinstance(raw.get(of), list) else "all"
