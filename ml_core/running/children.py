"""Children of this process that run graphs: one for each model, kept while they are asked.

A child serves one model and never another's: what a hostile graph did to it ends with it. One that timed out,
crashed or grew past its limit is ended, and the next call starts another. Calls to one child go one after the
other; those to different children at the same time, and none waits for another's.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ml_core.graphs.call import MEMORY, TIMEOUT, GraphFailure, GraphTensor
from ml_core.running.graph_process import Allowance, Deadline, GraphProcess, started

MOST_CHILDREN = 3
# A graph that is not loaded, or whose process does not survive that, is not tried again for so many seconds:
# each try costs a process and perhaps all of a call's time, and who repeats it would starve the others. After
# that it is: the fault may have been the machine's.
PAUSE = 60.0
_MOST_PAUSED = 100


class GraphQuestion(NamedTuple):
    """What is asked of a graph.

    Args:
        sha256: of its artifact.
        graph: gives its bytes, where no child has it.
        inputs: by their names.
        outputs: names of those that are wanted; all where there are none.
        seconds: for all of it.
        batch: how many instances the graph takes at a time; 0 for any number.
    """

    sha256: str
    graph: Callable[[], bytes | memoryview]
    inputs: Mapping[str, GraphTensor]
    outputs: Sequence[str]
    seconds: float
    batch: int = 0


class _Paused(NamedTuple):
    """A graph that is not tried until then, why, and how many seconds it had had."""

    until: float
    failure: GraphFailure
    seconds: float


class _Place:
    """A child's, and the turn of who asks it."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.process: GraphProcess | None = None
        self.wanted = 0  # by how many calls
        self.last = 0.0
        self.took = 0.0  # seconds, the last answer

    @property
    def held(self) -> int:
        return 0 if self.process is None else self.process.held


