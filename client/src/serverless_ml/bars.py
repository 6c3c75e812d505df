"""Progress, as what is counted tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Drawn:
    """A bar of `progress`, or none."""

    def __init__(self, shown: Any = None) -> None:
        self._shown = shown

    def counted(self, done: int, total: int) -> None:
        """So many are done, of so many."""
        if self._shown is not None:
            self._shown.update(done, total=total)

    def job(self, raw: dict[str, Any]) -> None:
        """A job is so far."""
        if self._shown is not None:
            self._shown.job(raw)


@contextmanager
def bar(title: str, *, unit: str = "", on: bool | None) -> Iterator[Drawn]:
    """A bar while the `with` lasts, if one is to be drawn."""
    try:
        from serverless_ml import progress
    except ImportError:
        yield Drawn()
        return
    if on is False:
        yield Drawn()
        return
    with progress.bar(title, unit=unit, on=on) as shown:  # type: ignore[attr-defined, unused-ignore]
        yield Drawn(shown)
