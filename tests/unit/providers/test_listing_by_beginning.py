"""Listing keys by the beginning of a name looks at those, and at no others that a cloud can leave out."""

from collections.abc import Iterator
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from providers.object_storage import ObstoreStore


@pytest.mark.parametrize("prefix", ["m/k-05", "m/k-0", "m/k-9", "m/nothing", "m/a", "m/0"])
def test_no_other_keys_are_looked_at(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObstoreStore(MemoryStore())
    keys = [f"m/k-{number:03d}.json" for number in range(1000)]
    for key in keys:
        store.put_if_absent(key, b"")
    looked: list[str] = []
    listed = obstore.list

    def counted(*given: Any, **more: Any) -> Iterator[Any]:
        for metas in listed(*given, **more):
            looked.extend(meta["path"] for meta in metas)
            yield metas

    monkeypatch.setattr(obstore, "list", counted)
    expected = [key for key in keys if key.startswith(prefix)]
    assert [found.key for found in store.list(prefix, limit=9).objects] == expected[:9]
    assert len(looked) <= 10
