"""What our noise costs, beside what OpenDP and dp-accounting say of the same noise."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ml_core.privacy.accounting import epsilon_of, rho_of, variance_of

ROOT = Path(__file__).parents[2]
# A variance, a sensitivity and a δ.
CASES = [
    (variance, sensitivity, delta)
    for variance, sensitivity in [(4, 1), (100, 3), (10**6, 300), (10**12, 2_000_000), (625, 1), (40_000, 1)]
    for delta in (1e-9, 1e-6, 1e-3)
]


@pytest.fixture(scope="module")
def theirs() -> list[dict[str, Any]]:
    folder = ROOT / "build" / "oracles"
    folder.mkdir(parents=True, exist_ok=True)
    cases, made = folder / "privacy_cases.json", folder / "privacy_losses.json"
    cases.write_text(json.dumps(CASES))
    python = ROOT / ".tools" / "privacy" / "bin" / "python"
    subprocess.run([python, Path(__file__).with_name("make_privacy_losses.py"), cases, made], check=True)
    found: list[dict[str, Any]] = json.loads(made.read_text())
    return found


@pytest.mark.parametrize("place", range(len(CASES)), ids=str)
def test_noise_costs_what_opendp_says(theirs: list[dict[str, Any]], place: int) -> None:
    (variance, sensitivity, delta), told = CASES[place], theirs[place]
    rho = sensitivity**2 / (2 * variance)
    assert told["rho"] == pytest.approx(rho, rel=1e-9)
    epsilon = epsilon_of(rho, delta)
    assert epsilon == pytest.approx(told["epsilon"], rel=1e-9)
    assert epsilon <= told["renyi"] * (1 + 1e-9), "a search over all orders finds no worse than one over some"
    assert epsilon > told["exact"], "no proof is below what a Gaussian really costs"


@pytest.mark.parametrize("place", range(len(CASES)), ids=str)
def test_the_noise_of_a_budget_is_enough_by_opendps_book_and_hardly_more(
    theirs: list[dict[str, Any]], place: int
) -> None:
    (_, sensitivity, delta), told = CASES[place], theirs[place]
    variance = variance_of(sensitivity**2, rho_of(told["epsilon"], delta))
    assert sensitivity**2 / (2 * variance) <= told["rho"] * (1 + 1e-9)
    assert variance <= CASES[place][0] * (1 + 1e-6) + 1
