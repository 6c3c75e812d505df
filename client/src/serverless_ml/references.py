"""How a version is named: `churn`, `churn@2` or `churn@production`."""

import re
from typing import NamedTuple
from urllib.parse import quote

from serverless_ml.errors import BadReference

_DIGITS = re.compile(r"[1-9][0-9]{0,8}")


class Reference(NamedTuple):
    """A model, and of it a version, or an alias, or neither: what the service takes then.

    Without both, that is the alias `production` where it exists, else the newest version.
    """

    model: str
    version: int | None = None
    alias: str | None = None

    @property
    def path(self) -> str:
        """Where the service has it, with nothing after it."""
        return model_path(self.model) + self._within

    @property
    def _within(self) -> str:
        if self.version is not None:
            return f"/versions/{self.version}"
        return "" if self.alias is None else f"/aliases/{segment(self.alias)}"

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.model}@{self.version}"
        return self.model if self.alias is None else f"{self.model}@{self.alias}"


def reference(text: str, *, version: int | None = None, alias: str | None = None) -> Reference:
    """Read `name`, `name@2` (digits are a version) or `name@alias`; or a name, with the rest said beside it.

    Raises:
        BadReference: it is none of these, or says version or alias twice.
    """
    if not isinstance(text, str):
        raise BadReference(
            f"expected a model's name, such as 'churn' or 'churn@2', got {type(text).__name__}"
        )
    name, at, rest = text.partition("@")
    said = [each for each in (rest if at else None, version, alias) if each is not None]
    if len(said) > 1:
        raise BadReference(f"expected one version or alias of '{name}', got {' and '.join(map(repr, said))}")
    if not name or (at and not rest):
        raise BadReference(f"expected 'name', 'name@2' or 'name@alias', got {text!r}")
    if version is not None and (isinstance(version, bool) or version < 1):
        raise BadReference(f"expected a version's number, 1 or more, got {version!r}")
    if _DIGITS.fullmatch(rest):
        return Reference(name, version=int(rest))
    return Reference(name, version, rest if at else alias)


def model_path(name: str) -> str:
    """Where the service has a model."""
    return f"/v1/models/{segment(name)}"


def segment(name: str) -> str:
    """A name as one segment of a path, whatever is in it. Raises `BadReference` for what is none."""
    if name in ("", ".", ".."):
        raise BadReference(f"expected a name, got {name!r}")
    return quote(name, safe="")