class GraphChildren:
    """The children of this process.

    Args:
        allowance: what each of them gets.
        kept_memory: what they may hold together while they are not asked, in bytes.
        most: how many there are at once.
        start: starts one.
    """

    def __init__(
        self,
        allowance: Allowance,
        kept_memory: int,
        *,
        most: int = MOST_CHILDREN,
        start: Callable[[Allowance], GraphProcess] = started,
    ) -> None:
        self._allowance = allowance
        self._kept_memory = kept_memory
        self._most = most
        self._start = start
        self._places: dict[str, _Place] = {}
        self._paused: dict[str, _Paused] = {}
        self._spare: GraphProcess | None = None
        self._changing = threading.Condition()

    def prepare(self) -> None:
        """Start a child for whatever graph comes first.

        It imports its libraries while this process goes on. One alone: a graph that comes later starts its
        child as it is fetched, which takes as long, and a second one at hand would hold memory for nothing.
        """
        with self._changing:
            if self._spare is None:
                self._spare = self._start(self._allowance)

    def has(self, sha256: str) -> bool:
        """Whether a child has this graph, as far as is known before it is asked."""
        with self._changing:
            place = self._places.get(sha256)
            return place is not None and place.process is not None

    def run(self, question: GraphQuestion) -> tuple[dict[str, GraphTensor], bool]:
        """The outputs of a graph, and whether it had to be loaded.

        Raises `GraphFailure`, `Unavailable` where no process can be started, and what gives the graph raises.
        """
        deadline = Deadline(question.seconds)
        self._refuse_paused(question)
        place = self._entered(question.sha256, deadline)
        try:
            if not _acquired(place.turn, deadline):
                raise _overtaken()
            try:
                if not deadline.has(place.took):  # its child would be ended for nothing
                    raise _overtaken()
                return self._asked(place, question, deadline)
            finally:
                place.turn.release()
        finally:
            self._left(place)

    def close(self) -> None:
        """End all children."""
        with self._changing:
            processes = [self._spare, *(place.process for place in self._places.values())]
            self._places.clear()
            self._spare = None
        for process in processes:
            if process is not None:
                process.end()

    def _asked(
        self, place: _Place, question: GraphQuestion, deadline: Deadline
    ) -> tuple[dict[str, GraphTensor], bool]:
        process, cold = place.process, False
        if process is None or not process.is_well:
            self._forget(place)
            self._refuse_paused(question)  # who waited for the turn may have seen it fail
            process, cold = self._loaded(question, deadline), True
            place.process = process
        began = time.monotonic()
        try:
            outputs = process.run(question.inputs, question.outputs, deadline, batch=question.batch)
        except GraphFailure as failure:
            # After an error that it tells it goes on, as long as it keeps to its memory.
            if failure.reason == MEMORY or not process.is_well:
                self._forget(place)
            raise
        place.took = time.monotonic() - began
        return outputs, cold

    def _loaded(self, question: GraphQuestion, deadline: Deadline) -> GraphProcess:
        """A child that has loaded the graph: it imports what it needs while the graph is fetched."""
        process = self._new_process()
        try:
            fetched = question.graph()
            deadline.left()
        except BaseException as error:
            self._keep(process)
            if isinstance(error, TimeoutError):
                raise GraphFailure(TIMEOUT, "to fetch the graph took all the time that there was") from None
            raise
        try:
            process.load(fetched, deadline)
        except GraphFailure as failure:
            self._pause(question, failure)
            raise
        return process

    def _new_process(self) -> GraphProcess:
        with self._changing:
            spare, self._spare = self._spare, None
        if spare is not None and spare.has_ended:
            spare.end()
            spare = None
        return spare or self._start(self._allowance)

    def _keep(self, process: GraphProcess) -> None:
        """A child that has seen no graph is as good for the next."""
        with self._changing:
            if self._spare is None:
                self._spare = process
                return
        process.end()

    def _entered(self, sha256: str, deadline: Deadline) -> _Place:
        """The graph's place; where there is none left, that of the graph which was not asked for longest."""
        over: list[GraphProcess] = []
        try:
            with self._changing:
                while sha256 not in self._places:
                    over += self._left_over(self._most - 1)
                    if len(self._places) < self._most:
                        self._places[sha256] = _Place()
                    elif not _changed(self._changing, deadline):
                        raise GraphFailure(TIMEOUT, "other models took all the time that this call had")
                self._places[sha256].wanted += 1
                return self._places[sha256]
        finally:
            _end_all(over)

    def _left(self, place: _Place) -> None:
        with self._changing:
            place.wanted -= 1
            place.last = time.monotonic()
            over = self._left_over(self._most)
            self._changing.notify_all()
        _end_all(over)

    def _left_over(self, most: int) -> list[GraphProcess]:
        """Take out what is too much, the longest unused first, and what is empty."""
        over: list[GraphProcess] = []
        idle = sorted(
            (place.process is not None, place.last, sha256)
            for sha256, place in self._places.items()
            if not place.wanted
        )
        for has_process, _, sha256 in idle:
            held = sum(place.held for place in self._places.values())
            if has_process and len(self._places) <= most and held <= self._kept_memory:
                break
            process = self._places.pop(sha256).process
            over += [] if process is None else [process]
        return over

    def _forget(self, place: _Place) -> None:
        process, place.process = place.process, None
        if process is not None:
            process.end()

    def _pause(self, question: GraphQuestion, failure: GraphFailure) -> None:
        with self._changing:
            self._paused.pop(question.sha256, None)
            if len(self._paused) >= _MOST_PAUSED:
                del self._paused[next(iter(self._paused))]  # the oldest
            self._paused[question.sha256] = _Paused(time.monotonic() + PAUSE, failure, question.seconds)

    def _refuse_paused(self, question: GraphQuestion) -> None:
        """Raise what was raised before, unless more time is given now and it was time that lacked."""
        with self._changing:
            paused = self._paused.get(question.sha256)
            if paused is None:
                return
            more_time = paused.failure.reason == TIMEOUT and question.seconds > paused.seconds
            if paused.until <= time.monotonic() or more_time:
                del self._paused[question.sha256]
                return
        raise GraphFailure(paused.failure.reason, str(paused.failure))


def _overtaken() -> GraphFailure:
    return GraphFailure(TIMEOUT, "other calls of this model took the time that this one had")


def _acquired(turn: threading.Lock, deadline: Deadline) -> bool:
    try:
        return turn.acquire(timeout=deadline.left())
    except TimeoutError:
        return False


def _changed(changing: threading.Condition, deadline: Deadline) -> bool:
    """Whether something changed while there was time."""
    try:
        return changing.wait(timeout=deadline.left())
    except TimeoutError:
        return False


def _end_all(processes: Sequence[GraphProcess]) -> None:
    for process in processes:
        process.end()
