"""`make fuzz`: changed samples for so many minutes, target by target, each in a process of its own.

What is found is written to tests/fuzz/found/<target>/, and `make test` tries it from then on.
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ml_core.sandbox.child_process import explains_crash
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CASES, PATIENCE = 2_000, 600.0  # a process's cases, and its seconds
FOUND = Path(__file__).parent / "found"


class Outcome(NamedTuple):
    """What became of a process: `case` is the one at which it ended, None where all were well."""

    case: bytes | None
    said: str


def outcome(target: str, seed: str, cases: int, files: tuple[str, ...] = ()) -> Outcome:
    """Run so many cases, or those of files, in a child process."""
    with tempfile.TemporaryDirectory() as folder:
        current = Path(folder) / "current"
        command = [sys.executable, "-m", "tests.fuzz.worker", target, seed, str(cases), str(current), *files]
        try:
            ran = subprocess.run(
                command,
                cwd=ROOT,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(current.read_bytes(), f"no answer within {PATIENCE:.0f} seconds")
        if ran.returncode == 0 and ran.stdout.endswith("done\n"):
            return Outcome(None, "")
        if not current.exists():
            raise SystemExit(f"{target} did not begin:\n{ran.stderr[-4_000:]}")
        return Outcome(current.read_bytes(), f"status {ran.returncode}\n{ran.stderr[-4_000:]}")


def is_borne(target: str, found: Outcome) -> bool:
    """Whether the engine of tables ends its process at a file: the job says so, and others go on."""
    return target == "tables" and "status -6" in found.said and explains_crash(found.said)


def main() -> int:
    """Fuzz; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=4, help="for all of them together")
    parser.add_argument(
        "--cases", type=int, default=0, help="at least so many of each, however long it takes"
    )
    parser.add_argument("--seed", default="")
    asked = parser.parse_args()
    seed = asked.seed or str(random.SystemRandom().randrange(10**6))
    targets = asked.targets or list(TARGETS)
    print(f"SEED={seed} ({asked.minutes:g} minutes for {', '.join(targets)})", flush=True)
    kept = 0
    for target in targets:
        end, rounds, borne = time.monotonic() + 60 * asked.minutes / len(targets), 0, 0
        while time.monotonic() < end or rounds * CASES < max(1, asked.cases):
            found = outcome(target, f"{seed}-{rounds}", CASES)
            rounds += 1
            if found.case is None:
                continue
            if is_borne(target, found):
                borne += 1
                continue
            kept += 1
            file = FOUND / target / hashlib.sha256(found.case).hexdigest()[:16]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(found.case)
            print(f"{target}: {file.relative_to(ROOT)}\n{found.said}", flush=True)
        print(f"{target}: {rounds} processes of up to {CASES} cases, {borne} ended by the engine", flush=True)
    return 1 if kept else 0


if __name__ == "__main__":
    raise SystemExit(main())
