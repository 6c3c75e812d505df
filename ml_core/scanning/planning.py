"""How a table is read: what its files are, and the parts of about one size that they are cut into."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from ml_core.datasets.reopening import Reopening
from ml_core.datasets.sources import DataFile
from ml_core.errors import InvalidInput, MalformedInput, shown
from ml_core.mapping import InTurn, Mapper, in_order
from ml_core.scanning.cutting import Cut, Run, Walked, cuts_of, walk_run
from ml_core.scanning.files import DataFiles
from ml_core.scanning.looking import Seen, Survey, look
from ml_core.scanning.plan import Part, Plan
from ml_core.scanning.records import Walk
from ml_core.tables.options import ReadOptions, check_names
from ml_core.tables.readers import CSV, PARQUET
from ml_core.tables.reading import check_options
from ml_core.tables.text import FALLBACK_ENCODING

PART_BYTES = 1 << 26
MOST_ROWS = 1 << 22
"""How many rows a part of several row groups has at most."""
# How many times its bytes a part's values may have.
_UNPACKED = 4
_WHERE = "$.data.uri"
_MOST_NAMED = 5

type Progress = Callable[[int], None]


def plan_of(
    data: DataFiles,
    uri: str,
    *,
    options: ReadOptions,
    declared: str | None,
    mapper: Mapper,
    stores: Reopening | None,
    part_bytes: int = PART_BYTES,
    most_rows: int = MOST_ROWS,
    progress: Progress | None = None,
    walker: Mapper | None = None,
) -> Plan:
    """The plan of the table at an address: of one file, or of a folder's.

    `declared` is the format that somebody said it has. `mapper` looks at files and cuts them; where it does
    so elsewhere, `stores` says how they are opened there. `progress` is told of the bytes that were looked at
    so far. `walker` walks texts where `mapper` should not: a walk takes some tens of MiB of memory, a look at
    a file next to none. Parts of several row groups have at most `most_rows`. Raises `InvalidInput` where
    files differ in format or columns, or are of a format that is not read in parts; `MalformedInput` with the
    file's address; and what `DataFiles.files` and `part` raise.
    """
    files = tuple(data.files(uri))
    here = stores is None or isinstance(mapper, InTurn)
    survey = Survey(data if here else None, stores, options, declared)
    first = look(survey._replace(data=data), files[0])
    check_options(options, first.format)
    others = mapper.map(partial(look, survey._replace(like=first)), files[1:])
    seen = [first, *in_order(others)]
    _check_columns(files, seen)
    names = first.names
    if first.format not in (CSV, PARQUET):
        names = tuple(dict.fromkeys(name for each in seen for name in each.names))
    check_names(options, names)
    runs = [
        Run(place, file, each.begin, begin, end)
        for place, (file, each) in enumerate(zip(files, seen, strict=True))
        if each.format != PARQUET and each.cut
        for begin, end in _runs(each.begin, file.size, part_bytes)
    ]
    of_files: dict[int, list[Run]] = {}
    for run in runs:
        of_files.setdefault(run.place, []).append(run)
    walker = walker or mapper
    walked = _walked(walker, survey, first, runs, progress)
    encodings = {place: _encoding(seen[place], found, options) for place, found in walked.items()}
    again = partial(_again, walker, survey, first)
    cuts = {
        place: cuts_of(of_files[place], found, seen[place].lines, again) for place, found in walked.items()
    }
    parts: list[Part] = []
    for place, (file, each) in enumerate(zip(files, seen, strict=True)):
        if each.format == PARQUET:
            found = _group_parts(place, each, part_bytes, most_rows)
        else:
            found = _text_parts(place, file, each, cuts.get(place))
        parts += [part._replace(number=number) for number, part in enumerate(found, len(parts))]
    if not parts:
        raise MalformedInput(f"{uri}: the files have no rows")
    return Plan(files, first.format, names, _how(seen, encodings), tuple(parts))


def _check_columns(files: Sequence[DataFile], seen: Sequence[Seen]) -> None:
    """Raise `InvalidInput` for a file that lacks a column of the first."""
    first = seen[0]
    if first.format not in (CSV, PARQUET):
        return  # a line of JSON may lack any
    for file, each in zip(files, seen, strict=True):
        there = frozenset(each.names)
        missing = [name for name in first.names if name not in there]
        if missing:
            named = ", ".join(map(shown, missing[:_MOST_NAMED]))
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            raise InvalidInput.at(_WHERE, f"{file.uri} lacks columns that {files[0].uri} has: {named}{more}")


def _runs(begin: int, end: int, part_bytes: int) -> Iterator[tuple[int, int]]:
    """Runs of about so many bytes, all alike; none where all bytes are one part."""
    count = round((end - begin) / part_bytes)
    if count > 1:
        places = [begin + (end - begin) * number // count for number in range(count + 1)]
        yield from pairwise(places)


def _walked(
    mapper: Mapper, survey: Survey, first: Seen, runs: Sequence[Run], progress: Progress | None
) -> dict[int, list[Walked]]:
    """What each file's runs were found to be, by the file's place."""
    found: dict[int, list[Walked]] = {}
    done = 0
    walks = in_order(mapper.map(partial(walk_run, survey, first.how.get("delimiter")), runs))
    for run, walked in zip(runs, walks, strict=True):
        found.setdefault(run.place, []).append(walked)
        done += run.end - run.begin
        if progress is not None:
            progress(done)
    return found


def _again(mapper: Mapper, survey: Survey, first: Seen, run: Run, state: int) -> Walk:
    """The walk over a run from a state that had seemed unlikely."""
    task = partial(walk_run, survey, first.how.get("delimiter"), states=(state,))
    ((_, found),) = mapper.map(task, [run])
    walk = found.walks[state]
    if walk is None:
        raise AssertionError("a state that is asked for alone is looked at")
    return walk


def _encoding(seen: Seen, walked: Sequence[Walked], options: ReadOptions) -> str:
    """A file's encoding, now that all of it was looked at."""
    guessed: str = seen.how["encoding"]
    if guessed != "utf-8" or options.encoding is not None or all(each.utf_8 for each in walked):
        return guessed
    return "latin-1" if any(each.undefined for each in walked) else FALLBACK_ENCODING


