"""How somebody looks at an upload: what is said of the file, and the name under which the answer is kept."""

import hashlib
import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.picture_files.format_names import PICTURE_FORMATS
from ml_core.tables.options import NOTHING_SAID, ReadOptions, option_faults, option_schemas, read_options
from ml_core.tables.readers import FORMATS, format_faults, format_schema
from ml_core.training.forms import SHAPE, SHAPE_SCHEMA, read_shape

_FORMATS = (*FORMATS, *PICTURE_FORMATS)
DIGEST_LENGTH = 32
_OF_A_JOB = "$.data."
# What `data` says of a table's columns beside how they are read.
_ROLES = ("target", "features", "sequence", "text")
_ROLE = (
    "the columns are described as they are read, whatever is made of them: leave this out here, and say it "
    "in data"
)


class Look(NamedTuple):
    """What is said of a file before it is described: its format, and what a reader does not have to guess.

    Files of pictures have a format, and an `image`: height, width and channels that they are brought to.

    `PLAIN` says nothing.
    """

    format: str | None = None
    options: ReadOptions = NOTHING_SAID
    image: tuple[int, int, int] | None = None

    def said(self) -> dict[str, object]:
        """What was said, as JSON values; empty where nothing was."""
        image = {} if self.image is None else {"image": [*self.image]}
        return {**({} if self.format is None else {"format": self.format}), **image, **self.options.said()}

    @property
    def digest(self) -> str:
        """`DIGEST_LENGTH` hexadecimal digits, the same for whoever says the same; empty for `PLAIN`."""
        said = self.said()
        if not said:
            return ""
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:DIGEST_LENGTH]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Look":
        """The look that a checked body asks for, or that `said` has written."""
        return cls(given.get("format"), read_options(given), read_shape(given.get("image")))


PLAIN = Look()


def check_look(body: object) -> Look:
    """The look that a body asks for. Raises `InvalidInput`, its faults at paths such as `$.types.age`."""
    if not isinstance(body, dict):
        raise InvalidInput.at("$", f"expected an object, got {shown(body)}")
    known = look_schema()["properties"]
    unknown = (
        Fault(
            member("$", name),
            _ROLE if name in _ROLES else f"no such member; there are {', '.join(known)}",
        )
        for name in body
        if name not in known
    )
    faults = list(islice(unknown, InvalidInput.MOST_FAULTS + 1))
    if body.get("image") is not None and read_shape(body["image"]) is None:
        faults.append(Fault("$.image", f"expected {SHAPE}, got {shown(body['image'])}"))
    raise_faults(sorted([*faults, *format_faults(body, "$", _FORMATS), *option_faults(body, "$")]))
    return Look.of(body)


def look_schema() -> dict[str, Any]:
    """What `check_look` takes, as JSON Schema."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "format": format_schema(_FORMATS),
            "image": {
                **SHAPE_SCHEMA,
                "description": "Of files of pictures: height, width and channels that all are brought to.",
            },
            **option_schemas(),
        },
        "examples": [
            {"types": {"zip": "category", "since": "date"}, "missing": ["NA", "-999"], "exclude": ["id"]},
            {"delimiter": ";", "decimal": ",", "thousands": ".", "dayfirst": True, "encoding": "cp1252"},
        ],
    }


def faults_of_look(error: InvalidInput) -> list[Fault]:
    """What a reader has against what was said, at the paths of a look: readers speak of a job's `data`."""
    return [
        Fault(f"$.{fault.path.removeprefix(_OF_A_JOB)}", fault.message)
        if fault.path.startswith(_OF_A_JOB)
        else fault
        for fault in error.faults
    ]
