"""Which key may call which route, as the table in docs/keys.md: `python -m handlers.rest.rights`."""

from handlers.auth import OPEN, PREDICT, READ, ROLES, VISITOR
from handlers.rest.routes import ROUTES


def reference() -> str:
    """The table of all routes, in Markdown."""
    roles = " | ".join(f"`{role}`" for role in ROLES)
    lines = [f"| route | {roles} |", "|---|" + "---|" * len(ROLES)]
    for route in ROUTES:
        marks = " | ".join(_mark(route.access, role) for role in ROLES)
        lines.append(f"| `{route.method} {route.path}` | {marks} |")
    return "\n".join(lines)


def _mark(access: str, role: str) -> str:
    if access in (OPEN, VISITOR):
        return "no key"
    if access in ROLES[role]:
        return "yes"
    return "earlier" if role == PREDICT and access == READ else ""


if __name__ == "__main__":
    import argparse

    argparse.ArgumentParser(
        prog="python -m handlers.rest.rights",
        description="Print which key may call which route, in Markdown.",
    ).parse_args()
    print(reference())
