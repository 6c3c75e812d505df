"""What each column of a table is, from passes over its parts: what a reader of the whole table decides.

One pass tells it of columns whose words are plain numbers, dates or categories everywhere. The others are
looked at once more, as words, and such of too many words by the rule that was found.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.errors import MalformedInput, shown
from ml_core.inputs.rules import ValueRule, spelled
from ml_core.scanning.blocks import blocks
from ml_core.streaming.evidence import (
    NESTED,
    NULLS,
    NUMBERS,
    READ,
    SPELLED,
    UNREAD,
    WORDS,
    CountedWords,
    Evidence,
    Looker,
    together,
)
from ml_core.streaming.seen import LookedColumn, ValuesSeen, kept_hashes
from ml_core.tables.columns import BOOLEAN, CATEGORY, INTEGER, LISTS, MOST_WORDS, NUMBER, OTHER, TEXT, Column
from ml_core.tables.json_lines import mixing
from ml_core.tables.options import ColumnOptions, ReadOptions
from ml_core.tables.readers import CSV, JSON_LINES
from ml_core.tables.typed import as_said, refuse_said, typed_rule
from ml_core.tables.vocabulary import DistinctWords
from ml_core.tables.words import WordColumn

if TYPE_CHECKING:
    from ml_core.datasets.reopening import Reopening
    from ml_core.scanning.plan import Part, Plan
    from ml_core.streaming.passes import Passes

type Rule = tuple[str, ValueRule]


class ColumnsAsked(NamedTuple):
    """What is asked of each part: which columns, as words in any case which of them, and by a rule which."""

    options: ReadOptions
    names: tuple[str, ...]
    as_words: frozenset[str] = frozenset()
    rules: Mapping[str, Rule] = {}


class LookedTable(NamedTuple):
    """What a table's columns are, in their order, and how many rows each part has."""

    columns: tuple[LookedColumn, ...]
    part_rows: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.part_rows)

    def column(self, name: str) -> LookedColumn | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


def look_at_part(
    stores: "Reopening", plan: "Plan", asked: ColumnsAsked, part: "Part"
) -> tuple[int, dict[str, Evidence]]:
    """How many rows a part has, and what they say of each column."""
    lookers = {name: _looker(plan, asked, name) for name in asked.names}
    rows = 0
    for block in blocks(stores.open().data, plan, part, asked.names):
        if block.rejected:
            wrong = block.rejected[0]
            raise MalformedInput(f"{_file(plan, part)}line {wrong.line}: {wrong.message}")
        for name, looker in lookers.items():
            absent = name not in block.columns or name in block.absent
            values = block.columns[name] if name in block.columns else [None] * block.rows
            looker.add(values, absent=absent)
        rows += block.rows
    return rows, {name: looker.done() for name, looker in lookers.items()}


def _file(plan: "Plan", part: "Part") -> str:
    """Which of several files it is."""
    return f"{plan.files[part.file].uri}, " if len(plan.files) > 1 else ""


def _said(plan: "Plan", options: ReadOptions, name: str) -> ColumnOptions:
    if plan.format == CSV:
        return ColumnOptions.of(options, name, text=True, delimiter=str(plan.how.get("delimiter") or ","))
    return ColumnOptions.of(options, name, text=False)


def _looker(plan: "Plan", asked: ColumnsAsked, name: str) -> Looker:
    return Looker(
        name,
        asked.options,
        _said(plan, asked.options, name),
        most_hashes=kept_hashes(len(asked.names)),
        as_words=name in asked.as_words,
        rule=asked.rules.get(name),
    )


