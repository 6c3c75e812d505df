"""What a model makes of columns of more kinds than numbers: fitted to its training rows, kept with it."""

from __future__ import annotations

from math import isfinite

from ml_core.arithmetic.layout import Layout
from ml_core.errors import ArtifactInvalid, shown
from ml_core.inputs.columns import CATEGORY, KINDS, Feature, packed_rows, reader_of, schema_of
from ml_core.inputs.instances import LEAVE_OUT, in_order
from ml_core.inputs.rules import restored_rule

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from ml_core.inputs.columns import Reader
    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits, Rows


class Encoding:
    """The features of a model with a layout that was fitted to its training rows."""

    def __init__(self, features: tuple[Feature, ...], layout: Layout) -> None:
        self.features = features
        self.layout = layout
        self._readers: list[Reader] = []
        self._names = frozenset(feature.name for feature in features)
        self._text = any(feature.rule.text for feature in features)
        self._optional = [feature.name for feature in features if feature.rule.optional]

    def rows(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,
    ) -> Rows:
        """Checked rows of what a caller sends: lists in the order of the features, or objects by their names.

        Null is a missing value, and so are the words that the rule of a column names; a word that the model
        never saw is none of its words; `unknown` as in `rows_from_json`. Raises `TooLarge`, `InvalidInput`.
        """
        names = [feature.name for feature in self.features]
        if isinstance(instances, list):
            instances = self._completed(instances)
        listed, rows = in_order(instances, names, limits, where, expecting, unknown=unknown)
        note = notes.look_at if notes else None
        return packed_rows(self.features, listed, rows, where, readers=self.readers, note=note)

    def _completed(self, instances: list[object]) -> list[object]:
        """Rows with null for columns that they may lack, and no space around the names of a text file."""
        if not self._optional and not self._text:
            return instances
        names = self._names
        absent = dict.fromkeys(self._optional)
        completed: list[object] = []
        for row in instances:
            if isinstance(row, dict) and row.keys() != names:
                stripped = {name.strip() if self._text else name: value for name, value in row.items()}
                whole = len(stripped) == len(row)
                completed.append({**absent, **(stripped if whole else row)})
            else:
                completed.append(row)
        return completed

    @property
    def readers(self) -> list[Reader]:
        """What reads the values of each feature; made once."""
        if not self._readers:
            self._readers = [reader_of(feature) for feature in self.features]
        return self._readers

    def row_schema(self) -> dict[str, object]:
        """The JSON Schema of a row; `x-missing` of a column are the words that stand for a missing value."""
        from ml_core.inputs.columns import row_schema

        schemas, lists = {}, self.missing_words
        for feature in self.features:
            schemas[feature.name] = schema = schema_of(feature)
            if feature.rule.missing:
                schema["x-missing"] = {"$ref": f"#/$defs/missing-{lists.index(feature.rule.missing)}"}
        described = row_schema(schemas, self._optional)
        if lists:
            # Each list once: many columns share it.
            described["$defs"] = {f"missing-{place}": {"enum": [*words]} for place, words in enumerate(lists)}
        return described

    @property
    def missing_words(self) -> list[tuple[str, ...]]:
        """The lists of words that stand for a missing value, each once: columns name theirs by its place."""
        found = dict.fromkeys(feature.rule.missing for feature in self.features)
        return [words for words in found if words]

    def description(self) -> list[dict[str, object]]:
        """The encoding as JSON values: what `restored` reads, and a manifest shows."""
        replacements, lists = dict(self.layout.numbers), self.missing_words
        with_missing = {column for column, _, missing in self.layout.categories if missing}
        described = []
        for column, feature in enumerate(self.features):
            entry: dict[str, object] = {"name": feature.name, "kind": feature.kind}
            if read := feature.rule.described():
                entry["read"] = read
            if feature.rule.missing:
                entry["missing"] = lists.index(feature.rule.missing)
            if feature.kind == CATEGORY:
                entry.update(words=list(feature.words), missing_is_a_word=column in with_missing)
            else:
                # No replacement: the column was empty in all training rows, and is not looked at.
                entry.update(
                    replacement=replacements.get(column), flagged=column in self.layout.missing_indicator
                )
            described.append(entry)
        return described

    @classmethod
    def restored(cls, described: object, missing_words: object = ()) -> Encoding:
        """The encoding of a description and its `missing_words`. Raises `ArtifactInvalid`."""
        if not isinstance(described, list) or not described:
            raise ArtifactInvalid("an encoding is a list of features")
        entries = [_entry(each) for each in described]
        lists = _lists(missing_words)
        features = tuple(_feature(entry, lists) for entry in entries)
        for each in features:
            rule = each.rule
            if each.kind != CATEGORY and (rule.closed or rule.dropped or rule.filled or rule.word_kind):
                raise ArtifactInvalid(
                    f"feature {shown(each.name)} has no words, and its rule is one of words"
                )
        numbers = [
            (column, float(entry["replacement"]))
            for column, entry in enumerate(entries)
            if entry["kind"] != CATEGORY and entry["replacement"] is not None
        ]
        flagged = [column for column, entry in enumerate(entries) if entry.get("flagged")]
        words = [
            (column, len(feature.words) - feature.rule.dropped, entry["missing_is_a_word"])
            for column, (entry, feature) in enumerate(zip(entries, features, strict=True))
            if feature.kind == CATEGORY
        ]
        if any(count < 0 or (missing and features[column].rule.dropped) for column, count, missing in words):
            raise ArtifactInvalid("a category has more words that are encoded as zeros than it may have")
        return cls(features, Layout(tuple(numbers), tuple(flagged), tuple(words)))


def _lists(missing_words: object) -> list[tuple[str, ...]]:
    """The lists of `missing_words`, checked. Raises `ArtifactInvalid`."""
    if not isinstance(missing_words, list | tuple) or not all(
        isinstance(words, list) and set(map(type, words)) <= {str} for words in missing_words
    ):
        raise ArtifactInvalid("the words for a missing value are lists of strings")
    return [tuple(words) for words in missing_words]


def _feature(entry: dict[str, Any], lists: list[tuple[str, ...]]) -> Feature:
    """The feature of a checked entry. Raises `TypeError`, `ValueError` and `IndexError`."""
    missing = lists[entry["missing"]] if "missing" in entry else ()
    rule = restored_rule(entry.get("read", {}), missing)
    return Feature(entry["name"], entry["kind"], tuple(entry.get("words", ())), rule)


def _entry(entry: object) -> dict[str, Any]:
    """A feature's description, checked. Raises `ArtifactInvalid`."""
    if (
        not isinstance(entry, dict)
        or entry.get("kind") not in KINDS
        or not isinstance(entry.get("name"), str)
    ):
        raise ArtifactInvalid("a feature has a name and a kind")
    if entry["kind"] == CATEGORY:
        words, sound = entry.get("words"), isinstance(entry.get("missing_is_a_word"), bool)
        sound = sound and isinstance(words, list) and set(map(type, words)) <= {str}
    else:
        replacement, sound = entry.get("replacement"), isinstance(entry.get("flagged"), bool)
        sound = sound and (
            replacement is None or (type(replacement) in (int, float) and isfinite(replacement))
        )
    if not sound:
        raise ArtifactInvalid(f"the description of feature {shown(entry['name'])} is not whole")
    return entry