def _how(seen: Sequence[Seen], encodings: dict[int, str]) -> dict[str, Any]:
    """How the table's text is read, and what is to be said of it. `files` are those that differ."""
    first = seen[0]
    how = {**first.how, "warnings": list(first.warnings), "indexes": list(first.indexes)}
    if first.renamed:
        how["renamed"] = dict(first.renamed)
    usual = first.how.get("encoding")
    differing: dict[str, dict[str, Any]] = {}
    for place, each in enumerate(seen):
        encoding = encodings.get(place, each.how.get("encoding"))
        told: dict[str, Any] = {}
        if each.format == CSV and each.names != first.names:
            told["names"] = list(each.names)
        if encoding != usual:
            told["encoding"] = encoding
        if each.skipped:
            told["skipped"] = each.skipped
        if told:
            differing[str(place)] = told
    return {**how, "files": differing} if differing else how


def _group_parts(place: int, seen: Seen, part_bytes: int, most_rows: int) -> Iterator[Part]:
    """Runs of row groups of about so many bytes."""
    begin = rows = size = unpacked = first = 0
    for number, group in enumerate(seen.groups):
        full = (
            size + group.size > part_bytes
            or unpacked + group.unpacked > part_bytes * _UNPACKED
            or rows + group.rows > most_rows
        )
        if number > begin and full:
            if rows:
                yield Part(0, place, begin, number, rows, first, size, seen.groups[begin].told)
            begin, first, rows, size, unpacked = number, first + rows, 0, 0, 0
        rows, size, unpacked = rows + group.rows, size + group.size, unpacked + group.unpacked
    if rows:
        yield Part(0, place, begin, len(seen.groups), rows, first, size, seen.groups[begin].told)


def _text_parts(place: int, file: DataFile, seen: Seen, cuts: Sequence[Cut] | None) -> Iterator[Part]:
    """The parts of a text, each of whole records."""
    if file.size <= seen.begin:
        return
    cuts = cuts or [Cut(seen.begin, seen.lines)]
    ends = [cut.begin for cut in cuts[1:]] + [file.size]
    for cut, end in zip(cuts, ends, strict=True):
        yield Part(0, place, cut.begin, end, None, cut.lines, end - cut.begin)
