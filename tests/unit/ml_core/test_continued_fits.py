"""A real algorithm's fit, in the real fitting process, over several deliveries; and the parts of that."""

import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

import ml_core.algorithms
from ml_core.inputs.rows import Limits
from ml_core.jobs.checkpoints import Binding, FolderCheckpoints, Kept, Saved
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.fit_process import _stop_by
from ml_core.jobs.job_checkpoint import JobCheckpoint
from ml_core.jobs.jobs import SUCCEEDED, Jobs, checkpoint_key
from ml_core.jobs.leases import CONTINUED, are_attempts_spent, counted_attempts
from ml_core.jobs.trainer import run_job
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.training.fitting import fit
from ml_core.training.history import MOST_KEPT, Entry, History, Numerics, thinned
from ml_core.training.notebook import check_request
from providers.local.runtime.store import FolderStore
from tests.contract.faults import QUICK, RememberingQueue
from tests.stranger.folder import BODY, FIT, FOLDER

ROOT = Path(__file__).parents[3]
STORED = Path(__file__).parent / "stored_requests"
STEPS = 12


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, FOLDER])


def test_a_fit_that_is_continued_gives_the_bytes_of_one_that_is_not(tmp_path: Path) -> None:
    chosen = {"steps": STEPS, "per_delivery": 7}
    body = {**BODY, "algorithm": "patient", "hyperparameters": chosen}
    request = check_request(body, Limits(), lambda _: None)
    store = FolderStore(str(tmp_path))
    jobs = Jobs(store, RememberingQueue())
    job = jobs.submit("far", request.to_bytes(), request.summary())
    context = TrainerContext(jobs, Registry(store), fit_command=FIT, intervals=QUICK)
    while (outcome := run_job(job.id, context)).defer is not None:
        assert outcome.job is not None
        assert outcome.job.attempts[-1]["outcome"] == CONTINUED
    assert outcome.job is not None
    assert (outcome.job.state, outcome.job.error) == (SUCCEEDED, None)
    assert [found.key for found in store.list(f"jobs/{job.id}/").objects] == []

    uninterrupted = fit(request, lambda *_: None)
    assert store.get(artifact_key(job.id)).data == uninterrupted.artifact
    history = json.loads(store.get(manifest_key(job.id)).data)["metrics"]["history"]
    assert [(each["done"], each["of"]) for each in history] == [(step, STEPS) for step in range(1, STEPS + 1)]
    metrics = uninterrupted.manifest["metrics"]
    assert isinstance(metrics, dict)
    assert [each["loss"] for each in history] == [each["loss"] for each in metrics["history"]]
    assert history[-1]["loss"] < history[0]["loss"]
    assert {each["threads"] for each in history} == {1.0}, "numpy came after the environment was set"


# Without what this processor has beyond the oldest ones: numpy's loops then are others.
_OLD_PROCESSOR = """
import sys
folder, disabled, *sys.path[:] = sys.argv[2], sys.argv[1], *sys.argv[3:]
from ml_core.jobs.fit_process import main
from ml_core.networks import numerics
pinned = numerics.environment
numerics.environment = lambda: {**pinned(), "NPY_DISABLE_CPU_FEATURES": disabled}
main(folder, sys.path[:])
"""


@pytest.mark.parametrize("on_another", [False, True])
def test_a_network_that_is_killed_and_continued_gives_the_bytes_of_one_that_is_not(
    tmp_path: Path, *, on_another: bool
) -> None:
    """Killed at the first checkpoint that the store has; that it was on another kind of processor is told."""
    loops = importlib.import_module("numpy._core._multiarray_umath")
    disabled = " ".join(name for name in loops.__cpu_dispatch__ if loops.__cpu_features__[name])
    if on_another and not disabled:
        pytest.skip("numpy has one kind of loops for this processor")
    digits = load_digits()
    body = {
        "algorithm": "cnn",
        "instances": digits.images[:100].astype(int).tolist(),
        "targets": digits.target[:100].tolist(),
        "hyperparameters": {"channels": [4], "dense": [8], "epochs": 60, "patience": None},
    }
    request = check_request(body, Limits(), lambda _: None)
    kills: list[int] = []

    class Killing(FolderStore):
        """Kills the fit."""

        def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
            if b'"advanced_to":"' in data and not kills:
                kills.extend(fits())
                for pid in kills:
                    os.kill(pid, signal.SIGKILL)
            return super().put_if_unchanged(key, data, revision)

    made = []
    for store in (FolderStore(str(tmp_path / "whole")), Killing(str(tmp_path / "killed"))):
        jobs = Jobs(store, RememberingQueue())
        job = jobs.submit("digits", request.to_bytes(), request.summary())
        context = TrainerContext(jobs, Registry(store), intervals=QUICK)
        first = context
        if on_another and isinstance(store, Killing):
            first = context._replace(fit_command=(sys.executable, "-c", _OLD_PROCESSOR, disabled))
        outcome = run_job(job.id, first)
        while outcome.defer is not None:
            outcome = run_job(job.id, context)
        ended = jobs.get(job.id)
        assert (ended.state, ended.error) == (SUCCEEDED, None)
        manifest = json.loads(store.get(manifest_key(job.id)).data)
        history = manifest["metrics"]["history"]
        assert [each["done"] for each in history] == [*range(1, 61)]
        made.append((store.get(artifact_key(job.id)).data, history, manifest["numerics"]))
    assert len(kills) == 1
    if not on_another:
        assert made[0] == made[1]
        assert "continued_from" not in made[0][-1]
        return
    whole, killed = (numerics for _, _, numerics in made)
    (earlier,) = killed.pop("continued_from")
    assert killed == whole, "those of the last delivery"
    assert earlier["cpu_features"] == loops.__cpu_baseline__
    assert {**earlier, "cpu_features": whole["cpu_features"]} == whole


