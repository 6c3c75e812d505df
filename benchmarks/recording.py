"""What a run shows on the terminal, kept: every table becomes a part of the report."""

from typing import Any

from rich.console import Console
from rich.table import Table


class Recording(Console):
    """A console that keeps its tables and lines; `figures` are the numbers behind them, as measured."""

    def __init__(self) -> None:
        super().__init__(highlight=False)
        if not self.is_terminal:
            self.width = 110
        self.tables: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.figures: dict[str, Any] = {}

    def print(self, *objects: Any, **options: Any) -> None:
        """Show them, and keep them."""
        super().print(*objects, **options)
        for each in objects:
            if isinstance(each, Table):
                self.tables.append(_kept(each))
            else:
                self.lines.append(str(each))

    def taken(self) -> dict[str, Any]:
        """What was kept since this was last asked."""
        kept = {"tables": self.tables, "lines": self.lines, "figures": self.figures}
        self.tables, self.lines, self.figures = [], [], {}
        return kept


def _kept(table: Table) -> dict[str, Any]:
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return {
        "title": str(table.title or ""),
        "columns": [str(column.header) for column in table.columns],
        "rows": [list(row) for row in zip(*columns, strict=True)],
    }
