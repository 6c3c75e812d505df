"""What a part of a table says of what a column is, which adds up over parts.

What a column is depends on all of its words together, as `tables/words.py` decides it. A part says whether
its words are plain numbers or dates, or else which words there are and how often. What a part cannot say
without having been told is asked of it once more.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from arro3.core import Array, Field

from ml_core.errors import MalformedInput
from ml_core.inputs.rules import ValueRule, spelled
from ml_core.streaming.seen import KEPT_HASHES, ValuesSeen
from ml_core.tables import arrow
from ml_core.tables.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    INTEGER,
    LISTS,
    MOST_WORDS,
    NUMBER,
    OTHER,
    TEXT,
    date_column,
    number_column,
)
from ml_core.tables.guesses import PlainNumbers, WrittenValues
from ml_core.tables.json_lines import kinds_of, members_of
from ml_core.tables.parquet import gathered_column
from ml_core.tables.readers import ReadRequest
from ml_core.tables.typed import spelled_category
from ml_core.tables.words import ManyWords, WordColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.tables.columns import Column
    from ml_core.tables.guesses import Guess
    from ml_core.tables.options import ColumnOptions, ReadOptions

# Besides the kinds that columns have: nothing but nulls so far; values that a guess has read of words; words
# as they are; numbers or truth values as words; and what has to be looked at once more, as words.
NULLS, READ, WORDS, SPELLED, UNREAD = "nulls", "read", "words", "spelled", "unread"
NESTED = frozenset({dict, list})
NUMBERS = frozenset({int, float})


class CountedWords(NamedTuple):
    """Different words in the order of the rows that first hold them, how often, and those rows, from 0."""

    words: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    firsts: tuple[int, ...] = ()

    @classmethod
    def of(cls, codes: "NDArray[Any]", words: "Sequence[str | None]") -> "CountedWords":
        """The words that rows have, given their places, -1 for none."""
        found, firsts, times = np.unique(codes, return_index=True, return_counts=True)
        known = sorted(
            (first, words[code], often)
            for code, first, often in zip(found.tolist(), firsts.tolist(), times.tolist(), strict=True)
            if code >= 0
        )
        return cls(
            tuple(word or "" for _, word, _ in known),
            tuple(often for *_, often in known),
            tuple(first for first, *_ in known),
        )

    def add(self, other: "CountedWords", rows: int) -> "CountedWords":
        """These and others, before which there are so many rows."""
        if not other.words:
            return self
        places = {word: place for place, word in enumerate(self.words)}
        words, times, firsts = list(self.words), list(self.times), list(self.firsts)
        for word, often, first in zip(*other, strict=True):
            place = places.setdefault(word, len(words))
            if place == len(words):
                words.append(word)
                times.append(often)
                firsts.append(first + rows)
            else:
                times[place] += often
        return CountedWords(tuple(words), tuple(times), tuple(firsts))


class Evidence(NamedTuple):
    """What rows say of a column.

    Args:
        form: what its values are: a kind of `tables/columns.py`, or one of those above.
        rows: how many rows there are.
        seen: what was seen of the values; of words whether they are there.
        guess: what read them, where they are words.
        words: the words, where they are kept.
        many: what is known of more words than are kept.
        missing: how often each word stood for a missing value, beside those that `guess` met.
        odd: a word that made them no plain numbers, though most are.
        kinds: of JSON, which types there were.
        inexact: whether float64 does not hold one of the whole numbers.
        optional: whether a row lacked the column.
        wrong: the first row, from 0, whose number is neither 0 nor 1, and that number.
    """

    form: str = NULLS
    rows: int = 0
    seen: ValuesSeen = ValuesSeen()
    guess: "Guess | None" = None
    words: CountedWords = CountedWords()
    many: ManyWords | None = None
    missing: dict[str, int] = {}  # noqa: RUF012 - nobody changes it
    odd: str | None = None
    kinds: frozenset[type] = frozenset()
    inexact: bool = False
    optional: bool = False
    wrong: tuple[int, float] | None = None


def together(column: WordColumn, first: Evidence, second: Evidence) -> Evidence:
    """What rows and others after them say of a column. What `first` holds may be changed."""
    joined = _joined(column, first, second)
    wrong = first.wrong
    if wrong is None and second.wrong is not None:
        wrong = (second.wrong[0] + first.rows, second.wrong[1])
    return joined._replace(
        rows=first.rows + second.rows,
        seen=first.seen.add(second.seen),
        missing=summed(first.missing, second.missing),
        odd=first.odd or second.odd,
        kinds=first.kinds | second.kinds,
        inexact=first.inexact or second.inexact,
        optional=first.optional or second.optional,
        wrong=wrong,
    )


def summed(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """How often each word is in both together."""
    return {word: first.get(word, 0) + second.get(word, 0) for word in {**first, **second}}


def _joined(column: WordColumn, first: Evidence, second: Evidence) -> Evidence:
    if second.form == NULLS:
        return first
    if first.form == NULLS:
        return second._replace(words=CountedWords().add(second.words, first.rows))
    if first.form != second.form or first.form == UNREAD:
        return first._replace(form=UNREAD)
    if first.form == READ:
        return _read_by_both(first, second)
    if first.form in (WORDS, SPELLED):
        return _with_words(column, first, second)
    return first


def _read_by_both(first: Evidence, second: Evidence) -> Evidence:
    """Words that are numbers in both, or dates; those that only stand for a gap may be either."""
    assert first.guess is not None and second.guess is not None  # noqa: S101, PT018 - what has been read
    if first.guess.kind == second.guess.kind:
        first.guess.follow(second.guess)
        return first
    if second.seen.present == 0:
        first.guess.missing_words += second.guess.missing_words
        return first
    if first.seen.present == 0:
        second.guess.missing_words += first.guess.missing_words
        return second
    return first._replace(form=UNREAD)


def _with_words(column: WordColumn, first: Evidence, second: Evidence) -> Evidence:
    many = first.many
    if many is None and second.many is None:
        words = first.words.add(second.words, first.rows)
        if len(words.words) <= MOST_WORDS:
            return first._replace(words=words)
        return first._replace(words=CountedWords(), many=column.many_words(words.words))
    if many is None:
        many = column.many_words(first.words.words)
    if second.many is None:
        column.look_at(many, second.words.words)
    else:
        many.follow(second.many)
    return first._replace(words=CountedWords(), many=many)


class Looker:
    """Looks at one column, block by block; `evidence` is what all of them say.

    Args:
        name: the column's.
        options: what is said of the table.
        said: what is said of the column.
        as_words: whether it is known that only its words tell.
        rule: the kind and rule that all of its words are known to have.
        most_hashes: how many hashes of different values are kept.
    """

    def __init__(
        self,
        name: str,
        options: "ReadOptions",
        said: "ColumnOptions",
        *,
        as_words: bool = False,
        rule: tuple[str, ValueRule] | None = None,
        most_hashes: int = KEPT_HASHES,
    ) -> None:
        self.evidence = Evidence()
        self._name = name
        self._options = options
        self._said = said
        self._as_words = as_words
        self._most_hashes = most_hashes
        self._column = WordColumn(name, said)
        self._guesses: list[Guess] = [] if as_words else self._column.first_guesses()
        if rule is not None:
            self._guesses = [WrittenValues(*rule)]
        # The words so far: how often, and the row that first held each.
        self._words: dict[str, list[int]] = {}
        self._many: ManyWords | None = None

    def add(self, values: "Array | list[Any]", *, absent: bool = False) -> None:
        """The next block; `absent` says whether one of its rows lacks the column."""
        before = self.evidence
        if isinstance(values, list):
            found = self._of_json(values)
        elif self._said.text or arrow.is_text(values.type):
            found = self._of_words(values if self._said.text else arrow.strings(values))
        else:
            found = self._of_types(values)
        form = before.form if found.form == NULLS else found.form
        if before.form not in (NULLS, form):
            form = UNREAD
        self.evidence = Evidence(
            form,
            before.rows + len(values),
            before.seen.add(found.seen),
            before.guess or found.guess,
            missing=summed(before.missing, found.missing),
            odd=before.odd or found.odd,
            kinds=before.kinds | found.kinds,
            inexact=before.inexact or found.inexact,
            optional=before.optional or absent,
            wrong=before.wrong or (found.wrong and (found.wrong[0] + before.rows, found.wrong[1])),
        )

    def done(self) -> Evidence:
        """What all blocks say."""
        words = CountedWords()
        if self._many is None and self._words:
            each = self._words.values()
            words = CountedWords(
                tuple(self._words), tuple(often for often, _ in each), tuple(first for _, first in each)
            )
        return self.evidence._replace(words=words, many=self._many)

    def _of_words(self, array: Array) -> Evidence:
        """Words that may be anything."""
        rows, form = len(array), self.evidence.form
        if array.null_count == rows:
            return Evidence(NULLS, seen=ValuesSeen(rows))
        if form == UNREAD:
            return Evidence(UNREAD, seen=ValuesSeen(rows))
        odd = None
        while self._guesses and form in (NULLS, READ):
            guess = self._guesses[0]
            values = guess.read(array)
            if values is not None:
                make = date_column if guess.kind == DATE else number_column
                column = make(self._name, values, guess.rule)
                return Evidence(
                    READ,
                    seen=ValuesSeen.of(column.values, most=self._most_hashes),
                    guess=guess,
                    missing=dict(column.missing_words),
                )
            self._guesses.pop(0)
            if isinstance(guess, PlainNumbers) and guess.mostly:
                odd = guess.word
            if form == READ:
                return Evidence(UNREAD, seen=ValuesSeen(rows), odd=odd)
        codes, words = arrow.coded(array)
        self._count(CountedWords.of(codes, words))
        return Evidence(WORDS, seen=ValuesSeen.of(np.where(codes >= 0, 0, -1)), odd=odd)

    def _count(self, counted: CountedWords) -> None:
        if self._many is not None:
            self._column.look_at(self._many, counted.words)
            return
        rows = self.evidence.rows
        for word, often, first in zip(*counted, strict=True):
            known = self._words.setdefault(word, [0, first + rows])
            known[0] += often
        if len(self._words) > MOST_WORDS:
            self._many = self._column.many_words(list(self._words))
            self._words.clear()

    def _of_types(self, array: Array) -> Evidence:
        """Values of a type of their own."""
        request = ReadRequest(bool, None, lambda *_: None, self._options)
        gathered = gathered_column(Field(self._name, array.type), self._name, 0, request)
        gathered.add(array)
        return self._of_column(gathered.column())

    def _of_column(self, column: "Column") -> Evidence:
        """Values of a type of their own, as a column; whole numbers past 2^53 are words in it."""
        if column.kind in (CATEGORY, TEXT) and not self._as_words:
            return Evidence(UNREAD, inexact=True, seen=ValuesSeen(len(column.values)))
        if self._as_words and column.kind in (NUMBER, INTEGER, BOOLEAN):
            values = column.values.astype(bool) if column.kind == BOOLEAN else column.values
            column = spelled_category(self._name, values, column.present, self._said)
        missing = dict(column.missing_words)
        if column.kind in (CATEGORY, TEXT):
            if column.kind == TEXT:
                self._many = ManyWords(None, None, None)
            self._count(CountedWords.of(column.values, column.words or ("",)))
            return Evidence(SPELLED, seen=ValuesSeen.of(np.where(column.present, 0, -1)), missing=missing)
        wrong = None
        if self._said.kind == BOOLEAN and column.kind in (NUMBER, INTEGER):
            places = np.flatnonzero(column.present & (column.values != 0) & (column.values != 1))
            wrong = (int(places[0]), float(column.values[places[0]])) if len(places) else None
        form = NUMBER if column.kind == INTEGER else column.kind
        return Evidence(
            form, seen=ValuesSeen.of(column.values, most=self._most_hashes), missing=missing, wrong=wrong
        )

    def _of_json(self, values: list[Any]) -> Evidence:
        """Values of JSON."""
        kinds = frozenset(kinds_of(values))
        return self._of_kinds(values, kinds)._replace(kinds=kinds)

    def _of_kinds(self, values: list[Any], kinds: frozenset[type]) -> Evidence:
        every = self.evidence.kinds | kinds
        if not kinds:
            return Evidence(NULLS, seen=ValuesSeen(len(values)))
        if every & NESTED:
            column = members_of(self._name, values, self._options)
            return Evidence(column.kind if column.kind == LISTS else OTHER, seen=ValuesSeen.of(column.values))
        if self._as_words or every == {str}:
            return self._of_words(self._spelled(values))
        if every <= NUMBERS or every == {bool}:
            return self._of_column(members_of(self._name, values, self._options))
        return Evidence(UNREAD, seen=ValuesSeen(len(values)))

    def _spelled(self, values: list[Any]) -> Array:
        words = [each if each is None or isinstance(each, str) else spelled(each) for each in values]
        try:
            return Array(words, arrow.STRING)
        except UnicodeEncodeError:
            raise MalformedInput(
                f"column '{self._name}' holds half of a surrogate pair: expected text"
            ) from None
