"""Built packages are kept, and forgotten only when nobody used them for a day."""

import os
import time
from pathlib import Path

from providers.deploying import packages


def test_a_package_that_another_deployment_uses_just_now_is_not_taken_from_it(tmp_path: Path) -> None:
    latest, other = tmp_path / "api-2.zip", tmp_path / "api-1.zip"
    latest.touch()
    other.touch()
    packages.forget_older(str(latest), "api-", ".zip")
    assert other.exists()


def test_what_was_not_used_for_two_days_is_forgotten_and_what_is_named_otherwise_stays(
    tmp_path: Path,
) -> None:
    names = ("api-1.zip", "api-2.zip", "train-1.zip", "api-1.packages")
    long_ago = time.time() - 48 * 3600
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (long_ago, long_ago))
    packages.forget_older(str(tmp_path / "api-2.zip"), "api-", ".zip")
    assert sorted(os.listdir(tmp_path)) == ["api-1.packages", "api-2.zip", "train-1.zip"]


def test_a_package_that_is_taken_again_counts_as_used(tmp_path: Path) -> None:
    package = tmp_path / "api-1.zip"
    assert not packages.kept(str(package))
    package.touch()
    os.utime(package, (0, 0))
    assert packages.kept(str(package))
    packages.forget_older(str(tmp_path / "api-2.zip"), "api-", ".zip")
    assert package.exists()
