"""Asks a version about the rows of a file, piece by piece, and puts its answers beside them."""

import csv
import io
import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.reading import Source
from serverless_ml.command_line.rows import FILE, INSTANCE, Piece
from serverless_ml.command_line.writing import json_of
from serverless_ml.errors import Fault, InvalidInput, ServiceError, TooLarge
from serverless_ml.references import Reference

if TYPE_CHECKING:
    from serverless_ml import Client

_BREAKS = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"^line (\d+)")
_INSTANCE = re.compile(r"^\$\.instances\[(\d+)\]")


class Features(NamedTuple):
    """What a model's rows have: names in its order, and those of them that a row may lack."""

    names: list[str]
    optional: frozenset[str] = frozenset()

    @classmethod
    def of_schema(cls, schema: dict[str, Any]) -> "Features":
        """The features that a model's schema names; none where it says no row by names."""
        rows: list[dict[str, Any]] = [
            each
            for each in (schema, *schema.get("anyOf", ()))
            if each.get("type") == "object" and "b64" not in each.get("properties", ("b64",))
        ]
        row = max(rows, key=lambda each: len(each["properties"]), default={})
        names = list(row.get("properties", {}))
        return cls(names, frozenset(names) - set(row.get("required", ())))


class HowAsked(NamedTuple):
    """What a person wants of each row."""

    outputs: tuple[str, ...]
    receipts: bool = False


class Scored(NamedTuple):
    """Rows with what was predicted of them, as columns."""

    piece: Piece
    columns: dict[str, list[Any]]
    model: dict[str, Any]


def check_columns(source: Source, features: Features, *, unknown: str, model: str) -> list[str]:
    """The columns of a file that the model does not know.

    Raises `CommandError` where one is missing that it needs, or where there are any that `unknown` refuses.
    """
    if source.columns is None or not features.names:
        return []
    there = set(source.columns)
    missing = [name for name in features.names if name not in there and name not in features.optional]
    others = [name for name in source.columns if name not in set(features.names)]
    if missing:
        raise CommandError(
            f"{source.name} lacks {_columns(missing)}, which {model} needs; it has "
            f"{', '.join(others) or 'no other column'}",
            Exit.REFUSED,
        )
    if others and unknown == "refuse":
        raise CommandError(
            f"{source.name} has {_columns(others)}, which {model} does not know; "
            "--unknown-columns ignore keeps them and does not send them",
            Exit.REFUSED,
        )
    return others


def _columns(names: Sequence[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"


@dataclass(frozen=True)
class Questions:
    """Asks a service about the rows of a file."""

    client: "Client"
    source: Source
    features: Features

    def predicted(self, which: Reference, how: HowAsked) -> Iterator[Scored]:
        """The pieces of the file with their predictions, in order, all of one version.

        Where the reference names no version, the one that answers first answers all.

        Raises:
            CommandError: the service refused rows; the places are the file's own.
        """
        members: dict[str, Any] = {"outputs": list(how.outputs)} | ({"receipt": True} if how.receipts else {})
        halves: list[Piece] = []
        while (piece := halves.pop() if halves else next(self.source.pieces, None)) is not None:
            try:
                answer = self.answer(f"{which.path}:predict", piece, members)
            except TooLarge:
                if len(piece.rows) == 1:
                    raise
                halves += reversed(piece.halves())
                continue
            which = which._replace(version=answer["model"]["version"], alias=None)
            yield Scored(piece, _as_columns(answer, how), answer["model"])

    def answer(self, path: str, piece: Piece, members: dict[str, Any]) -> dict[str, Any]:
        """What the service says of rows; `members` go beside them.

        Cells of CSV are sent as they are: the model reads each by the rule that it was trained with.

        Raises:
            CommandError: it refused them; the places are the file's own.
        """
        try:
            if self.source.cells and self.features.names:
                query = {name: _in_query(value) for name, value in members.items()}
                content, kind = self._as_csv(piece), "text/csv; header=present"
            else:
                query = {}
                instances = [_instance(row, self.features) for row in piece.rows]
                content, kind = json_of({"instances": instances, **members}).encode(), "application/json"
            headers = {"content-type": kind}
            reply = self.client.request("POST", path, params=query, content=content, headers=headers)
        except InvalidInput as error:
            raise self._at_places(error, piece) from None
        value: dict[str, Any] = reply.json()
        return value

    def _sent(self) -> list[str]:
        """The columns of a file of cells that are sent, in the model's order."""
        there = set(self.source.columns or ())
        return [name for name in self.features.names if name in there]

    def _as_csv(self, piece: Piece) -> bytes:
        names = self._sent()
        text = io.StringIO(newline="")
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(names)
        lines.writerows([row[name] for name in names] for row in piece.rows)
        return text.getvalue().encode()

    def _at_places(self, error: ServiceError, piece: Piece) -> Exception:
        """The refusal with the places of the file in the place of the request's.

        Where none of them is one of rows, it is the error itself.
        """
        ends: list[int] = []
        faults: list[Fault] = []
        for path, message in error.faults:
            place = path
            if found := _LINE.match(path):
                ends = ends or self._ends(piece)
                if int(found[1]) > 1:  # the first line is the header
                    row = min(bisect_left(ends, int(found[1])), len(ends) - 1)
                    place = f"line {piece.places[row]}{path[found.end() :]}"
            elif found := _INSTANCE.match(path):
                row = min(int(found[1]), len(piece.places) - 1)
                place = f"{self.source.place} {piece.places[row]}{_member(path[found.end() :])}"
            faults.append(Fault(place, message))
        if not any(_LINE.match(path) or _INSTANCE.match(path) for path, _ in error.faults):
            return error
        return CommandError(f"{self.source.name}: the service refused rows", Exit.REFUSED, faults)

    def _ends(self, piece: Piece) -> list[int]:
        """The line of the request's text at which each row ends."""
        names = self._sent()
        line, ends = 1, []
        for row in piece.rows:
            line += 1 + sum(len(_BREAKS.findall(row[name])) for name in names)
            ends.append(line)
        return ends


def _in_query(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _instance(row: dict[str, Any], features: Features) -> Any:
    """A row as an instance: of its members those that the model knows."""
    if row.keys() in ({INSTANCE}, {FILE, INSTANCE}) and INSTANCE not in features.names:
        return row[INSTANCE]
    if not features.names:
        return row
    return {name: row[name] for name in features.names if name in row}


def _member(rest: str) -> str:
    return f", column {rest[1:]!r}" if rest.startswith(".") else rest


def _as_columns(answer: dict[str, Any], how: HowAsked) -> dict[str, list[Any]]:
    """Predictions by column, called as in the service's own CSV: `label`, `probability_no`."""
    predictions, classes = answer["predictions"], answer.get("classes")
    columns: dict[str, list[Any]] = {}
    for output in how.outputs:
        columns |= _columns_of(output, [each[output] for each in predictions], classes)
    return columns | ({"receipt": answer["receipts"]} if how.receipts else {})


def _columns_of(output: str, values: list[Any], classes: list[Any] | None) -> dict[str, list[Any]]:
    if not isinstance(values[0], list):
        return {output: values}
    width = len(values[0])
    names = classes if classes is not None and len(classes) == width else range(width)
    return {f"{output}_{_written(name)}": [row[place] for row in values] for place, name in enumerate(names)}


def _written(label: Any) -> str:
    return label if isinstance(label, str) else json.dumps(label)
