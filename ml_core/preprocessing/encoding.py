"""What a model makes of columns of more kinds than numbers: fitted to its training rows, kept with it."""

from __future__ import annotations

from math import isfinite

from ml_core.arithmetic.layout import Layout
from ml_core.errors import ArtifactInvalid, shown
from ml_core.inputs.columns import CATEGORY, KINDS, Feature, packed_rows, schema_of
from ml_core.inputs.instances import in_order

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from ml_core.inputs.rows import Limits, Rows


class Encoding:
    """The features of a model with a layout that was fitted to its training rows."""

    def __init__(self, features: tuple[Feature, ...], layout: Layout) -> None:
        self.features = features
        self.layout = layout

    def rows(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
    ) -> Rows:
        """Checked rows of what a caller sends: lists in the order of the features, or objects by their names.

        Null is a missing value; a word that the model never saw is none of its words. Raises `TooLarge` and
        `InvalidInput`.
        """
        names = [feature.name for feature in self.features]
        listed, rows = in_order(instances, names, limits, where, expecting)
        return packed_rows(self.features, listed, rows, where)

    def description(self) -> list[dict[str, object]]:
        """The encoding as JSON values: what `restored` reads, and a manifest shows."""
        replacements = dict(self.layout.numbers)
        with_missing = {column for column, _, missing in self.layout.categories if missing}
        described = []
        for column, feature in enumerate(self.features):
            entry: dict[str, object] = {"name": feature.name, "kind": feature.kind}
            if feature.kind == CATEGORY:
                entry.update(words=list(feature.words), missing_is_a_word=column in with_missing)
            else:
                # No replacement: the column was empty in all training rows, and is not looked at.
                entry.update(
                    replacement=replacements.get(column), flagged=column in self.layout.missing_indicator
                )
            described.append(entry)
        return described

    def schemas(self) -> dict[str, dict[str, object]]:
        """The JSON Schema of each feature's values."""
        return {feature.name: schema_of(feature) for feature in self.features}

    @classmethod
    def restored(cls, described: object) -> Encoding:
        """The encoding of a description. Raises `ArtifactInvalid`."""
        if not isinstance(described, list) or not described:
            raise ArtifactInvalid("an encoding is a list of features")
        entries = [_entry(each) for each in described]
        features = tuple(
            Feature(entry["name"], entry["kind"], tuple(entry.get("words", ()))) for entry in entries
        )
        numbers = [
            (column, float(entry["replacement"]))
            for column, entry in enumerate(entries)
            if entry["kind"] != CATEGORY and entry["replacement"] is not None
        ]
        flagged = [column for column, entry in enumerate(entries) if entry.get("flagged")]
        words = [
            (column, len(entry["words"]), entry["missing_is_a_word"])
            for column, entry in enumerate(entries)
            if entry["kind"] == CATEGORY
        ]
        return cls(features, Layout(tuple(numbers), tuple(flagged), tuple(words)))


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