def fits() -> list[int]:
    """The fitting processes of this one, which may have emulators of other tests too."""
    found = []
    for task in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
            children = Path(f"/proc/self/task/{task}/children").read_text(encoding="ascii").split()
            found += [int(pid) for pid in children if _is_fit(pid)]
    return found


def _is_fit(pid: str) -> bool:
    try:
        return b"serverless-ml-job-" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_reading_a_request_does_not_import_numpy() -> None:
    """What an algorithm wants in the environment of its process is known before numpy reads it."""
    program = (
        "import sys; from ml_core import algorithms; from ml_core.training.request import TrainingRequest; "
        "import ml_core.jobs.fit_process, ml_core.training.rows\n"
        "for path in sys.argv[1:]:\n"
        "    request = TrainingRequest.from_bytes(open(path, 'rb').read())\n"
        "    algorithms.algorithm(request.algorithm)\n"
        "algorithms.algorithms()\n"
        "assert 'numpy' not in sys.modules"
    )
    stored = [str(STORED / name) for name in ("columns", "numbers", "split_rows", "table")]
    subprocess.run([sys.executable, "-c", program, *stored], check=True, cwd=ROOT)


def test_a_fit_has_some_seconds_before_it_is_killed() -> None:
    assert _stop_by(None, 0.0) is None
    assert _stop_by(1900.0, 1000.0) == 1897.0
    assert _stop_by(1010.0, 1000.0) == 1009.0
    assert _stop_by(1000.0, 1010.0) == 1000.0


