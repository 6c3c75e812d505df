"""Patterns of names, and lists that tell only what a pattern matches."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.datasets import datasets
from ml_core.datasets.datasets import Datasets
from ml_core.errors import InvalidInput, JobNotFound
from ml_core.jobs import jobs as jobs_module
from ml_core.jobs.jobs import Jobs, job_key
from ml_core.name_patterns import check_pattern, matches
from ml_core.names import LONGEST_NAME, is_name
from ml_core.ports import ObjectStore
from ml_core.registry import registry
from ml_core.registry.registry import Registry
from tests.contract.faults import RememberingQueue
from tests.unit.ml_core.test_names import (
    SIZES,
    NoSigner,
    alike,
    distinct,
    memory,
    walked,
    with_datasets,
    with_models,
)

patterns = st.text("aB-.*", max_size=6)
ID_LENGTH = 28


@given(patterns, alike | patterns)
@example("a*a", "a")
@example("*", "")
@example("a*ab", "aab")
@example("*a*a*", "aba")
def test_a_star_stands_for_any_characters_and_case_makes_no_difference(pattern: str, name: str) -> None:
    said = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(pattern, name) == bool(re.fullmatch(said, name, re.IGNORECASE))
    assert matches(pattern, name) == matches(pattern.swapcase(), name) == matches(pattern, name.swapcase())


def test_what_a_regular_expression_takes_years_for_is_done_at_once() -> None:
    assert not matches("a*" * 2000 + "b", "a" * 4000)


POSSIBLE = [
    name
    for length in range(1, 6)
    for letters in itertools.product("a-.", repeat=length)
    if is_name(name := "".join(letters))
]


@given(st.text("a-.*", max_size=3))
def test_a_pattern_is_refused_if_no_name_can_match_it(pattern: str) -> None:
    if any(matches(pattern, name) for name in POSSIBLE):
        check_pattern(pattern, "--models")
    else:
        with pytest.raises(InvalidInput, match="--models: expected a pattern that a name can match"):
            check_pattern(pattern, "--models")


@pytest.mark.parametrize(
    "pattern", ["", "a b", "é*", "-", "*.", "a/*", "x" * 64, f"{'x' * 64}*", f"*-{'x' * 62}", "churn,*"]
)
def test_such_as_these(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 63 of A-Z"):
        check_pattern(pattern, "--models")


@pytest.mark.parametrize(
    "pattern", ["*", "churn", "Fraud-*", "*-eu", "*.v*", "**", "x" * LONGEST_NAME, f"*-{'x' * 61}"]
)
def test_but_not_these(pattern: str) -> None:
    check_pattern(pattern, "--models")


def _told(pattern: str) -> Callable[[str], bool]:
    return lambda name: matches(pattern, name)


class TestLists:
    @settings(max_examples=60)
    @given(distinct(alike), patterns, SIZES, st.integers(2, 5), st.data())
    def test_of_models_tells_what_matches_and_no_other_name(
        self, drawn: list[str], pattern: str, limit: int, listed: int, data: st.DataObject
    ) -> None:
        deleted = frozenset(data.draw(st.lists(st.sampled_from(drawn))) if drawn else [])
        store, among = with_models(drawn, deleted), _told(pattern)

        def page(after: str | None) -> tuple[list[str], str | None]:
            found = Registry(store).models(limit, after, among=among)
            assert len(found.models) <= limit
            assert found.next_after is None or among(found.next_after)
            return [model.name for model in found.models], found.next_after

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(registry, "LARGEST_PAGE", listed)
            expected = sorted((n for n in drawn if among(n) and n not in deleted), key=str.lower)
            assert walked(page) == expected

    @settings(max_examples=60)
    @given(distinct(alike), patterns, SIZES, st.integers(2, 5))
    def test_of_datasets_too(self, drawn: list[str], pattern: str, limit: int, listed: int) -> None:
        store, among = with_datasets(dict.fromkeys(drawn, 2)), _told(pattern)

        def page(after: str | None) -> tuple[list[str], str | None]:
            found = Datasets(store, NoSigner(), RememberingQueue()).list(limit, after, among=among)
            assert found.next_after is None or among(found.next_after)
            return [each.name for each in found.datasets], found.next_after

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datasets, "LARGEST_PAGE", listed)
            assert walked(page) == sorted(filter(among, drawn), key=str.lower)

    @settings(max_examples=80)
    @given(
        st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=14),
        st.integers(1, 4),
        st.integers(1, 5),
        st.integers(1, 4),
    )
    def test_of_jobs_has_neither_others_nor_the_id_of_one(
        self, drawn: list[tuple[int, bool]], limit: int, read: int, listed: int
    ) -> None:
        """Several may be of one millisecond, and the end of a page may be among them."""
        store = memory()
        ours = [_put_job(store, number, *job) for number, job in enumerate(drawn)]
        expected = sorted(filter(None, ours))
        found, after, pages = [], None, 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jobs_module, "_MOST_READ", read)
            patch.setattr(jobs_module, "_LOOKED_AT_ONCE", listed)
            while True:
                page = Jobs(store, RememberingQueue()).list(limit, after, among=_told("ours-*"))
                found += [job.id for job in page.jobs]
                pages += 1
                if page.next_after is None:
                    break
                assert after is None or page.next_after > after, "it gets on"
                after = page.next_after
                rest = after[12:]
                assert after in expected or rest in ("0" * 16, "f" * 16), "the time is all that it tells"
        crowded = {time for time, _ in drawn if sum(each == time for each, _ in drawn) >= min(read, listed)}
        if crowded:  # more of one millisecond than a page looks at: thousands, in a service
            assert found == sorted(set(found))
            assert {id_ for id_ in expected if int(id_[:12], 16) not in crowded} <= set(found)
        else:
            assert found == expected

    def test_a_job_of_another_model_is_as_one_that_never_was(self) -> None:
        store = memory()
        jobs = Jobs(store, RememberingQueue())
        theirs = jobs.submit("theirs", b"{}", {"algorithm": "quick"}).id
        never = f"{theirs[:-1]}{'0' if theirs[-1] != '0' else '1'}"
        for attempt in (jobs.get, jobs.cancel):
            said = []
            for job_id in (theirs, never):
                with pytest.raises(JobNotFound) as refused:
                    attempt(job_id, among=_told("ours-*"))
                said.append(str(refused.value).replace(job_id, "it"))
            assert said[0] == said[1]
        assert not jobs.get(theirs).cancelling


def _put_job(store: ObjectStore, number: int, time: int, ours: bool) -> str | None:
    """Write the document of a job, and of no more; its id where it is one of ours."""
    job_id = f"{time:012x}{number:04x}{number + 1:012x}"
    model = f"{'ours' if ours else 'theirs'}-{number}"
    body: dict[str, Any] = {
        **dict.fromkeys(jobs_module.Job._fields),
        "id": job_id,
        "model": model,
        "state": "failed",
        "request": {},
        "revision": 1,
        "writers": [],
    }
    store.put_if_absent(job_key(job_id), json.dumps(body).encode())
    return job_id if ours else None
