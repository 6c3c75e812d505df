"""What the words of a column mean: numbers if all of them are, else dates, truth values or categories.

A column comes batch by batch, and means the same in whatever order and batches it comes. Plain numbers and
ISO dates are read as they come. Where that fails, the words themselves are kept, and what the column is is
decided on all of them. A guess that fails leaves nothing behind: the column is read again.
"""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.errors import InvalidInput, member, quoted, shown
from ml_core.inputs.rules import FALSE_SAID, TRUE_SAID, ValueRule
from ml_core.inputs.texts import PERCENT, read_date, read_number
from ml_core.tables import arrow
from ml_core.tables.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    MOST_WORDS,
    NUMBER,
    TEXT,
    Column,
    date_column,
    number_column,
)
from ml_core.tables.guesses import Guess, IsoDates, PlainNumbers, WrittenValues
from ml_core.tables.notations import (
    DateWords,
    NumberNotation,
    NumberWords,
    Question,
    holds_too_large,
)
from ml_core.tables.oddities import told_of_words
from ml_core.tables.options import MISSING_WORDS, ColumnOptions
from ml_core.tables.vocabulary import DistinctWords, Vocabulary, add_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from arro3.core import Array
    from numpy.typing import NDArray

# So many words, evenly taken from the sorted ones, say whether most are numbers or dates.
_SAMPLED = 500
# So many of the words that are none are named.
_MOST_NAMED = 5
# A column of so many parts of numbers or dates is told by what is none.
_MOSTLY = 0.5
TRUE_WORDS, FALSE_WORDS = ("true",), ("false",)
_ADVICE = {
    NUMBER: 'add it to "missing", or leave the column a category',
    DATE: 'add it to "missing", or leave the column a category',
    BOOLEAN: 'true, yes, t, y and 1 are true, false, no, f, n and 0 are false; add it to "missing"',
}


class ManyWords(NamedTuple):
    """What is known of more words than are told apart.

    `numbers` and `dates` have seen all of them, where they may be such; `alike` is what the first look like.
    """

    numbers: NumberWords | None
    dates: DateWords | None
    alike: str | None

    def follow(self, other: "ManyWords") -> None:
        """Take in what is known of the words after these."""
        if self.numbers is not None and other.numbers is not None:
            self.numbers.follow(other.numbers)
        if self.dates is not None and other.dates is not None:
            self.dates.follow(other.dates)


