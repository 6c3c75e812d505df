"""`:predict` with CSV: rows as they stand in a file, and an answer with a line for each.

Imported when CSV comes or is asked for. Cells are text, read by the rule of their column as training read its
own file: with names that are there twice or not at all, and with R's names of rows. The first line is a
header if it names one of the model's features; RFC 4180's parameter `header=present` or `absent` says so for
sure.
"""

import csv
import io
import json
import sys
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from handlers.errors import UnsupportedMediaType
from handlers.rest.bodies import decoded
from handlers.rest.call import Call
from handlers.rest.http import CSV, Response, is_number
from handlers.rest.query_members import members_of
from ml_core.errors import Fault, InvalidInput, MalformedInput, TooLarge, raise_faults, shown
from ml_core.inputs.by_column import Columns
from ml_core.inputs.columns import Feature, written_in_cells
from ml_core.inputs.instances import IGNORED, no_feature
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TABLE, TENSORS, TEXT
from ml_core.model.output_columns import cell_of, output_columns
from ml_core.tables.columns import different_names
from ml_core.tables.dialects import lacks_a_name

if TYPE_CHECKING:
    from ml_core.inputs.labels import Label
    from ml_core.inputs.rows import Limits
    from ml_core.model.model import Model, Predictions

_DELIMITERS = ",;\t|"
# It separates cells where nothing else does, as R writes tables.
_SPACE = " "
# Classes that a message shows.
_MOST_SHOWN = 10
_UTF_8 = ("utf-8", "utf8", "us-ascii")
_WHERE = "body"
_OTHERS = {IMAGE: "pictures", SEQUENCE: "sequences", TENSORS: "tensors"}
# A cell that no text in UTF-8 holds. After the last line its quotes are a part of it if one is open there.
_END, _END_IN_A_CELL = "\udfff", '\udfff"'


def read_csv_body(call: Call) -> dict[str, Any]:
    """The members of a body of JSON that the query says, and the text of the rows under `CSV`.

    Raises `UnsupportedMediaType`, `TooLarge`, `MalformedInput` and `InvalidInput`.
    """
    query = call.query()
    parameters = _parameters(call.header("content-type"))
    body = decoded(call.request, call.settings.max_body_bytes)
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise MalformedInput(f"the body is not UTF-8: byte {error.start} cannot be decoded") from error
    return {CSV: (text, parameters.get("header")), **members_of(query)}


def label_of(model: "Model", text: str) -> "Label":
    """The label that a query means by a text: numbers and truth values are written as in JSON.

    Raises `InvalidInput` where no class is written so; of clusters any number is taken.
    """
    if model.classes is None:
        return int(text) if is_number(text) else text
    written = {label if isinstance(label, str) else json.dumps(label): label for label in model.classes}
    if text not in written:
        few = ", ".join(map(shown, [*written][:_MOST_SHOWN])) + ", …" * (len(written) > _MOST_SHOWN)
        raise InvalidInput.at("query.against", f"expected one of {few}, got {shown(text)}")
    return written[text]


def _parameters(content_type: str) -> dict[str, str]:
    """The parameters of the media type. Raises `UnsupportedMediaType` for what is not read."""
    pairs = (part.partition("=") for part in content_type.split(";")[1:])
    found = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs}
    charset = found.get("charset", "utf-8")
    if charset not in _UTF_8:
        raise UnsupportedMediaType(f"CSV is read as UTF-8; the charset is {charset[:40]!r}")
    if (header := found.get("header", "present")) not in ("present", "absent"):
        raise UnsupportedMediaType(f"expected header=present or header=absent, got {header[:40]!r}")
    return found


def columns_of_csv(
    model: "Model", text: str, header: str | None, limits: "Limits", *, expecting: str, unknown: str
) -> Columns:
    """The model's columns in a text.

    Raises `UnsupportedMediaType` for a model of what no cell holds, `MalformedInput`, `InvalidInput` with
    lines and columns, `TooLarge`.
    """
    kind = model.reader.kind if model.reader else TABLE
    if kind not in (TABLE, TEXT) and not model.pixels:
        raise UnsupportedMediaType(
            f"{expecting} takes {_OTHERS[kind]}, which no cell of CSV holds; send application/json"
        )
    features = [written_in_cells(feature, gaps=model.takes_gaps) for feature in model.columns_among(())]
    names = [feature.name for feature in features]
    lines = _lines(text, names, limits.max_rows + 2, prose=kind == TEXT)
    if not lines:
        raise InvalidInput.at(_WHERE, "expected at least one row, got none")
    width = len(lines[0][1])
    places = _places(lines, features, header, expecting=expecting, unknown=unknown)
    if places is None:
        raise_faults(_wrong_widths(lines, width))
        places = dict(enumerate(range(len(features))))
    else:
        lines = lines[1:]
    if not lines:
        raise InvalidInput.at(_WHERE, "expected at least one row, got a header alone")
    if len(lines) > limits.max_rows:
        raise TooLarge(f"{_WHERE} has more than {limits.max_rows} rows, which are the most that are taken")
    absent: list[str | None] = [None] * len(lines)
    columns = (
        [cells[places[place]] for _, cells in lines] if place in places else absent
        for place in range(len(features))
    )

    def path(place: int, row: int) -> str:
        return f"line {lines[row][0]}, column {shown(features[place].name)}"

    return Columns(features, columns, path, _WHERE)


