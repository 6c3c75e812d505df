"""What a request has beside its rows, of what a person holds; and columns as the kind of thing that X is."""

from collections.abc import Mapping
from typing import Any

from serverless_ml.tables.answers import in_frame
from serverless_ml.tables.columns import Table
from serverless_ml.tables.frames import frame_of
from serverless_ml.tables.instances import Instances
from serverless_ml.tables.reading import read


def unknown_columns(rows: Table | Instances) -> str:
    """What becomes of columns that the model does not know, where nothing is said of it.

    A frame has them by nature, such as the target, so they are ignored. In rows that were made for the model
    they are refused.
    """
    made = rows.is_one or isinstance(rows.native, list | tuple)
    return "refuse" if made or rows.columns is None else "ignore"


def takes_bytes(schema: Mapping[str, Any]) -> bool:
    """Whether a model takes arrays as bytes in base64, by the schema of its instances. Graphs do not."""
    return any(
        isinstance(each, Mapping) and each.get("properties", {}).get("b64", {}).get("type") == "string"
        for each in schema.get("anyOf") or (schema,)
    )


def instances(rows: Table | Instances) -> list[Any]:
    """All rows as `instances` has them, by name where they have names. Raises `InvalidInput`."""
    member = rows.chunk(0, rows.rows)
    split = member.get("dataframe_split")
    if split is None:
        return list(member["instances"])
    return [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]


def labels(values: Any) -> list[Any]:
    """Labels as JSON has them, a missing one as None. Raises `InvalidInput`."""
    listed = values if hasattr(values, "__len__") and not isinstance(values, Mapping) else list(values)
    found = read({"label": listed})
    return list(found.fields[0].values(0, found.rows)) if isinstance(found, Table) else list(values)


def frame(like: Table | Instances, columns: dict[str, list[Any]]) -> Any:
    """Columns as a frame of the kind that X is, with its index; a dict of lists where X is no frame."""
    if frame_of(like.native) is None:
        return columns
    return in_frame(like.native, columns)