class Looking:
    """The passes that tell what columns are.

    Args:
        stores: how a task opens the data.
        plan: the table.
        options: what is said of it.
        names: the columns that are wanted.
        passes: goes over all parts.
    """

    def __init__(
        self,
        stores: "Reopening",
        plan: "Plan",
        options: ReadOptions,
        names: Sequence[str],
        passes: "Passes",
    ) -> None:
        self._stores = stores
        self._plan = plan
        self._options = options
        self._names = tuple(names)
        self._passes = passes
        self._part_rows: tuple[int, ...] = ()
        self.done = 0
        """How many passes there were."""

    def table(self) -> LookedTable:
        """What all columns are. Raises `InvalidInput` for one that is not what it was said to be."""
        typed = self._plan.format != CSV
        as_words = {name for name, kind in self._options.types.items() if typed and kind == CATEGORY}
        found = self._pass(self._names, as_words)
        if again := {name for name in self._names if found[name].form == UNREAD}:
            found |= self._read_again(found, again, as_words)
        columns = {name: WordColumn(name, _said(self._plan, self._options, name)) for name in self._names}
        rules = {
            name: rule for name in self._names if (rule := self._rule_of_many(columns[name], found[name]))
        }
        seen = {}
        if rules:
            seen = self._pass(rules, frozenset(), {name: rule for name, (rule, _) in rules.items()})
        looked = []
        for name in self._names:
            if name in rules:
                _, doubts = rules[name]
                looked.append(self._by_rule(name, doubts, seen[name]))
            else:
                looked.append(self._decided(columns[name], found[name]))
        indexes = frozenset(self._plan.how.get("indexes", ()))
        return LookedTable(
            tuple(column._replace(is_index=column.name in indexes) for column in looked), self._part_rows
        )

    def _pass(
        self,
        names: Collection[str],
        as_words: Collection[str],
        rules: Mapping[str, Rule] = {},
        *,
        options: ReadOptions | None = None,
    ) -> dict[str, Evidence]:
        asked = ColumnsAsked(
            options or self._options,
            tuple(name for name in self._names if name in names),
            frozenset(as_words),
            rules,
        )
        columns = {name: WordColumn(name, _said(self._plan, self._options, name)) for name in asked.names}

        def add(
            total: tuple[list[int], dict[str, Evidence]] | None, part: tuple[int, dict[str, Evidence]]
        ) -> tuple[list[int], dict[str, Evidence]]:
            counts, whole = total or ([], dict.fromkeys(asked.names, Evidence()))
            rows, found = part
            joined = {name: together(columns[name], whole[name], each) for name, each in found.items()}
            counts.append(rows)
            return counts, joined

        self.done += 1
        task = partial(look_at_part, self._stores, self._plan._replace(parts=()), asked)
        name = f"look {self.done} at columns"
        counts, whole = self._passes.over(name, task, self._plan.parts, add, phase="looking")
        self._part_rows = tuple(counts)
        return whole

    def _read_again(
        self, found: Mapping[str, Evidence], names: Collection[str], as_words: Collection[str]
    ) -> dict[str, Evidence]:
        """What columns are whose parts do not agree: words, or of JSON numbers that are not all whole."""
        numbers = {name for name in names if found[name].inexact and found[name].kinds == NUMBERS}
        words = {name for name in names if name not in numbers}
        read = self._pass(words, {*as_words, *words}) if words else {}
        if numbers:
            types = {**self._options.types, **dict.fromkeys(numbers, NUMBER)}
            read |= self._pass(numbers, (), options=self._options._replace(types=types))
        return {name: each._replace(inexact=found[name].inexact) for name, each in read.items()}

    def _rule_of_many(self, column: WordColumn, found: Evidence) -> tuple[Rule, list[str]] | None:
        """What more words than are told apart are, if they are numbers or dates; and what is to be said."""
        if found.form != WORDS or found.many is None:
            return None
        column.overflowed(found.many, found.odd)
        rule = column.rule_of_many()
        if rule is None:
            return None
        column.start_again()
        return rule, list(column.warnings)

    def _by_rule(self, name: str, doubts: Sequence[str], found: Evidence) -> LookedColumn:
        column = WordColumn(name, _said(self._plan, self._options, name))
        column.warnings += doubts
        return self._read(column, found)

    def _read(self, column: WordColumn, found: Evidence) -> LookedColumn:
        """A column whose words a guess has read."""
        assert found.guess is not None  # noqa: S101 - what has been read
        for word, times in found.missing.items():
            found.guess.missing_words[word] += times
        some = [found.seen.low] if found.seen.present else []
        made = column.column_by(found.guess, np.array(some))
        return self._optional(_of_numbers(made, found.seen, column.warnings), found)

    def _decided(self, column: WordColumn, found: Evidence) -> LookedColumn:
        form, said = found.form, _said(self._plan, self._options, column.name)
        if found.kinds & NESTED and form not in (LISTS, OTHER):
            form = OTHER
        if form == READ:
            return self._read(column, found)
        if form == NULLS and self._plan.format != JSON_LINES:
            return self._of_nulls(column, found)
        if form == WORDS and not (self._plan.format == JSON_LINES and _are_alike(found.kinds)):
            return self._optional(self._of_words(column, found), found)
        if form in (SPELLED, WORDS):
            return self._optional(_of_spelled(column.name, found, said), found)
        kind = NUMBER if form == NULLS else form
        rule = typed_rule(said)
        made = Column(column.name, kind, np.empty(0), (), rule, dict(found.missing))
        looked = _of_numbers(made, found.seen, [])
        return self._optional(_as_said(looked, found, said), found)

    def _of_nulls(self, column: WordColumn, found: Evidence) -> LookedColumn:
        guesses = column.first_guesses()
        if guesses:
            made = column.column_by(guesses[0], np.empty(0))
        else:
            made = column.column_of(_Told(CountedWords()))
        return self._optional(LookedColumn.of(made, found.seen, column.warnings), found)

    def _of_words(self, column: WordColumn, found: Evidence) -> LookedColumn:
        if found.many is not None:
            column.overflowed(found.many, found.odd)
            return LookedColumn.of(column.text(np.empty(0, np.int32)), found.seen, column.warnings)
        told = _Told(found.words)
        made = column.column_of(told)
        times = np.array(found.words.times, np.int64)
        seen = ValuesSeen.of(made.values, times)._replace(infinite=None)
        infinite = np.flatnonzero(np.isinf(made.values)) if made.values.dtype.kind == "f" else None
        if infinite is not None and len(infinite):
            seen = seen._replace(infinite=found.words.firsts[int(infinite[0])])
        looked = LookedColumn.of(made, seen._replace(rows=found.rows), column.warnings)
        if self._plan.format == JSON_LINES and len(found.kinds) > 1:
            warnings = looked.warnings
            if self._options.types.get(column.name) is None:
                warnings = (mixing(column.name, found.kinds), *warnings)
            looked = looked._replace(rule=looked.rule._replace(spelled=True), warnings=warnings)
        return looked

    def _optional(self, looked: LookedColumn, found: Evidence) -> LookedColumn:
        if self._plan.format != JSON_LINES or not found.optional:
            return looked
        return looked._replace(rule=looked.rule._replace(optional=True))