def _lines(text: str, names: list[str], most: int, *, prose: bool) -> list[tuple[int, list[str]]]:
    """At most so many records with the line each ends at, without blank ones, by the fittest delimiter.

    Raises `InvalidInput` for a blank line among records of one cell, which may be such a cell.
    With `prose`, any of them may be a part of what cells say: without a header it is a comma.
    """
    samples = {delimiter: _first_cells(text, delimiter) for delimiter in _DELIMITERS}

    def fitness(delimiter: str) -> tuple[int, int]:
        cells = samples[delimiter]
        return len({cell.strip() for cell in cells} & set(names)), int(len(cells) == len(names))

    delimiter = max(_DELIMITERS, key=fitness)
    if prose:
        delimiter = delimiter if fitness(delimiter)[0] else _DELIMITERS[0]
    elif all(len(cells) == 1 and cells[0].strip() not in names for cells in samples.values()):
        delimiter = _SPACE
    lines: list[tuple[int, list[str]]] = []
    blank = None
    for line, cells in _records(text, delimiter):
        if not cells:
            blank = blank or line
            continue
        if blank and lines and len(cells) == len(lines[0][1]) == 1:
            # Left out, answers would no longer stand beside the lines that they are of.
            raise InvalidInput.at(
                f"line {blank}", 'the line is empty: write "" for an empty cell, or remove it'
            )
        blank = None
        lines.append((line, cells))
        if len(lines) == most:
            break
    return lines


def _first_cells(text: str, delimiter: str) -> list[str]:
    """The first record as it is with a delimiter that may be another than the text's; empty for none."""
    try:
        return next((cells for _, cells in _records(text, delimiter) if cells), [])
    except MalformedInput:
        return []


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """All records, blank lines without a cell among them, each with the line it ends at."""
    # Of the whole process: the same for every request, of which several may be read at once.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(chain(io.StringIO(text, newline=""), (f'"{_END}"',)), delimiter=delimiter)
    line = 0
    try:
        for cells in reader:
            if cells and cells[-1] == _END:
                return
            if cells and cells[-1].endswith(_END_IN_A_CELL):
                raise MalformedInput(f"a quote that begins after line {line} is not closed")
            line = reader.line_num
            yield line, cells
    except csv.Error as error:
        raise MalformedInput(f"line {reader.line_num} is no CSV: {error}") from None


def _places(
    lines: list[tuple[int, list[str]]],
    features: list[Feature],
    header: str | None,
    *,
    expecting: str,
    unknown: str,
) -> dict[int, int] | None:
    """Where the column of each feature stands by the header; None where the first line is none."""
    given = [cell.strip() for cell in lines[0][1]]
    wanted = {feature.name: place for place, feature in enumerate(features)}
    if header == "absent" or (header is None and wanted.keys().isdisjoint(given)):
        _check_width(lines[0], features, expecting)
        return None
    unnamed = lacks_a_name([cells for _, cells in lines])
    if unnamed:
        given = ["", *given]
    elif lines[1:]:
        raise_faults(_wrong_widths(lines[1:], len(given)))
    names, _ = different_names(given)
    found: dict[str, int] = {}

    def place_each() -> Iterator[Fault]:
        for place, (name, as_given) in enumerate(zip(names, given, strict=True)):
            found[name] = place
            if name in wanted or (unnamed and not place):
                continue
            if as_given in wanted:
                yield Fault("line 1", f"column {shown(as_given)} is there twice")
            elif unknown is not IGNORED:
                yield Fault("line 1", no_feature(expecting, as_given, unknown))
        missing = (f for f in features if f.name not in found and not f.rule.optional)
        yield from (Fault("line 1", f"feature {shown(feature.name)} is missing") for feature in missing)

    raise_faults(place_each())
    return {place: found[name] for name, place in wanted.items() if name in found}


def _check_width(line: tuple[int, list[str]], features: list[Feature], expecting: str) -> None:
    number, cells = line
    if len(cells) != len(features):
        raise InvalidInput.at(
            f"line {number}",
            f"{expecting} expects {len(features)} features, or a header that names them; "
            f"got {len(cells)} cells",
        )


def _wrong_widths(lines: list[tuple[int, list[str]]], width: int) -> Iterator[Fault]:
    for number, cells in lines:
        if len(cells) != width:
            yield Fault(f"line {number}", f"expected {width} cells, got {len(cells)}")


def csv_response(model: "Model", found: "Predictions") -> Response:
    """What was predicted as CSV: a header, and a line for each row. A list of values is a column for each."""
    columns = [*output_columns(model, found)]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    writer.writerows(zip(*(_cells(found[column.asked], column.place) for column in columns), strict=True))
    return Response(200, {"content-type": f"{CSV}; charset=utf-8; header=present"}, text.getvalue().encode())


def _cells(entries: list[Any], place: int | None) -> list[Any]:
    """A column's cells."""
    return list(map(cell_of, entries)) if place is None else [row[place] for row in entries]
