"""How a model's document changes: what is new goes in, and about as much that is old goes out.

A change is one compare-and-swap of the document, and happens by it. Before that, what the document need not
hold is copied elsewhere, as it was before the change; only with the change is it taken out. So a writer that
dies leaves the old state or the new, and copies that nobody looks at.

The document holds the `KEPT` newest versions, those that aliases name, and the `KEPT` newest of the deleted;
one more of each until the next change. The document of an earlier release, which holds all, loses up to
`MOST_MOVED` with each change, and the sweep takes out the rest.
"""

from __future__ import annotations

import json
import logging
from typing import NamedTuple

from ml_core.errors import Conflict, DocumentDamaged, ObjectExists
from ml_core.registry.segments import NOWHERE, SIZE, write_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ml_core.documents import Body
    from ml_core.ports import ObjectStore

log = logging.getLogger(__name__)

KEPT = 8
MOST_MOVED = 32
MOST_ERASED = 100  # times that a long model may be deleted as a whole within the retention
DELETED, PURGED = "registry/deleted/", "registry/purged/"  # what the sweep is told


class Leaving(NamedTuple):
    """What a document need not hold: an entry as it is, and where it stands."""

    place: str
    job: str
    entry: Body


def bring_in(body: Body, entry: Body) -> None:
    """Have the document hold an entry that is elsewhere. Raises `Conflict`."""
    job, number = entry["job"], entry["version"]
    held = body["versions"].get(job) or body["tombstones"].get(job)
    if held is not None:
        if held["version"] == number:
            return
        raise Conflict(
            f"versions {held['version']} and {number} are of one job: use version {held['version']}"
        )
    bare = {name: value for name, value in entry.items() if name not in ("job", "at")}
    if "deleted" in entry:
        body["tombstones"][job] = bare
        return
    body["versions"][job] = bare
    elsewhere = elsewhere_of(body)
    elsewhere["live"] -= 1


def refill(body: Body, below: Iterable[Body]) -> None:
    """Have the document hold the newest versions again, after some were deleted.

    `below` are the entries of those that are not newer than the newest elsewhere, the newest first.
    """
    elsewhere = body.get("elsewhere", NOWHERE)
    newest = elsewhere["newest"]
    if elsewhere["live"] <= 0 or any(entry["version"] > newest for entry in body["versions"].values()):
        return
    here = {entry["version"] for place in ("versions", "tombstones") for entry in body[place].values()}
    for entry in below:
        elsewhere["newest"] = entry["version"] - 1
        if "deleted" in entry or entry["version"] in here:
            continue
        bring_in(body, entry)
        if elsewhere["live"] <= 0 or len(body["versions"]) >= KEPT:
            return
    elsewhere.update(live=0, newest=0)


def erase(body: Body, now: str, *, purge: bool) -> None:
    """Have all versions that are elsewhere be deleted. Raises `Conflict` when that was done too often."""
    through = body["next_version"] - 1
    elsewhere = elsewhere_of(body)
    if purge:
        elsewhere["erased"] = [[through, body["revision"] + 1, now, True]]
        elsewhere.pop("latest", None)
    elif elsewhere["live"] > 0:
        if len(elsewhere["erased"]) >= MOST_ERASED:
            raise Conflict(
                f"the model was deleted {MOST_ERASED} times within the time in which it can be restored: "
                "purge it (DELETE with purge=true)"
            )
        elsewhere["erased"] = [*elsewhere["erased"], [through, body["revision"] + 1, now, False]]
    elsewhere.update(live=0, newest=0)


def tell_sweep(
    store: ObjectStore, name: str, time: str, first: int, last: int, *, purge: bool, done: bool = False
) -> None:
    """Write down that versions are about to be deleted, or are: the sweep looks at them when it is time.

    Raises `Unavailable`.
    """
    place = PURGED if purge else f"{DELETED}{time}_"
    told = {"model": name, "first": first, "last": last, "done": done, "revision": 1, "writers": []}
    try:
        store.put_if_absent(f"{place}{name.lower()}_{first}-{last}", json.dumps(told).encode())
    except ObjectExists:
        return


def tell_sweep_of(store: ObjectStore, name: str, entries: Iterable[Body]) -> None:
    """As `tell_sweep`, of what was deleted already, perhaps by a release that tells nobody."""
    groups: dict[tuple[int, bool], list[Body]] = {}
    for entry in entries:
        groups.setdefault((entry["version"] // SIZE, bool(entry.get("purged"))), []).append(entry)
    for (_, purged), group in groups.items():
        numbers = [entry["version"] for entry in group]
        latest = max(entry["deleted"] for entry in group)
        tell_sweep(store, name, latest, min(numbers), max(numbers), purge=purged, done=True)


def erase_deleted(store: ObjectStore, name: str, body: Body) -> None:
    """An earlier release that deletes a model knows of no versions elsewhere: they are deleted with it."""
    if body["deleted"] is None or body.get("elsewhere", NOWHERE)["live"] <= 0:
        return
    tell_sweep(store, name, body["deleted"], 1, body["next_version"] - 1, purge=False)
    erase(body, body["deleted"], purge=False)


def leaving(body: Body, most: int | None = None) -> list[Leaving]:
    """What the document need not hold, the oldest first; at most `MOST_MOVED`, or so many."""
    named = _named(body)
    found: list[Leaving] = []
    for place in ("versions", "tombstones"):
        entries = sorted(
            (entry["version"], job)
            for job, entry in body[place].items()
            if place == "tombstones" or entry["version"] not in named
        )
        found += [Leaving(place, job, dict(body[place][job])) for _, job in entries[:-KEPT]]
    return found[: MOST_MOVED if most is None else most]


def move_out(store: ObjectStore, name: str, body: Body, gone: list[Leaving]) -> bool:
    """Copy elsewhere what is still as it was, and take it out; whether anything was. Raises `Unavailable`.

    Where somebody damaged what they would be copied to, they stay: the change itself needs none of it.
    """
    named = _named(body)
    going = [
        each
        for each in gone
        if body[each.place].get(each.job) == each.entry
        and (each.place == "tombstones" or each.entry["version"] not in named)
    ]
    if not going:
        return False
    copies = [{"job": each.job, **each.entry} for each in going]
    try:
        staying = write_entries(store, name, copies, body["revision"])
    except DocumentDamaged as error:
        log.error("model %s keeps its old versions: %s", name, error)  # noqa: TRY400 - foreseen
        return False
    moved = [each for each in going if each.job not in staying]
    tell_sweep_of(store, name, [each.entry for each in moved if each.place == "tombstones"])
    elsewhere = elsewhere_of(body)
    for place, job, entry in moved:
        del body[place][job]
        if place == "versions":
            elsewhere["live"] += 1
            elsewhere["newest"] = max(elsewhere["newest"], entry["version"])
        elif not entry.get("purged"):
            elsewhere["latest"] = max(elsewhere.get("latest", ""), entry["deleted"])
    return bool(moved)


def _named(body: Body) -> set[int]:
    """The versions that aliases name."""
    return {
        number
        for alias in body["aliases"].values()
        for number in (map(int, alias["weights"]) if alias.get("weights") else [alias["version"]])
    }


def elsewhere_of(body: Body) -> Body:
    """What the document says of what is elsewhere, to be changed."""
    found: Body = body.setdefault("elsewhere", {**NOWHERE, "erased": []})
    return found
