"""Answers for people: HTML for notebooks, tables for terminals, one line for logs.

A document of JSON becomes a *picture* (`pictures`), which is blocks of a few kinds (`blocks`); `html` and
`terminal` draw any picture. What draws is imported when something is drawn.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from rich.console import RenderableType


def as_html(kind: str, raw: object) -> str:
    """Return a document of a kind (`version`, `explanations`, …) as HTML.

    Args:
        kind: what it is of: one of `pictures.KINDS`.
        raw: the JSON as the service answered it. What is missing in it is left out.
    """
    from serverless_ml.display import html, pictures

    return html.render(pictures.of(kind, raw))


def as_rich(kind: str, raw: object) -> "RenderableType":
    """Return a document of a kind as something that rich prints."""
    from serverless_ml.display import pictures, terminal

    return terminal.render(pictures.of(kind, raw))


def as_text(kind: str, raw: object, width: int = 100) -> str:
    """Return a document of a kind as text without colours, for `print` and for files."""
    from serverless_ml.display import pictures, terminal

    return terminal.plain(pictures.of(kind, raw), width)


def as_line(kind: str, raw: object) -> str:
    """Return a document of a kind in one line, for a log."""
    from serverless_ml.display.pictures import lines

    return lines.of(kind, raw)


class Printer(Protocol):
    """What IPython hands over to be written to."""

    def text(self, text: str, /) -> None:
        """Write a text."""


class Displayed:
    """What shows itself: in a notebook, to rich's `print`, and in a log.

    A class says which picture it is (`picture`), and has the JSON that it was made of (`raw`).
    """

    picture: ClassVar[str] = ""

    if TYPE_CHECKING:

        @property
        def raw(self) -> Any:
            """What it was made of."""

    def _repr_html_(self) -> str | None:
        return as_html(self.picture, self.raw) if self.picture else None

    def __rich__(self) -> "RenderableType":
        return as_rich(self.picture, self.raw) if self.picture else repr(self)

    def _repr_pretty_(self, printer: "Printer", cycle: bool) -> None:
        """Tell IPython's terminal, which prints what rich would."""
        alone = not cycle and self.picture and len(getattr(printer, "stack", ())) <= 1
        printer.text(as_text(self.picture, self.raw) if alone else repr(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {as_line(self.picture, self.raw)}>"
