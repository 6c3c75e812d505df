"""What stands beside the rows in a body of JSON, and in the query where the body is rows alone."""

from typing import Any


def members_of(query: dict[str, Any]) -> dict[str, Any]:
    """The members that a checked query says, as a body of JSON would have them."""
    members: dict[str, Any] = {}
    if "outputs" in query:
        members["outputs"] = query["outputs"].split(",")
    members |= {name: query[name] for name in ("unknown_columns", "against", "top") if name in query}
    return {**members, **{name: query.get(name) == "true" for name in ("notes", "receipt")}}
