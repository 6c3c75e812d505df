"""What OpenDP and dp-accounting say that noise costs.

    .tools/privacy/bin/python tests/oracles/make_privacy_losses.py CASES.json LOSSES.json

It imports nothing of this project. CASES.json is a list of a variance, a sensitivity and a δ. For each,
LOSSES.json has OpenDP's ρ of a discrete Gaussian and the ε that it proves of that, the ε that dp-accounting
proves of the same ρ by Rényi divergences, and the ε that it computes from the distribution of the privacy
loss itself, rounded down.
"""

import argparse
import json
from pathlib import Path

import opendp.prelude as dp
from dp_accounting import dp_event
from dp_accounting.pld import privacy_loss_distribution
from dp_accounting.rdp import rdp_privacy_accountant

dp.enable_features("contrib", "honest-but-curious")


def losses(variance: int, sensitivity: int, delta: float) -> dict[str, float]:
    """What both say of one release."""
    domain = dp.vector_domain(dp.atom_domain(T=int))
    release = dp.m.make_gaussian(domain, dp.l2_distance(T=float), variance**0.5)
    rho = release.map(float(sensitivity))
    accountant = rdp_privacy_accountant.RdpAccountant()
    accountant.compose(dp_event.ZCDpEvent(rho))
    loss = privacy_loss_distribution.from_gaussian_mechanism(
        variance**0.5, sensitivity=sensitivity, pessimistic_estimate=False
    )
    return {
        "rho": rho,
        "epsilon": dp.c.make_zCDP_to_approxDP(release).map(float(sensitivity)).epsilon(delta),
        "renyi": accountant.get_epsilon(delta),
        "exact": loss.get_epsilon_for_delta(delta),
    }


def main() -> None:
    """Read the cases, write what is said of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", type=Path)
    parser.add_argument("losses", type=Path)
    given = parser.parse_args()
    cases = json.loads(given.cases.read_text())
    given.losses.write_text(json.dumps([losses(*case) for case in cases]))


if __name__ == "__main__":
    main()
