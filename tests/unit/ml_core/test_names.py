"""Names: what may be one, and lists of them in order, page after page, whatever they are."""

import json
import os
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from ml_core.datasets import datasets
from ml_core.datasets.datasets import Datasets
from ml_core.datasets.sources import upload_in, upload_key
from ml_core.errors import InvalidInput, ModelNotFound
from ml_core.names import LONGEST_NAME, PATTERN, beginnings, check_name, is_name
from ml_core.objects import check_key
from ml_core.ports import ObjectStore, SignedUpload
from ml_core.registry.registry import Registry, artifact_key
from ml_core.serving import Models
from providers.local.runtime.store import FolderStore
from providers.object_storage import ObstoreStore
from tests.contract.faults import FaultyStore, RememberingQueue, fail_before

names = st.from_regex(PATTERN, fullmatch=True)
# Few letters, so that names begin with others, and what sorts before and after '.' and '/' follows them.
alike = st.text("aB0-._j", min_size=1, max_size=5).filter(is_name)
SIZES = st.integers(1, 4)


def distinct(drawn: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(drawn, unique_by=str.lower, max_size=12)


class NoSigner:
    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        return SignedUpload(f"{key}?{seconds}", {})


def memory() -> ObjectStore:
    return ObstoreStore(MemoryStore())


def walked(page: Callable[[str | None], tuple[list[str], str | None]]) -> list[str]:
    """The names of all pages; a page that does not get on fails."""
    found: list[str] = []
    after = None
    while True:
        listed, following = page(after)
        found += listed
        if following is None:
            return found
        assert after is None or following.lower() > after.lower()
        after = following


def models_in(store: ObjectStore, limit: int) -> list[str]:
    def page(after: str | None) -> tuple[list[str], str | None]:
        found = Registry(store).models(limit, after)
        assert len(found.models) <= limit
        return [model.name for model in found.models], found.next_after

    return walked(page)


def datasets_in(store: ObjectStore, limit: int) -> list[str]:
    def page(after: str | None) -> tuple[list[str], str | None]:
        found = Datasets(store, NoSigner(), RememberingQueue()).list(limit, after)
        assert len(found.datasets) <= limit
        return [each.name for each in found.datasets], found.next_after

    return walked(page)


def with_models(given_names: list[str], deleted: frozenset[str] = frozenset()) -> ObjectStore:
    store = memory()
    for name in given_names:
        body = {"name": name, "versions": {}, "next_version": 1, "aliases": {}, "tombstones": {}}
        body |= {"deleted": "2026-11-23T17:59:00Z" if name in deleted else None, "revision": 1, "writers": []}
        store.put_if_absent(f"models/{name.lower()}.json", json.dumps(body).encode())
    return store


def with_datasets(uploads: dict[str, int]) -> ObjectStore:
    store = memory()
    for name, count in uploads.items():
        for _ in range(count):
            store.put_if_absent(upload_key(name, os.urandom(14).hex()), b"x")
    return store


class TestRule:
    @pytest.mark.parametrize(
        "name", ["a", "0", "Churn_2.1", "a.json", "a..b", "a-", "a_", "CON", "x" * LONGEST_NAME]
    )
    def test_what_is_a_name(self, name: str) -> None:
        assert is_name(name)
        check_name(name, "$")

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            "a.",
            "a..",
            ".a",
            "-a",
            "_a",
            "a/b",
            "a\\b",
            "a b",
            "a:b",
            "a\n",
            "é",
            "x" * 64,
            "a%2e",
        ],
    )
    def test_what_is_none(self, name: str) -> None:
        assert not is_name(name)
        with pytest.raises(InvalidInput, match="not ending in"):
            check_name(name, "$")

    @given(st.text(max_size=70) | names | alike | st.text("aZ09._-", max_size=70))
    def test_the_pattern_says_the_same(self, name: str) -> None:
        assert bool(re.fullmatch(PATTERN[1:-1], name)) == is_name(name)

    @given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True))
    def test_what_was_a_name_before_is_one_and_keeps_its_keys(self, name: str) -> None:
        assert is_name(name)
        assert upload_key(name, "01") == f"datasets/{name}/01"

    @given(names, names)
    def test_keys_are_in_their_place_and_apart(self, one: str, other: str) -> None:
        keys = [upload_key(name, "0" * 28) for name in (one, other)]
        for name, key in zip((one, other), keys, strict=True):
            check_key(key)
            assert upload_in(key) == (name, "0" * 28)
            assert key.startswith(f"datasets/{name.lower()}/")
        assert (keys[0] == keys[1]) == (one == other)

    @given(alike)
    def test_beginnings_are_all_whose_keys_may_come_later(self, name: str) -> None:
        shorter = {name[:at] for at in range(1, len(name)) if is_name(name[:at])}
        for ending in ("/", ".json"):
            later = {each for each in shorter if f"{each}{ending}" > f"{name}{ending}"}
            assert later <= set(beginnings(name)) <= shorter


