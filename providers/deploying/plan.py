"""Deploying, whatever the cloud: a plan of steps, and how it is carried out.

`plan(what should be, what is)` is pure: it returns `Step`s and touches nothing, so a dry run prints them
and a second deploy of the same thing has none. `DeploymentRun.apply` carries them out in order and prints
each one with its time. A step does one thing that may be done again: an interrupted deploy is completed by
the next one, because the next plan starts from what is really there.

A cloud supplies a `Deployer` (`providers/<cloud>/deploying/deployer.py`), which `verbs.py` drives.
"""

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, TextIO

from ml_core.errors import ServerlessMLError


class DeploymentFailed(ServerlessMLError):
    """A deployment cannot go on. The message is one line that says what to do about it."""

    code = "deployment_failed"


class Progress(Protocol):
    """How a long step says that it is still alive."""

    def __call__(self, message: str, /) -> None:
        """Say where the step is, e.g. `building, 40 s`."""
        ...


class Step[Cloud](NamedTuple):
    """One change to a cloud: its title, and the act itself.

    The act takes the cloud's own access object, so that making a plan needs none.
    """

    title: str
    act: Callable[[Cloud, Progress], object]


class Deployer(Protocol):
    """What the verbs need of a cloud. Every method may raise `DeploymentFailed`."""

    @property
    def place(self) -> str:
        """Where it all goes, for people: `google project demo-1, europe-west1`."""
        ...

    def package(self) -> list[str]:
        """Build the zips that a deployment uploads; their paths."""
        ...

    def deploy(self, run: "DeploymentRun") -> None:
        """Package, observe, plan and have `run` apply; then check that the endpoint answers."""
        ...

    def remove(self, run: "DeploymentRun") -> None:
        """Delete everything that `deploy` made, by `run.apply_if_agreed`; nothing left is no error."""
        ...

    def info(self) -> dict[str, str]:
        """What is deployed: endpoint, functions, bucket."""
        ...

    def invoke(self, function: str, event: object) -> object:
        """Call a deployed function with an event and return its answer, JSON-able."""
        ...

    def invoke_local(self, function: str, event: object) -> object:
        """Call a function's handler in this process, on the folder store."""
        ...

    def logs(self, function: str, since: float) -> Iterator[str]:
        """A function's log lines since a time (seconds since the epoch, UTC), oldest first."""
        ...


class DeploymentRun:
    """One run of a verb: where it prints, whether it is a dry run, and whether `--yes` was given."""

    def __init__(
        self,
        *,
        dry: bool = False,
        yes: bool = False,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self.dry = dry
        self._yes = yes
        self._out = out or sys.stdout
        self._clock = clock
        self._ask = ask or ask_terminal

    def say(self, line: str) -> None:
        """Print one line, at once."""
        print(line, file=self._out, flush=True)

    def apply[Cloud](self, steps: Iterable[Step[Cloud]], cloud: Cloud) -> None:
        """Carry the steps out in order, one line each with its time; in a dry run only print them.

        Raises:
            DeploymentFailed: as the step raised it; what was done stays, and the next deploy goes on.
        """
        todo = _labelled(steps)
        if not todo:
            self.say("nothing to change")
        for label, step in todo:
            if self.dry:
                self.say(f"would: {label}")
                continue
            started = self._clock()
            step.act(cloud, self._progress(label, started))
            self.say(f"{label} ({self._clock() - started:.1f} s)")

    def apply_if_agreed[Cloud](self, steps: Iterable[Step[Cloud]], cloud: Cloud, lost: str = "") -> None:
        """Print all the steps, ask, and carry them out after a yes; a dry run prints them and asks nothing.

        Args:
            steps: deletions.
            cloud: what they act on.
            lost: what nothing could bring back, as a sentence without its end; empty where there is nothing.

        Raises:
            DeploymentFailed: when nobody agreed, or as a step raised it.
        """
        todo = list(steps)
        if not self.dry:
            for label, _ in _labelled(todo):
                self.say(f"will: {label}")
            self.confirm(f"{lost}; delete all of this for good?" if lost else "delete all of this?")
        self.apply(todo, cloud)

    def confirm(self, question: str) -> None:
        """Go on only when `--yes` was given or a person at the terminal answers yes.

        Raises:
            DeploymentFailed: on any other answer, or when there is nobody to ask.
        """
        if not (self.dry or self._yes or self._answer(question)):
            raise DeploymentFailed("nothing was removed: answer y to the question, or pass --yes")

    def agrees(self, question: str) -> bool:
        """Whether a person at the terminal answers yes; with `--yes` nobody is asked, and nobody agreed."""
        return not (self.dry or self._yes) and self._answer(question)

    def _answer(self, question: str) -> bool:
        return self._ask(f"{question} [y/N] ").strip().lower() in {"y", "yes"}

    def _progress(self, label: str, started: float) -> Progress:
        return lambda message: self.say(f"{label}: {message} ({self._clock() - started:.0f} s)")


def _labelled[Cloud](steps: Iterable[Step[Cloud]]) -> list[tuple[str, Step[Cloud]]]:
    """Each step with its number and title, as it is printed."""
    todo = list(steps)
    width, count = len(str(len(todo))), len(todo)
    return [(f"{number:>{width}}/{count} {step.title}", step) for number, step in enumerate(todo, start=1)]


def held_in_words(models: int, uploads: int) -> str:
    """What nothing could bring back, as `3 models and 1 upload`; empty where it is nothing."""
    counts = ((models, "model"), (uploads, "upload"))
    return " and ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count)


def ask_terminal(question: str) -> str:
    """The answer typed at the terminal (stdin carries the service); empty where there is none."""
    try:
        # Opened twice: a file for both ways has to have positions, which a terminal has not.
        with (
            open("/dev/tty", "w", encoding="utf-8") as asked,
            open("/dev/tty", encoding="utf-8") as answered,
        ):
            asked.write(question)
            asked.flush()
            return answered.readline()
    except OSError:
        return ""


def patiently[Result](
    call: Callable[[], Result],
    pause_after: Callable[[Exception], float | None],
    *,
    patience: float = 120.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Call until it succeeds, while its errors are temporary.

    Clouds are consistent only after a while: a new identity is not known everywhere, a role is not there yet,
    a control plane asks to come back later.

    Args:
        call: what to do; it must be safe to repeat.
        pause_after: seconds that an error asks to wait at least (a Retry-After, or 0), None when it is final.
        patience: seconds after which even a passing error is raised.
        sleep: waits.
        clock: tells seconds.
    """
    deadline = clock() + patience
    pause = 1.0
    while True:
        try:
            return call()
        except Exception as error:
            asked = pause_after(error)
            # Jitter keeps parallel deployments from meeting again at every attempt.
            wait = max(asked or 0.0, pause * random.uniform(0.7, 1.3))  # noqa: S311
            if asked is None or clock() + wait > deadline:
                raise
            sleep(wait)
            pause = min(pause * 2, 15.0)