class WordColumn:
    """A column whose cells are words, told apart as batches of them arrive.

    After all batches, while `unread`, call `start_again` and add all of them once more; then `column`.
    """

    def __init__(self, name: str, options: ColumnOptions = ColumnOptions()) -> None:  # noqa: B008 - immutable
        self.name = name
        self.warnings: list[str] = []
        self._options = options
        self._failed = False
        self._seen = False
        self._started = False
        self._read: list[NDArray[np.float64]] = []
        self._guesses = self.first_guesses()
        self._vocabulary = Vocabulary()
        # Of a column of too many words, whether they are numbers or dates is looked at as they come.
        self._many = ManyWords(None, None, None)
        self._odd: str | None = None

    def first_guesses(self) -> "list[Guess]":
        """What its words may be, as they come."""
        return list(self._first_guesses())

    def _first_guesses(self) -> "Iterable[Guess]":
        said = self._options
        if said.kind in (None, NUMBER) and (said.text or said.kind) and not (said.decimal or said.thousands):
            comma = said.delimiter == ";"
            yield PlainNumbers(self._number_rule(), decimal_comma=comma, exact=said.kind is None)
        if said.kind in (None, DATE):
            yield IsoDates(self._date_rule(""))

    def add(self, array: "Array") -> None:
        """The next batch."""
        if self._failed:
            return
        if not self._started and (self._options.decimal or self._options.thousands) and self._may_be(NUMBER):
            self._guesses[:0] = self._written_numbers(array)
        self._started = True
        while self._guesses:
            guess = self._guesses[0]
            values = guess.read(array)
            if values is not None:
                add_batch(self._read, values)
                self._seen = self._seen or array.null_count < len(array)
                return
            self._guesses.pop(0)
            if isinstance(guess, PlainNumbers) and guess.mostly:
                self._odd = guess.word
            if self._seen:
                self._failed = True
                return
            if isinstance(guess, PlainNumbers) and not guess.too_large:
                self._guesses[:0] = self._written_numbers(array)
        for batch in self._read:  # nulls alone
            self._vocabulary.add(np.full(len(batch), -1, np.int32), ())
        self._read.clear()
        self._add_words(array)

    def _written_numbers(self, array: "Array") -> "list[Guess]":
        """The guess that all words are numbers in the one notation that fits this batch's."""
        words = self._present(arrow.coded(array)[1])
        numbers = self._new_numbers()
        numbers.add(words[:1])
        if not numbers.possible:
            return []
        numbers.add(words)
        notation = numbers.notation()
        # With % all numbers are, or none: that is looked at as a whole.
        if not isinstance(notation, NumberNotation) or notation.doubt or notation.unit == PERCENT:
            return []
        if numbers.may_be_grouped_money:
            return []
        return [WrittenValues(NUMBER, self._number_rule(notation))]

    def _add_words(self, array: "Array") -> None:
        codes, words = arrow.coded(array)
        before = self._vocabulary.overflowed
        self._vocabulary.add(codes, words)
        if not self._vocabulary.overflowed:
            return
        if not before:
            self._many = self.many_words(self._vocabulary.words)
            self._vocabulary.drop_words()
        self.look_at(self._many, words)

    def many_words(self, words: "Sequence[str | None]") -> "ManyWords":
        """What is known of these, which are more than are told apart: `look_at` takes more of them."""
        numbers = self._new_numbers() if self._may_be(NUMBER) else None
        dates = DateWords(self._options.dayfirst) if self._may_be(DATE) else None
        many = ManyWords(numbers, dates, told_of_words(self._present(words[:_SAMPLED])))
        self.look_at(many, words)
        return many

    def look_at(self, many: "ManyWords", words: "Sequence[str | None]") -> None:
        """More words of a column of too many."""
        present = None
        for kind in (many.numbers, many.dates):
            if kind is not None and kind.possible:
                present = self._present(words) if present is None else present
                kind.add(present)

    def _may_be(self, kind: str) -> bool:
        said = self._options
        return said.kind == kind or (said.kind is None and (kind == DATE or said.text))

    def _new_numbers(self) -> NumberWords:
        said = self._options
        return NumberWords(said.decimal, said.thousands, said.delimiter)

    def _present(self, words: "Iterable[str | None]") -> list[str]:
        """The words that stand for no gap among numbers or dates."""
        missing = frozenset(self._options.value_missing)
        return [word for word in words if word is not None and word.strip() not in missing]

    def overflowed(self, many: "ManyWords", odd: str | None) -> None:
        """Take what was seen of more words than are told apart in the place of batches.

        `odd` is a word that made them no plain numbers, though most are.
        """
        self._guesses.clear()
        self._many, self._odd = many, odd

    @property
    def unread(self) -> bool:
        """Whether all batches have to come once more."""
        return self._failed or self.rule_of_many() is not None

    @property
    def may_be_unread(self) -> bool:
        """Whether batches that come may have to come again."""
        looked_at = (kind for kind in (self._many.numbers, self._many.dates) if kind is not None)
        return bool(self._guesses) or self._failed or any(kind.possible for kind in looked_at)

    def rule_of_many(self) -> "tuple[str, ValueRule] | None":
        """What more words are than are told apart, if they are numbers or dates, and how they are read."""
        notation = self._many.numbers.notation() if self._many.numbers else None
        if self._many.numbers and self._many.numbers.too_large and self._options.kind is None:
            return None
        if isinstance(notation, NumberNotation):
            return NUMBER, self._number_rule(notation)
        order = self._many.dates.order() if self._many.dates else None
        return (DATE, self._date_rule(order)) if isinstance(order, str) else None

    def start_again(self) -> None:
        """Take all batches once more: for words, or by the rule that was found."""
        found = None if self._failed else self.rule_of_many()
        self._guesses.clear()
        if found is not None:
            notation = self._many.numbers.notation() if self._many.numbers else None
            if isinstance(notation, NumberNotation) and notation.doubt:
                self._warn(str(notation.doubt))
            self._guesses.append(WrittenValues(*found))
        self._failed, self._seen = False, False
        self._many = ManyWords(None, None, None)
        self._read.clear()
        self._vocabulary = Vocabulary()

    def column(self) -> Column:
        """What the column turned out to be; its batches are given up for it.

        Raises `InvalidInput` for a word that is not what the column was said to be.
        """
        if not self._guesses:
            return self._column_of_words()
        values = np.concatenate([np.empty(0), *self._read])
        self._read.clear()
        return self.column_by(self._guesses[0], values)

    def column_by(self, guess: Guess, values: "NDArray[np.float64]") -> Column:
        """The column of the values that a guess has read of all batches."""
        missing = {word: times for word, times in guess.missing_words.items() if word}
        self._warn_of_signs(missing)
        if isinstance(guess, PlainNumbers):
            self.warnings += [f"column '{self.name}' {warning}" for warning in guess.warnings()]
        if guess.kind == DATE and (self._options.kind == DATE or np.isfinite(values).any()):
            return date_column(self.name, values, guess.rule, missing)
        return number_column(self.name, values, guess.rule, missing)

    def _column_of_words(self) -> Column:
        """Numbers of a notation, dates of an order, truth values or categories, by all words together."""
        words = self._vocabulary.words
        codes = self._vocabulary.take_codes()
        if self._vocabulary.overflowed:
            return self.text(codes)
        return self.column_of(DistinctWords(words, codes))

    def column_of(self, words_read: DistinctWords) -> Column:
        """What a column of these words is, as `column` says it of batches.

        Raises `InvalidInput` for a word that is not what the column was said to be.
        """
        said = self._options.kind
        present = words_read.without(self._options.value_missing)
        if said in (None, BOOLEAN) and (found := self._truths(words_read, present)):
            return found
        if self._may_be(NUMBER) and (found := self._written(words_read, present)):
            return found
        if self._may_be(DATE) and (found := self._dated(words_read, present)):
            return found
        if said in (NUMBER, DATE, BOOLEAN):
            return self._refused(words_read, present, said)
        return self._category(words_read)

    def text(self, codes: "NDArray[np.int32]") -> Column:
        """More words than are told apart."""
        question = next(
            (
                found
                for found in (
                    self._many.numbers.notation() if self._many.numbers else None,
                    self._many.dates.order() if self._many.dates else None,
                )
                if isinstance(found, Question)
            ),
            None,
        )
        large = self._many.numbers.too_large if self._many.numbers else None
        if question:
            self._warn(str(question))
        elif large is not None:
            self._warn(f"whole numbers such as {shown(large)} are past 2^53 and were read as words")
        elif self._many.alike:
            self._warn(self._many.alike)
        elif self._odd is not None:
            self._warn(f'holds numbers and the word {shown(self._odd)}: "missing" can name it')
        said = self._options.kind
        if said == BOOLEAN:
            got = f"got more than {MOST_WORDS} different words"
            raise InvalidInput.at(self._where, f"expected true or false in each row, {got}; {_ADVICE[said]}")
        if said in (NUMBER, DATE):
            other = (self._many.numbers if said == NUMBER else self._many.dates).other  # type: ignore[union-attr]
            got = str(question) if question else shown(other)
            raise InvalidInput.at(self._where, f"expected a {said} in each row, got {got}; {_ADVICE[said]}")
        return Column(self.name, TEXT, np.minimum(codes, 0))

    def _truths(self, words: "DistinctWords", present: list[str]) -> Column | None:
        said = self._options.kind == BOOLEAN
        true, false = (TRUE_SAID, FALSE_SAID) if said else (TRUE_WORDS, FALSE_WORDS)
        truths = {**dict.fromkeys(true, 1.0), **dict.fromkeys(false, 0.0)}
        if not present and self._options.kind != BOOLEAN:
            return None
        if not all(word.strip().lower() in truths for word in present):
            return None
        missing = self._options.value_missing
        values, missing_words = words.values(missing, lambda word: truths[word.strip().lower()])
        self._warn_of_signs(missing_words)
        rule = ValueRule(text=True, missing=missing, true=true, false=false)
        return Column(self.name, BOOLEAN, values, (), rule, missing_words)

    def _written(self, words: "DistinctWords", present: list[str]) -> Column | None:
        """Numbers in a notation that fits all words."""
        if self._options.kind is None and holds_too_large(present):
            return None
        numbers = self._new_numbers()
        numbers.add(present)
        notation = numbers.notation()
        if not present and self._options.kind == NUMBER:
            notation = NumberNotation(".", "", "")
        if isinstance(notation, Question):
            self._warn(str(notation))
        if not isinstance(notation, NumberNotation):
            if not isinstance(notation, Question):
                self._tell_of_one(words, present, numbers.other, NUMBER)
            return None
        if notation.doubt:
            self._warn(str(notation.doubt))
        rule = self._number_rule(notation)
        values, missing_words = words.values(rule.missing, lambda word: read_number(word, rule))
        self._warn_of_signs(missing_words)
        return number_column(self.name, values, rule, missing_words)

    def _dated(self, words: "DistinctWords", present: list[str]) -> Column | None:
        """Dates in an order that fits all words."""
        dates = DateWords(self._options.dayfirst)
        dates.add(present)
        order = dates.order()
        if not present and self._options.kind == DATE:
            order = ""
        if isinstance(order, Question):
            self._warn(str(order))
        if not isinstance(order, str):
            if order is None:
                self._tell_of_one(words, present, dates.other, DATE)
            return None
        rule = self._date_rule(order)
        values, missing_words = words.values(rule.missing, lambda word: read_date(word, rule))
        self._warn_of_signs(missing_words)
        return date_column(self.name, values, rule, missing_words)

    def _category(self, words: "DistinctWords") -> Column:
        """Categories, sorted; those that differ by space around them alone are one."""
        text, missing = self._options.text, self._options.category_missing
        gaps = frozenset(missing)
        meant = [word.strip() for word in words.words]
        kept = sorted({word for word in meant if word not in gaps})
        places = {word: place for place, word in enumerate(kept)}
        places_of_codes = np.array([*(places.get(word, -1) for word in meant), -1], np.int32)
        missing_words: Counter[str] = Counter()
        for word, times in zip(meant, words.times, strict=True):
            if word in gaps and word:
                missing_words[word] += times
        usual = [word for word in MISSING_WORDS if word in places] if text else []
        if usual:
            self._warn(f'{shown(usual[0])} is one of its words, as "missing" was said without it')
        integers = text and holds_too_large(kept)
        rule = ValueRule(text=text, trim=True, missing=missing, spelled=text and any(map(_is_spelled, kept)))
        codes = places_of_codes[words.codes]
        if integers and self._options.kind is None:
            self._warn(
                f"whole numbers such as {shown(max(kept, key=len))} are past 2^53 and were read as categories"
            )
        elif self._options.kind is None and not text and self._are_numbers(kept):
            self._warn(
                f"words such as {shown(kept[0])} are numbers, but words in this file: "
                f'"types": {{{quoted(self.name)}: "number"}} reads them'
            )
        elif self._options.kind is None and (alike := told_of_words(kept)):
            self._warn(alike)
        return Column(self.name, CATEGORY, codes, tuple(kept), rule, dict(missing_words), integers)

    def _are_numbers(self, words: list[str]) -> bool:
        """Whether words of a file that has types are numbers all the same, as some programs write them."""
        numbers = self._new_numbers()
        numbers.add(words)
        return isinstance(numbers.notation(), NumberNotation)

    def _refused(self, words: "DistinctWords", present: list[str], said: str) -> Column:
        """Raise `InvalidInput` for the first word that is not what the column was said to be."""
        numbers, dates = self._new_numbers(), DateWords(self._options.dayfirst)
        reads: dict[str, Callable[[str], bool]] = {
            NUMBER: lambda word: _fits(numbers, word),
            DATE: lambda word: _fits(dates, word),
            BOOLEAN: lambda word: word.strip().lower() in (*TRUE_SAID, *FALSE_SAID),
        }
        wrong = next((word for word in present if not reads[said](word)), None)
        if wrong is None:
            question = numbers.notation() if said == NUMBER else dates.order()
            raise InvalidInput.at(self._where, f"column {shown(self.name)}: {question}")
        expected = "true or false" if said == BOOLEAN else f"a {said}"
        raise InvalidInput.at(
            self._where,
            f"expected {expected} in each row, got {shown(wrong)} in row {words.row_of(wrong)}; "
            f"{_ADVICE[said]}",
        )

    @property
    def _where(self) -> str:
        return member("$.data.types", self.name)

    def _number_rule(self, notation: NumberNotation | None = None) -> ValueRule:
        rule = ValueRule(text=True, missing=self._options.value_missing)
        if notation is None:
            return rule
        return rule._replace(decimal=notation.decimal, thousands=notation.thousands, unit=notation.unit)

    def _date_rule(self, order: str) -> ValueRule:
        return ValueRule(text=self._options.text, missing=self._options.value_missing, date=order)

    def _warn(self, what: str) -> None:
        self.warnings.append(f"column '{self.name}': {what}")

    def _warn_of_signs(self, missing_words: "dict[str, int]") -> None:
        """Say which unusual words were taken for a missing value."""
        usual = frozenset(self._options.category_missing)
        signs = sorted(word for word in missing_words if word not in usual)
        if signs:
            self._warn(f"{', '.join(map(repr, signs))} among its values is taken for a missing one")

    def _tell_of_one(self, words: "DistinctWords", present: list[str], other: str | None, kind: str) -> None:
        """Say which word makes a column words, most of whose cells are numbers or dates."""
        if other is None or self._options.kind is not None:
            return
        is_one = _is_number if kind == NUMBER else _is_date
        ordered = sorted(present)
        sample = ordered[:: max(1, len(ordered) // _SAMPLED)]
        if sum(map(is_one, sample)) <= _MOSTLY * len(sample) / 2:
            return
        others = [word for word in present if not is_one(word)]
        if not others:
            self._warn(
                f"holds {kind}s that are not all written alike, or not as was said, such as {shown(other)} "
                f"in row {words.row_of(other)}: it was read as words"
            )
            return
        rows = words.count(present)
        if rows - words.count(others) <= _MOSTLY * rows:
            return
        # Words are in the order of the rows that first hold them.
        meant = list(dict.fromkeys(word.strip() if self._options.text else word for word in others))
        more = f" and {len(meant) - 1} more words" if len(meant) > 1 else ""
        what = "makes it a gap" if len(meant) == 1 else "makes them gaps"
        self._warn(
            f"holds {kind}s and the word {shown(meant[0])} in row {words.row_of(others[0])}{more}: it was "
            f'read as words; "missing": [{self._listed(meant)}] {what}'
        )

    def _listed(self, words: "Sequence[str]") -> str:
        """Some words as JSON has them, behind those that `missing` said already."""
        missing = self._options.category_missing
        said = () if missing == MISSING_WORDS else tuple(filter(None, missing))
        named = ", ".join(map(quoted, dict.fromkeys((*said, *words[:_MOST_NAMED]))))
        return f"{named}, …" if len(words) > _MOST_NAMED else named


def _fits(kind: NumberWords | DateWords, word: str) -> bool:
    kind.add([word])
    return kind.possible


def _is_number(word: str) -> bool:
    numbers = NumberWords()
    numbers.add([word])
    return numbers.possible


def _is_date(word: str) -> bool:
    dates = DateWords()
    dates.add([word])
    return dates.possible


def _is_spelled(word: str) -> bool:
    """Whether a category's word is one that JSON may have as a number or truth value."""
    return word.lower() in (*TRUE_WORDS, *FALSE_WORDS) or read_number(word, ValueRule()) is not None


def word_column(name: str, batches: "Sequence[Array]", options: ColumnOptions) -> WordColumn:
    """A column all of whose batches are there."""
    column = WordColumn(name, options)
    for batch in batches:
        column.add(batch)
    while column.unread:
        column.start_again()
        for batch in batches:
            column.add(batch)
    return column
