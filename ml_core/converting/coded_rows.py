"""The columns that reach the last step as this project has rows: features, and how they become numbers.

scikit-learn's steps leave columns in an order of their own; here numbers come first, then the flags of
missing ones, then words. `places` says where each column of the last step's matrix stands.
"""

from typing import TYPE_CHECKING, Any

from ml_core.arithmetic.layout import Layout
from ml_core.converting.fitted import refuse
from ml_core.converting.matrix_columns import NULL, Gap, MissingFlag, SourceValue, Word, said
from ml_core.inputs.columns import BOOLEAN, CATEGORY, NUMBER, Feature
from ml_core.inputs.rules import TYPED, ValueRule, spelled
from ml_core.preprocessing.encoding import Encoding
from ml_core.preprocessing.scaling import Scaling
from ml_core.records import Record
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ml_core.converting.matrix_columns import Column, KnownWords


class CodedRows(Record):
    """How rows reach the last step.

    Args:
        sources: the caller's columns that are looked at, by their numbers, in order.
        features: these with their kinds and rules.
        layout: how they become numbers.
        places: where each column of the last step's matrix stands in a coded row; some may share a place.
        columns: the columns of the last step's matrix.
    """

    sources: tuple[int, ...]
    features: tuple[Feature, ...]
    layout: Layout
    places: tuple[int, ...]
    columns: "tuple[Column, ...]"

    @property
    def first_at(self) -> dict[int, int]:
        """Of each place the first of the columns that stand there: its scaling is that of the place.

        At the place of a word that the last step does not look at stands none.
        """
        found: dict[int, int] = {}
        for number, place in enumerate(self.places):
            found.setdefault(place, number)
        return found

    @property
    def encoding(self) -> Encoding | None:
        """The encoding; None where all are numbers without gaps."""
        plain = all(feature.kind == NUMBER and feature.rule == _NO_GAP for feature in self.features)
        if plain and self.layout.changes_nothing(len(self.features)):
            return None
        return Encoding(self.features, self.layout)

    @property
    def scaling(self) -> Scaling | None:
        """The scaling of a coded row; None where nothing is scaled."""
        shifts, scales = [0.0] * self.layout.width, [1.0] * self.layout.width
        for place, number in self.first_at.items():
            shifts[place], scales[place] = self.columns[number].shift, self.columns[number].scale
        if not any(shifts) and set(scales) == {1.0}:
            return None
        return Scaling(Tensor.of(shifts), Tensor.of(scales))


_NO_GAP = TYPED._replace(required=True)


def coded_rows(
    columns: "Sequence[Column]",
    names: tuple[str, ...],
    kinds: "Mapping[int, str]",
    path: str,
    *,
    linear: bool,
) -> CodedRows:
    """How rows reach the last step, given what its matrix has.

    `kinds` are those of the caller's columns that are no numbers or words, by their numbers. Words that the
    last step does not look at have places too where it is `linear`, for weights of 0; else none. Raises
    `NotConverted` where a column is used in two ways that one column here cannot have.
    """
    columns = _with_truth_values(columns, kinds)
    sources = tuple(sorted({column.source for column in columns}))
    if not sources:
        refuse(path, "no column reaches it: there is nothing that it looks at")
    of: dict[int, list[Column]] = {source: [] for source in sources}
    for column in columns:
        of[column.source].append(column)
    features = tuple(
        _feature(
            of[source],
            Feature(names[source], kinds.get(source, NUMBER)),
            said(source, names),
            path,
            linear=linear,
        )
        for source in sources
    )
    numbers, flags, words = [], [], []
    for place, (source, feature) in enumerate(zip(sources, features, strict=True)):
        values = [column for column in of[source] if isinstance(column, SourceValue)]
        if values:
            numbers.append((place, _replacement(values)))
        if any(isinstance(column, MissingFlag) for column in of[source]):
            flags.append(place)
        if feature.kind == CATEGORY:
            missing = any(isinstance(column, Word) and column.word is None for column in of[source])
            words.append((place, len(feature.words) - feature.rule.dropped, missing))
    layout = Layout(tuple(numbers), tuple(flags), tuple(words))
    keys: list[tuple[int, Any]] = [(sources[place], SourceValue) for place, _ in numbers] + [
        (sources[place], MissingFlag) for place in flags
    ]
    for place, count, missing in words:
        keys += [(sources[place], word) for word in features[place].words[:count]]
        keys += [(sources[place], None)] * missing
    placed = {key: place for place, key in enumerate(keys)}
    places = tuple(
        placed[column.source, column.word if isinstance(column, Word) else type(column)] for column in columns
    )
    return CodedRows(sources, features, layout, places, tuple(columns))