class _Told(DistinctWords):
    """Words each of which stands for all rows that hold it."""

    def __init__(self, counted: CountedWords) -> None:
        super().__init__(list(counted.words), np.arange(len(counted.words), dtype=np.int32))
        self.times = list(counted.times)
        self._firsts = dict(zip(counted.words, counted.firsts, strict=True))

    def row_of(self, word: str) -> int:
        """The first row, from 1, that holds a word."""
        return self._firsts[word] + 1


def _of_numbers(made: Column, seen: ValuesSeen, warnings: Sequence[str]) -> LookedColumn:
    looked = LookedColumn.of(made, seen, warnings)
    if made.kind in (NUMBER, INTEGER):
        return looked._replace(kind=INTEGER if seen.whole and seen.present else NUMBER)
    return looked


def _are_alike(kinds: frozenset[type]) -> bool:
    """Whether values of JSON that were looked at as words are numbers alone, or truth values."""
    return bool(kinds) and (kinds <= NUMBERS or kinds == {bool})


def _of_spelled(name: str, found: Evidence, said: ColumnOptions) -> LookedColumn:
    """Numbers or truth values that are words."""
    if found.many is not None or len(found.words.words) > MOST_WORDS:
        return LookedColumn.of(Column(name, TEXT, np.empty(0, np.int32)), found.seen)
    rule = typed_rule(said)._replace(spelled=True)
    gaps = frozenset(rule.missing)
    words = tuple(sorted(word for word in found.words.words if word not in gaps))
    missing = dict(found.missing)
    gone = 0
    for word, times in zip(found.words.words, found.words.times, strict=True):
        if word in gaps:
            missing[word] = missing.get(word, 0) + times
            gone += times
    seen = found.seen._replace(present=found.seen.present - gone)
    made = Column(name, CATEGORY, np.empty(0, np.int32), words, rule, missing, found.inexact)
    return LookedColumn.of(made, seen)


def _as_said(looked: LookedColumn, found: Evidence, said: ColumnOptions) -> LookedColumn:
    """The column as the type that it is said to be."""
    if said.kind == BOOLEAN and looked.kind in (NUMBER, INTEGER):
        if found.wrong is not None:
            row, number = found.wrong
            refuse_said(looked.name, BOOLEAN, f"{shown(spelled(number))} in row {row + 1}")
        kept = as_said(Column(looked.name, INTEGER, np.empty(0), (), looked.rule), said)
        return looked._replace(kind=BOOLEAN, rule=kept.rule)
    as_said(Column(looked.name, looked.kind, np.empty(0), (), looked.rule), said)
    return looked
