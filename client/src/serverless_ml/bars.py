"""A bar of `progress`, told by what counts and by what looks at a job."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from serverless_ml import progress


class Drawn:
    """A bar that is told how many of how many are done."""

    def __init__(self, shown: progress.Bar) -> None:
        self._shown = shown

    def counted(self, done: int, total: int) -> None:
        """So many are done, of so many."""
        self._shown.update(done, total=total)

    def job(self, raw: dict[str, Any]) -> None:
        """A job is so far."""
        self._shown.job(raw)


@contextmanager
def bar(title: str, *, unit: str = "", on: bool | None) -> Iterator[Drawn]:
    """A bar while the `with` lasts, if one is to be drawn; `on` as `progress.wanted` takes it."""
    with progress.bar(title, unit=unit, on=on) as shown:
        yield Drawn(shown)