def _with_truth_values(columns: "Sequence[Column]", kinds: "Mapping[int, str]") -> "list[Column]":
    """The columns, of which the words 0 and 1 are false and true where the caller sends truth values.

    scikit-learn has numbers of pandas' nullable truth values.
    """
    turned: dict[int, KnownWords] = {}
    found: list[Column] = []
    for column in columns:
        if (
            not isinstance(column, Word)
            or kinds.get(column.source) != BOOLEAN
            or column.known.kind != "number"
            or not {*column.known.words} <= _TRUTH.keys()
        ):
            found.append(column)
            continue
        known = turned.get(id(column.known))
        if known is None:
            words, gap = column.known.words, column.known.gap
            if gap and gap.mark is NULL and gap.fill in (0, 1):
                gap = Gap(NULL, bool(gap.fill))
            known = column.known._replace(
                words=tuple(_TRUTH[word] for word in words), kind="boolean", gap=gap
            )
            turned[id(column.known)] = known
        found.append(column._replace(word=column.word and _TRUTH[column.word], known=known))
    return found


_TRUTH = {"0": "false", "1": "true"}


def _feature(columns: "list[Column]", plain: Feature, said_name: str, path: str, *, linear: bool) -> Feature:
    """The feature of a caller's column, given all that is made of it."""
    words = [column for column in columns if isinstance(column, Word)]
    if not words:
        rule = _number_rule(columns, said_name, path)
        if plain.kind == BOOLEAN:  # to numpy true is 1, and 1 is true
            rule = rule._replace(true=("true", "1"), false=("false", "0"))
        return plain._replace(rule=rule)
    known = words[0].known
    if len(words) < len(columns) or any(each.known != known for each in words):
        refuse(
            path,
            f"{said_name} reaches it as words and in another way as well, and one column is read in one way: "
            "send a copy of it under another name",
        )
    rule = _word_rule(known)
    if linear:
        return Feature(plain.name, CATEGORY, known.words, rule)
    there = {each.word for each in words}
    kept = tuple(word for word in known.words if word in there)
    dropped = tuple(word for word in known.words if word not in there)
    if dropped and None in there:
        refuse(
            path,
            f"a category of {said_name} is dropped, and a missing value is one of the others: "
            "fit the encoder with drop=None, or fill the gaps before it",
        )
    return Feature(plain.name, CATEGORY, kept + dropped, rule._replace(dropped=len(dropped)))


def _number_rule(columns: "list[Column]", said_name: str, path: str) -> ValueRule:
    gaps = {column.gap for column in columns if isinstance(column, SourceValue)}
    marks = {gap.mark for gap in gaps if gap} | {
        column.mark for column in columns if isinstance(column, MissingFlag)
    }
    marks -= {NULL} if None in gaps else set()  # where a gap is refused, nothing else happens to it
    real = {gap for gap in gaps if gap and not (gap.mark is NULL and None in gaps)}
    if len(marks) > 1 or len(real) > 1 or (None in gaps and marks):
        refuse(
            path,
            f"{said_name} reaches it with its missing values filled in several ways: "
            "send a copy of it under another name",
        )
    for gap in real:
        if isinstance(gap.fill, str):
            refuse(path, f"the missing values of {said_name} become a word, and numbers are computed with")
    if None in gaps:
        return _NO_GAP
    (mark,) = marks
    if mark is NULL:
        return TYPED
    if isinstance(mark, str):
        refuse(path, f"the missing values of {said_name} are marked by a word, and numbers are computed with")
    return TYPED._replace(required=True, missing=(spelled(mark),))


def _replacement(values: "list[SourceValue]") -> float:
    gap = next((each.gap for each in values if each.gap), None)
    return 0.0 if gap is None or any(each.gap is None for each in values) else float(gap.fill)


def _word_rule(known: "KnownWords") -> ValueRule:
    """How the values of a category are read."""
    words, gap = known.words, known.gap
    rule = TYPED._replace(
        spelled=bool(known.kind),
        word_kind=known.kind,
        closed=known.closed,
    )
    if gap is None:
        return rule._replace(required=known.closed and not known.has_missing)
    fill = _as_word(gap)
    if gap.mark is not NULL:
        rule = rule._replace(missing=(gap.mark if isinstance(gap.mark, str) else spelled(gap.mark),))
    is_known = fill in words and _is_of_kind(gap.fill, known.kind)
    return rule._replace(
        required=gap.mark is not NULL or (known.closed and not is_known),
        filled=(fill,) if is_known else (),
    )


def _as_word(gap: Gap) -> str:
    return gap.fill if isinstance(gap.fill, str) else spelled(gap.fill)


def _is_of_kind(fill: Any, kind: str) -> bool:  # noqa: ANN401
    """Whether what fills a gap is of the kind that the words spell: 1 is not the word "1"."""
    return isinstance(fill, str) == (not kind)