class TestModels:
    @given(distinct(alike) | distinct(names), SIZES, st.data())
    @example(["a", "a-b", "a.b", "a.json", "a.json.json", "a0", "A_"], 1, None)
    def test_each_is_listed_once_in_order(
        self, drawn: list[str], limit: int, data: st.DataObject | None
    ) -> None:
        deleted = frozenset(data.draw(st.lists(st.sampled_from(drawn))) if data and drawn else [])
        store = with_models(drawn, deleted)
        expected = sorted((name for name in drawn if name not in deleted), key=str.lower)
        assert models_in(store, limit) == models_in(store, 1000) == expected

    @given(distinct(alike), alike, SIZES)
    @example(["j", "j-"], "j", 1)
    @example(["a", "a-", "x", "x-"], "a-", 3)
    def test_a_list_goes_on_after_any_name(self, drawn: list[str], after: str, limit: int) -> None:
        store = with_models(drawn)
        following = sorted((name for name in drawn if name.lower() > after.lower()), key=str.lower)
        page = Registry(store).models(limit, after)
        shown = [model.name for model in page.models]
        assert shown == following[: len(shown)], "a page may be short, and leaves none out"
        assert page.next_after == (shown[-1] if shown and len(shown) < len(following) else None)

    def test_a_list_reads_little_more_than_it_shows(self) -> None:
        store = with_models([f"model-{number:03d}.v1" for number in range(100)])
        watched = FaultyStore(store, 0, fail_before)
        page = Registry(watched).models(10)
        assert len(page.models) == 10
        assert watched.operations.count("list models") == 1
        assert watched.operations.count("get models") <= 12, "what the last begins with is looked for"

    def test_a_name_that_was_taken_over_is_served_no_more(self) -> None:
        store = with_models(["Churn"], frozenset({"Churn"}))
        registry = Registry(store)

        def register(name: str, job: str) -> None:
            store.put_if_absent(artifact_key(job), b"")
            registry.register(name, job, sha256="", size=0, algorithm="none")

        register("Churn", "a")
        kept = registry.model("Churn")
        registry.change("Churn", lambda _, body: body.update(versions={}, deleted="2026-11-23T17:59:00Z"))
        register("churn", "b")
        with pytest.raises(ModelNotFound, match="'churn' exists"):
            registry.model_if_changed(kept)

    def test_a_prediction_reads_no_more_than_the_model(self) -> None:
        watched = FaultyStore(with_models(["Churn"]), 0, fail_before)
        for name in ("churn", "CHURN"):
            with pytest.raises(ModelNotFound, match="'Churn' exists"):
                Models(watched).resolve(name)
        assert watched.operations == ["get models"] * 2


class TestDatasets:
    @settings(max_examples=60)
    @given(
        distinct(alike) | distinct(names),
        SIZES,
        st.integers(2, 5),
        st.lists(st.integers(1, 4), min_size=12, max_size=12),
    )
    def test_each_is_listed_once_in_order(
        self, drawn: list[str], limit: int, listed: int, counts: list[int]
    ) -> None:
        store = with_datasets(dict(zip(drawn, counts, strict=False)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datasets, "LARGEST_PAGE", listed)
            assert datasets_in(store, limit) == sorted(drawn, key=str.lower)

    @settings(max_examples=60)
    @given(distinct(alike), alike, SIZES, st.integers(2, 5))
    def test_a_list_goes_on_after_any_name(
        self, drawn: list[str], after: str, limit: int, listed: int
    ) -> None:
        store = with_datasets(dict.fromkeys(drawn, 2))
        following = sorted((name for name in drawn if name.lower() > after.lower()), key=str.lower)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datasets, "LARGEST_PAGE", listed)
            page = Datasets(store, NoSigner(), RememberingQueue()).list(limit, after)
        assert [each.name for each in page.datasets] == following[:limit]


class TestFolder:
    """On the laptop a name is a file's, and the file system may ignore case."""

    @given(distinct(names | alike))
    @settings(max_examples=30)
    def test_no_two_files_differ_in_case_alone_and_none_is_outside(
        self, tmp_path_factory: pytest.TempPathFactory, drawn: list[str]
    ) -> None:
        root = tmp_path_factory.mktemp("names")
        store = FolderStore(str(root / "store"))
        registry = Registry(store)
        for name in drawn:
            registry.register(name, "job", sha256="", size=0, algorithm="none")
            store.put_if_absent(upload_key(name, "0" * 28), b"x")
        assert [entry.name for entry in root.iterdir()] == ["store"] * bool(drawn)
        files = [os.path.join(folder, file) for folder, _, found in os.walk(root / "store") for file in found]
        kept = [file for file in files if f"{os.sep}~" not in file]
        assert len(kept) == 2 * len(drawn)
        below = [os.path.relpath(file, root) for file in kept]
        assert below == [file.lower() for file in below]
        assert not any(part.endswith((".", " ")) for file in below for part in file.split(os.sep))
