"""The objects that several requests send or answer with."""

from documenting.markdown import code, heading, prose, sentence
from documenting.markdown import page as whole
from documenting.reference.api import FILE, members, schemas


def page() -> str:
    """The page: each schema that more than one place has, with its members."""
    return whole(
        "Schemas",
        "The objects that several requests send or answer with, by their names in `/openapi.json`.",
        f"What only one request has is told with it: [every request]({FILE}).",
        "A member's path has `[]` for the entries of a list and `*` for any name.",
        *(text for name in schemas().shared for text in _schema(name)),
    )


def _schema(name: str) -> list[str]:
    schema = schemas().named(name)
    return [
        heading(2, code(name)),
        prose(sentence(schema.get("description", ""))),
        members(schemas().rows(schema), "always there"),
        *(prose(each) for each in schemas().choices(schema)),
    ]
