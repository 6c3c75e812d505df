"""Plans carried out: said step by step, with patience for what passes and a question before what is lost."""

import io

import pytest

from providers.deploying.plan import DeploymentFailed, DeploymentRun, Progress, Step, patiently


def steps_that(record: list[str], *says: str) -> list[Step[str]]:
    def act(name: str) -> Step[str]:
        return Step(name, lambda cloud, _: record.append(f"{name} on {cloud}"))

    return [act(name) for name in says]


def test_steps_are_done_in_order_and_said_with_their_time() -> None:
    done: list[str] = []
    times = iter([0.0, 1.5, 2.0, 2.25])
    out = io.StringIO()
    DeploymentRun(out=out, clock=lambda: next(times)).apply(steps_that(done, "make a", "make b"), "cloud")
    assert done == ["make a on cloud", "make b on cloud"]
    assert out.getvalue().splitlines() == ["1/2 make a (1.5 s)", "2/2 make b (0.2 s)"]


def test_a_dry_run_says_the_steps_and_does_none() -> None:
    done: list[str] = []
    out = io.StringIO()
    DeploymentRun(dry=True, out=out).apply(steps_that(done, "make a"), "cloud")
    assert done == []
    assert out.getvalue() == "would: 1/1 make a\n"


def test_an_empty_plan_says_so() -> None:
    out = io.StringIO()
    DeploymentRun(out=out).apply([], "cloud")
    assert out.getvalue() == "nothing to change\n"


def test_a_long_step_shows_that_it_is_alive() -> None:
    def act(_: str, say: Progress) -> None:
        say("building")

    times = iter([0.0, 12.0, 15.0])
    out = io.StringIO()
    DeploymentRun(out=out, clock=lambda: next(times)).apply([Step("wait", act)], "cloud")
    assert out.getvalue().splitlines() == ["1/1 wait: building (12 s)", "1/1 wait (15.0 s)"]


@pytest.mark.parametrize("answer", ["y", "Y\n", "yes"])
def test_yes_goes_on(answer: str) -> None:
    DeploymentRun(ask=lambda _: answer).confirm("delete?")


@pytest.mark.parametrize("answer", ["", "n", "\n", "maybe"])
def test_everything_else_stops(answer: str) -> None:
    with pytest.raises(DeploymentFailed, match="nothing was removed"):
        DeploymentRun(ask=lambda _: answer).confirm("delete?")


def test_what_was_answered_in_advance_is_not_asked() -> None:
    def ask(_: str) -> str:
        raise AssertionError("asked")

    DeploymentRun(yes=True, ask=ask).confirm("delete?")
    DeploymentRun(dry=True, ask=ask).confirm("delete?")


def test_what_is_deleted_is_printed_before_it_is_asked_for_and_done_after_a_yes() -> None:
    done: list[str] = []
    out = io.StringIO()
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        assert out.getvalue().splitlines() == ["will: 1/2 delete a", "will: 2/2 delete b"]
        assert done == []
        return "y"

    run = DeploymentRun(out=out, ask=ask, clock=lambda: 0.0)
    run.apply_if_agreed(steps_that(done, "delete a", "delete b"), "cloud", "the bucket holds 3 models")
    assert asked == ["the bucket holds 3 models; delete all of this for good? [y/N] "]
    assert out.getvalue().splitlines()[2:] == ["1/2 delete a (0.0 s)", "2/2 delete b (0.0 s)"]
    assert done == ["delete a on cloud", "delete b on cloud"]


def test_what_nobody_agreed_to_is_not_done() -> None:
    done: list[str] = []
    with pytest.raises(DeploymentFailed, match="pass --yes"):
        DeploymentRun(out=io.StringIO(), ask=lambda _: "").apply_if_agreed(steps_that(done, "a"), "cloud")
    assert done == []


def test_a_dry_run_of_what_is_asked_prints_and_asks_nothing() -> None:
    done: list[str] = []
    out = io.StringIO()
    run = DeploymentRun(dry=True, out=out, ask=lambda _: pytest.fail("asked"))
    run.apply_if_agreed(steps_that(done, "delete a"), "cloud")
    assert (out.getvalue(), done) == ("would: 1/1 delete a\n", [])


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError("not yet")
        return "done"


def test_what_passes_is_tried_again_after_growing_pauses() -> None:
    slept: list[float] = []
    assert patiently(Flaky(3), lambda _: 0.0, sleep=slept.append) == "done"
    assert len(slept) == 3
    assert 0.7 <= slept[0] <= 1.3
    assert 2.8 <= slept[2] <= 5.2


def test_an_answer_that_names_a_pause_gets_it() -> None:
    slept: list[float] = []
    patiently(Flaky(1), lambda _: 30.0, sleep=slept.append)
    assert slept == [30.0]


def test_a_final_error_is_raised_at_once() -> None:
    flaky = Flaky(1)
    with pytest.raises(OSError, match="not yet"):
        patiently(flaky, lambda _: None, sleep=lambda _: None)
    assert flaky.calls == 1


def test_patience_ends() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    with pytest.raises(OSError, match="not yet"):
        patiently(Flaky(1000), lambda _: 0.0, patience=60, sleep=sleep, clock=lambda: now)
    assert 30 < now <= 60
