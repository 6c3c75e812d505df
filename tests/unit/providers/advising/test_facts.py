"""The one dated file of prices and limits."""

import os
import re
from datetime import date
from pathlib import Path

import pytest

from providers.advising import commands, measuring, packaged
from providers.advising.facts import FILE, KNOWN, read_facts
from providers.advising.impossible import AdviceImpossible
from providers.advising.packaged import configured
from tests.unit.providers.test_every_cloud_is_whole import CLOUDS

ROOT = Path(__file__).parents[4]


def test_every_number_has_a_unit_a_date_and_says_how_it_is_known() -> None:
    facts = read_facts().all()
    assert len(facts) > 50
    for place, fact in facts.items():
        assert fact.unit, place
        assert fact.known in KNOWN, place
        assert fact.read >= date(2026, 1, 1), place
        assert fact.low <= fact.value <= fact.high or fact.high <= fact.value <= fact.low, place
        if fact.known == "assumed":
            assert not fact.source, place
        else:
            assert fact.source.startswith("https://") or (ROOT / fact.source).exists(), place
    for cloud in read_facts().clouds.values():
        assert {remark.kind for remark in cloud.remarks} == {"security", "use"}
        for remark in cloud.remarks:
            assert remark.known in KNOWN
            assert remark.source.startswith("https://") or (ROOT / remark.source).exists(), remark


def test_a_price_is_old_after_180_days_and_an_assumption_never() -> None:
    facts = read_facts()
    assert facts.old(date(2026, 11, 27)) == []
    assert "clouds.aws.prices.requests" in facts.old(date(2027, 3, 19))  # read on 2026-09-19
    assert "clouds.aws.prices.requests" not in facts.old(date(2027, 3, 18))
    old = facts.old(date(2028, 1, 1))
    assert {place.split(".")[2] for place in old} == {"prices", "free"}


def test_prices_that_nobody_looked_up_are_named() -> None:
    unchecked = read_facts().unchecked()
    assert "clouds.aws.prices.reads" in unchecked
    assert "clouds.aws.prices.requests" not in unchecked


def test_a_price_stands_nowhere_else() -> None:
    """A second list of prices would grow old unseen."""
    prices = {
        f"{fact.value:.10f}".rstrip("0")
        for place, fact in read_facts().all().items()
        if ".prices." in place and fact.value < 0.001
    }
    assert len(prices) >= 4
    found = []
    for folder in ("providers", "handlers", "ml_core", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name == "scale_model.py":  # of other services, for docs/scale.md
                continue
            numbers = set(re.findall(r"\b0\.0000\d+", path.read_text(encoding="utf-8")))
            found += [f"{path}: {number}" for number in numbers & prices]
    assert found == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[assumed", "assumed"),
        ("clouds = {}", "assumed"),
        (
            '[assumed]\nwait = { value = 1, unit = "s", source = "", read = 2026-01-01, known = "felt" }',
            "felt",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, said: str, told: str) -> None:
    path = tmp_path / "facts.toml"
    path.write_text(said if "clouds" in said else f"{said}\n[clouds]\n" if "wait" in said else said)
    with pytest.raises(AdviceImpossible, match=r"facts\.toml") as refused:
        read_facts(str(path))
    assert told in str(refused.value) or "expected" in str(refused.value)


@pytest.mark.parametrize("name", ["aws", "google", "azure"])
def test_each_clouds_configuration_is_read_as_a_deployment_has_it(name: str) -> None:
    api, cloud = configured(name), read_facts().clouds[name]
    assert api.memory == 512
    assert cloud.memory_for(api.memory) == 512
    assert (api.concurrency, api.instances) == {"aws": (1, 20)}.get(name, (8, 10))
    assert (api.rate, api.burst) == ((50, 100) if name == "aws" else (0, 0))
    assert any(pattern.startswith("ml_core/") for pattern in api.patterns)
    assert os.path.exists(ROOT / api.requirements)


def test_memories_and_shares_of_a_processor_are_the_clouds() -> None:
    clouds = read_facts().clouds
    assert clouds["azure"].memory_for(513) == 2048
    assert clouds["azure"].memory_for(9000) == 4096
    assert clouds["aws"].memory_for(64) == 128
    assert clouds["aws"].memory_for(700) == 700
    assert clouds["aws"].processors(512) == pytest.approx(512 / 1769)
    assert clouds["aws"].processors(3008) == 1.0
    assert clouds["google"].processors(512) == 1.0
    assert clouds["azure"].processors(512) == 0.25


def test_the_adviser_knows_every_cloud() -> None:
    assert sorted(read_facts().clouds) == sorted(packaged.CLOUDS) == sorted(commands.CLOUDS) == CLOUDS
    assert sorted(measuring.ASKING) == CLOUDS


def test_no_function_ships_it() -> None:
    assert os.path.dirname(FILE) == str(ROOT / "providers" / "advising")
    for name in ("aws", "google", "azure"):
        assert not any("advising" in pattern for pattern in configured(name).patterns)
