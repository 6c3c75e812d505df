"""What people write about models and versions: a description, and tags. It may change; a version does not.

    registry/about/models/{name in lower case}.json
    registry/about/versions/{job id}.json
        description, tags       null and none where nothing was written, or nothing is left of it

So it is in documents of its own, beside the manifest, which is written once, and the model's document, which
each first prediction reads. Of a version it goes with the version's files, and comes back with the version.
Of a model it goes when nothing of the model can be restored any more, or another model takes its name.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from ml_core.documents import Body, Document, read, read_many, replace_damaged, update
from ml_core.errors import (
    DocumentDamaged,
    Fault,
    InvalidInput,
    ObjectNotFound,
    RevisionMismatch,
    member,
    raise_faults,
)
from ml_core.names import RULE, is_name
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from ml_core.ports import ObjectStore

log = logging.getLogger(__name__)

ANY = "*"  # in a condition: whatever ETag it has
MOST_CHARACTERS = 2_000  # of a description
MOST_TAGS = 20
MOST_OF_TAG = 100  # characters of a tag's value
_BREAKS = frozenset("\n\r\t")


class About(Record):
    """What was written about a model or version. `about_etag` changes with it, and with nothing else."""

    description: str | None
    tags: dict[str, str]
    about_etag: str

    @property
    def is_written(self) -> bool:
        """Whether anybody ever wrote it, if only to take it back."""
        return self.about_etag != _NOTHING.about_etag


_NOTHING = About(None, {}, "a0")


def about_model_key(name: str) -> str:
    """Where it is kept what was written about a model."""
    return f"registry/about/models/{name.lower()}.json"


def about_version_key(job_id: str) -> str:
    """Where it is kept what was written about the version that a job registered."""
    return f"registry/about/versions/{job_id}.json"


def forget_model(store: ObjectStore, name: str) -> None:
    """Leave nothing of what was written about a model of that name. Raises `Unavailable`."""

    def change(body: Body | None) -> Body | None:
        return None if body is None or _is_empty(body) else {**body, "description": None, "tags": {}}

    with suppress(ObjectNotFound):
        update(store, about_model_key(name), change)


def read_about(store: ObjectStore, key: str) -> About:
    """What was written, nothing where that is damaged. Raises `Unavailable`."""
    try:
        return _about(read(store, key))
    except ObjectNotFound:
        return _NOTHING
    except DocumentDamaged as error:
        log.error("what was written is not shown: %s", error)  # noqa: TRY400 - foreseen
        return _NOTHING


def read_abouts(store: ObjectStore, keys: Iterable[str]) -> list[About]:
    """The same of several keys, read together. Raises `Unavailable`."""
    return [_about(document) for document in read_many(store, keys, skip_damaged=True)]


def change_about(
    store: ObjectStore, key: str, patch: Mapping[str, Any], etags: frozenset[str] | None = None
) -> About:
    """Merge a patch (RFC 7396): a member that is null goes, one that is not named stays.

    With `etags` one of them has to be the present one, None asks for none.
    Raises `InvalidInput`, `RevisionMismatch`, `Unavailable`.
    """
    raise_faults(_faults(patch))

    def change(body: Body | None) -> Body | None:
        present = _NOTHING if body is None else _about(Document(body, ""))
        if etags is not None and not etags & {ANY, present.about_etag}:
            raise RevisionMismatch(
                f"somebody else changed the description or tags: their ETag is now {present.about_etag}"
            )
        description, tags = _merged(present, patch)
        if (description, tags) == (present.description, present.tags):
            return None
        return {**(body or {}), "description": description, "tags": tags}

    try:
        return _about(replace_damaged(store, key, change))
    except ObjectNotFound:
        return _NOTHING  # nothing was there, and nothing is to be


def _about(document: Document | None) -> About:
    if document is None:
        return _NOTHING
    body = document.body
    return About(body.get("description"), dict(body.get("tags", {})), f"a{body['revision']}")


def _is_empty(body: Body) -> bool:
    return body.get("description") is None and not body.get("tags")


def _merged(present: About, patch: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """What the patch makes of it. Raises `InvalidInput` where that is too many tags."""
    description = patch.get("description", present.description) or None
    changed = {} if patch.get("tags", {}) is None else {**present.tags, **patch.get("tags", {})}
    tags = {name: changed[name] for name in sorted(changed) if changed[name] is not None}
    if len(tags) > MOST_TAGS:
        raise InvalidInput.at(
            "$.tags", f"expected at most {MOST_TAGS} tags, got {len(tags)} with those there"
        )
    return description, tags


def _faults(patch: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with a patch whose members are known, `description` being text or null."""
    if "description" in patch:
        yield from _text_faults("$.description", patch["description"] or "", MOST_CHARACTERS, _BREAKS)
    tags = patch.get("tags")
    if tags is not None and not isinstance(tags, dict):
        yield Fault("$.tags", "expected an object of texts by name, or null")
        return
    for name, value in (tags or {}).items():
        where = member("$.tags", name)
        if not is_name(name):
            yield Fault(where, f"expected a name of {RULE}")
        elif value is not None and not isinstance(value, str):
            yield Fault(where, "expected text, or null to remove the tag")
        elif value is not None:
            yield from _text_faults(where, value, MOST_OF_TAG, frozenset())


def _text_faults(where: str, text: str, most: int, allowed: frozenset[str]) -> Iterator[Fault]:
    if len(text) > most:
        yield Fault(where, f"expected at most {most:,} characters, got {len(text):,}")
    elif any("\ud800" <= character <= "\udfff" for character in text):
        yield Fault(where, "expected text, got half of a surrogate pair")
    elif any(ord(character) < 32 and character not in allowed for character in text):
        more = " but line breaks and tabs" if allowed else ""
        yield Fault(where, f"expected no control characters{more}")