class TestFiles:
    @given(
        st.binary(max_size=200),
        st.lists(st.integers(0, 50), max_size=5),
        st.lists(st.dictionaries(st.text(), st.text() | st.none()), max_size=3),
    )
    def test_what_is_saved_is_read(
        self, state: bytes, steps: list[int], numerics: list[dict[str, object]]
    ) -> None:
        entries: list[Entry] = [{"done": step, "of": 50, "loss": None} for step in steps]
        saved = Saved(entries, state, tuple(numerics))
        assert Saved.of(saved.to_bytes()) == saved
        kept = Kept(Binding("a", None, "b"), saved.to_bytes())
        assert Kept.of(kept.to_bytes()) == kept

    @given(st.data())
    def test_no_damage_is_read_as_a_checkpoint(self, data: st.DataObject) -> None:
        """Neither a byte that changed, nor a part, nor anything behind it."""
        whole = Kept(Binding("a", "d", "b"), Saved([], b"state").to_bytes()).to_bytes()
        place = data.draw(st.integers(0, len(whole) - 1))
        other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
        assert Kept.of(whole[:place]) is None
        assert Kept.of(whole + bytes([other])) is None
        changed = Kept.of(whole[:place] + bytes([other]) + whole[place + 1 :])
        assert changed is None or (changed.file == Saved([], b"state").to_bytes())

    @given(st.binary(max_size=300))
    def test_no_bytes_make_the_reader_fail(self, data: bytes) -> None:
        Kept.of(data)
        Saved.of(data)
        Saved.of(b"[" * 100_000 + data)

    def test_a_fit_begins_with_the_history_of_those_before_it(self, tmp_path: Path) -> None:
        before = History()
        checkpoints = FolderCheckpoints(str(tmp_path), before)
        assert checkpoints.latest() is None
        before.add(1, 3, {"loss": 0.5})
        checkpoints.save(b"one")
        history = History()
        assert FolderCheckpoints(str(tmp_path), history).latest() == b"one"
        assert history.entries == [{"done": 1, "of": 3, "loss": 0.5}]
        assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"], "a file is there whole, or not"

    def test_a_fit_knows_what_those_before_it_computed_with(self, tmp_path: Path) -> None:
        """Each kind once, however often a training changes between them."""
        kinds: list[Numerics] = [{"kernel": "Haswell"}, {"kernel": "SkylakeX"}]
        for computing in (0, 0, 1, 0, 1):
            history = History()
            checkpoints = FolderCheckpoints(str(tmp_path), history)
            history.add_numerics(kinds[computing])
            checkpoints.save(b"state")
        assert history.numerics == kinds

    @pytest.mark.parametrize("said", ["", ', "numerics": []'])
    def test_a_checkpoint_that_says_nothing_of_it_is_read(self, said: str) -> None:
        assert Saved.of(b'{"history": []%s}\nstate' % said.encode()) == Saved([], b"state")
        assert Saved.of(b'{"history": [], "numerics": [7]}\nstate') is None

    def test_a_trainer_that_lost_the_job_takes_no_checkpoint_back(self, tmp_path: Path) -> None:
        store, binding = FolderStore(str(tmp_path / "store")), Binding("request", None, "release")
        folders = [tmp_path / name for name in ("lost", "holding")]
        for folder in folders:
            folder.mkdir()
        lost, holding = (JobCheckpoint(store, "job", str(folder), binding) for folder in folders)

        def put(checkpoint: JobCheckpoint, folder: Path, state: bytes) -> bool:
            FolderCheckpoints(str(folder), History()).save(state)
            checkpoint.keep().ended.wait()
            return checkpoint.settle()

        assert put(lost, folders[0], b"1")
        assert holding.fetch()
        assert put(holding, folders[1], b"2")
        assert not put(lost, folders[0], b"0"), "it is told so"
        kept = Kept.of(store.get(checkpoint_key("job")).data)
        assert kept is not None
        assert Saved.of(kept.file) == Saved([], b"2")
        store.delete(checkpoint_key("job"))
        assert not put(holding, folders[1], b"3"), "the job is over"
        assert put(holding, folders[1], b"4"), "who still holds the job puts it anew"


class TestHistory:
    def test_what_is_told_again_takes_the_place_of_what_was(self) -> None:
        history = History([{"done": step, "of": 9} for step in range(1, 6)])
        history.add(4, 9, {"loss": 1 / 3})
        assert [entry["done"] for entry in history.entries] == [1, 2, 3, 4]
        assert history.entries[-1]["loss"] == 0.3333333
        history.add(1, 9, {"loss": float("nan")})
        assert history.entries == [{"done": 1, "of": 9, "loss": None}]

    @given(st.integers(1, 6000), st.integers(1, 300))
    @settings(max_examples=20)
    def test_it_is_bounded_and_ends_with_the_last(self, steps: int, most: int) -> None:
        history = History()
        for step in range(1, steps + 1):
            history.add(step, steps, {})
        assert len(history.entries) <= MOST_KEPT
        if steps <= MOST_KEPT:
            assert len(history.entries) == steps
        shown = thinned(history.entries, most)
        assert 1 <= len(shown) <= most
        assert shown[-1]["done"] == steps


@pytest.mark.parametrize(
    ("outcomes", "counted"),
    [
        ([], 0),
        (["failed", "lost", None], 3),
        (["failed", "failed", "continued", None], 1),
        (["continued", "failed", "interrupted", "postponed", "lost"], 2),
        (["failed", "failed", "continued"], 0),
    ],
)
def test_attempts_count_since_the_checkpoint_moved(outcomes: list[str | None], counted: int) -> None:
    assert counted_attempts([{"outcome": outcome} for outcome in outcomes]) == counted


@pytest.mark.parametrize(
    ("outcomes", "advanced", "spent"),
    [
        (["failed", "failed", None], False, True),
        (["failed", "failed", None], True, False),
        (["failed", "failed", "failed"], True, True),
        (["failed", "lost"], False, False),
    ],
)
def test_a_sweep_ends_no_job_whose_trainer_died_after_the_checkpoint_moved(
    outcomes: list[str | None], *, advanced: bool, spent: bool
) -> None:
    attempts = [{"outcome": outcome} for outcome in outcomes]
    body = {"attempts": attempts, "began_at": "a", "advanced_to": "b" if advanced else "a"}
    assert are_attempts_spent(body) == spent
    old = {"attempts": attempts}
    assert are_attempts_spent(old) == (len(outcomes) == 3), "as an earlier release wrote it"
