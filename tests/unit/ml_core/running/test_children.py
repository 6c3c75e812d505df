"""Children are kept by their model, few of them, and no call of one model waits for another's."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_core.errors import Unavailable
from ml_core.graphs.call import CRASHED, MEMORY, REFUSED, TIMEOUT, GraphFailure
from ml_core.running import children as module
from ml_core.running.children import GraphChildren, GraphQuestion
from ml_core.running.graph_process import Allowance, GraphProcess, started
from tests.unit.ml_core.running.graphs import endless, huge, numbers, passes_on, plus, values

ALLOWANCE = Allowance(256 << 20)
PLENTY = 4 << 30


class Counted:
    """Starts children, and keeps them to be looked at."""

    def __init__(self) -> None:
        self.all: list[GraphProcess] = []

    def __call__(self, allowance: Allowance) -> GraphProcess:
        self.all.append(started(allowance))
        return self.all[-1]

    @property
    def living(self) -> int:
        return sum(not process.has_ended for process in self.all)


@pytest.fixture
def counted() -> Iterator[Counted]:
    counted = Counted()
    yield counted
    for process in counted.all:
        process.end()


@pytest.fixture
def children(counted: Counted) -> GraphChildren:
    return GraphChildren(ALLOWANCE, PLENTY, start=counted)


def asked(
    children: GraphChildren,
    file: bytes | Callable[[], bytes],
    *given: float,
    name: str = "",
    seconds: float = 30.0,
) -> tuple[list[float], bool]:
    """What a graph answers, and whether it was loaded for that."""
    graph = file if callable(file) else lambda: file
    name = name or str(hash(file))
    question = GraphQuestion(name, graph, numbers(*given), (), seconds)
    outputs, cold = children.run(question)
    return list(values(outputs["y"])), cold


def refusal(children: GraphChildren, file: bytes, **more: float) -> GraphFailure:
    with pytest.raises(GraphFailure) as caught:
        asked(children, file, 1.0, **more)  # type: ignore[arg-type]
    return caught.value


def test_a_child_is_started_once_for_its_model(children: GraphChildren, counted: Counted) -> None:
    assert asked(children, plus(1), 1) == ([2], True)
    assert asked(children, plus(1), 2) == ([3], False)
    assert asked(children, plus(2), 1) == ([3], True)
    assert asked(children, plus(1), 3) == ([4], False)
    assert counted.living == len(counted.all) == 2


def test_no_child_ever_has_a_second_model(children: GraphChildren, counted: Counted) -> None:
    """Neither when a place is given to another, nor when there is a spare."""
    children.prepare()
    for number in range(6):
        assert asked(children, plus(number), 1) == ([1 + number], True)
    assert len(counted.all) == 6
    assert counted.living == module.MOST_CHILDREN


def test_a_spare_is_started_before_it_is_needed_and_is_one(children: GraphChildren, counted: Counted) -> None:
    children.prepare()
    children.prepare()
    assert len(counted.all) == 1
    assert asked(children, plus(1), 1) == ([2], True)
    assert len(counted.all) == 1
    children.prepare()
    counted.all[1].end()  # it waits for long, and the system wants its memory
    assert asked(children, plus(2), 1) == ([3], True)


def test_the_longest_unused_goes(children: GraphChildren, counted: Counted) -> None:
    for number in (1, 2, 3, 1, 4):
        asked(children, plus(number), 0)
    assert [children.has(str(hash(plus(number)))) for number in (1, 2, 3, 4)] == [True, False, True, True]
    assert counted.living == 3


def test_children_go_when_they_hold_too_much(counted: Counted) -> None:
    """A child holds some 20 MB when nothing is asked of it."""
    children = GraphChildren(ALLOWANCE, 1 << 20, start=counted)
    for number in range(3):
        assert asked(children, plus(number), 1) == ([1 + number], True)
        assert counted.living == 0
    children = GraphChildren(ALLOWANCE, 50 << 20, start=counted)
    for number in range(5):
        asked(children, plus(number), 1)
        assert 1 <= counted.living <= 2


def test_a_refused_call_leaves_its_child(children: GraphChildren) -> None:
    asked(children, plus(1), 1)
    question = GraphQuestion(str(hash(plus(1))), lambda: b"", {}, (), 30.0)
    with pytest.raises(GraphFailure, match="Required inputs"):
        children.run(question)
    assert asked(children, plus(1), 1) == ([2], False)


@pytest.mark.parametrize(("file", "reason", "seconds"), [(endless(), TIMEOUT, 1.0), (huge(), MEMORY, 30.0)])
def test_a_child_that_broke_its_bounds_goes_and_the_next_call_has_another(
    children: GraphChildren, counted: Counted, file: bytes, reason: str, seconds: float
) -> None:
    asked(children, plus(1), 1)
    for turn in range(2):
        assert refusal(children, file, seconds=seconds).reason == reason
        assert counted.living == 1, turn
    assert len(counted.all) == 3
    assert asked(children, plus(1), 1) == ([2], False)


def test_a_child_that_died_while_nobody_asked_is_replaced_unseen(
    children: GraphChildren, counted: Counted
) -> None:
    asked(children, plus(1), 1)
    counted.all[0]._birth.kill()
    counted.all[0]._birth.wait()
    assert asked(children, plus(1), 1) == ([2], True)


@pytest.mark.parametrize(("file", "reason"), [(b"no graph", REFUSED), (passes_on()[:-7], REFUSED)])
def test_a_graph_that_is_not_loaded_is_not_tried_again_for_a_while(
    children: GraphChildren, counted: Counted, monkeypatch: pytest.MonkeyPatch, file: bytes, reason: str
) -> None:
    told = [(failure.reason, str(failure)) for failure in (refusal(children, file) for _ in range(3))]
    assert len(set(told)) == 1
    assert told[0][0] == reason
    assert len(counted.all) == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + module.PAUSE + 1)
    assert refusal(children, file).reason == reason
    assert len(counted.all) == 2


def test_a_graph_that_lacked_time_is_tried_again_with_more(children: GraphChildren, counted: Counted) -> None:
    """One that is loaded slower than it is told: as the process is stopped, nothing is."""

    def start(allowance: Allowance) -> GraphProcess:
        process = counted(allowance)
        if len(counted.all) == 1:
            os.kill(process._birth.pid, signal.SIGSTOP)
        return process

    children = GraphChildren(ALLOWANCE, PLENTY, start=start)
    assert refusal(children, plus(1), seconds=0.5).reason == TIMEOUT
    assert refusal(children, plus(1), seconds=0.5).reason == TIMEOUT
    assert len(counted.all) == 1
    assert asked(children, plus(1), 1, seconds=30) == ([2], True)


def test_what_is_remembered_of_graphs_is_bounded(children: GraphChildren) -> None:
    failure = GraphFailure(REFUSED, "no")
    for number in range(3 * module._MOST_PAUSED):
        children._pause(GraphQuestion(str(number), lambda: b"", {}, (), 1.0), failure)
    assert len(children._paused) == module._MOST_PAUSED
    assert str(3 * module._MOST_PAUSED - 1) in children._paused


def test_a_graph_that_cannot_be_fetched_costs_no_child(children: GraphChildren, counted: Counted) -> None:
    def unreachable() -> bytes:
        raise Unavailable("no")

    for _ in range(3):
        with pytest.raises(Unavailable):
            asked(children, unreachable, 1, name="a")
    assert len(counted.all) == 1
    assert asked(children, plus(1), 1, name="a") == ([2], True)
    assert len(counted.all) == 1


def test_a_hanging_child_harms_no_other(children: GraphChildren) -> None:
    with ThreadPoolExecutor(4) as threads:
        hanging = threads.submit(refusal, children, endless(), seconds=300.0)
        while not children.has(str(hash(endless()))):
            time.sleep(0.01)
        answers = [threads.submit(asked, children, plus(1), number) for number in range(20)]
        answers.append(threads.submit(asked, children, plus(2), 5))
        assert [future.result()[0] for future in answers] == [*([number + 1] for number in range(20)), [7]]
        assert not hanging.done()
        children.close()
        assert hanging.result().reason == CRASHED


def test_calls_to_one_child_go_one_after_the_other_and_each_gets_its_own_answer(
    children: GraphChildren, counted: Counted
) -> None:
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(asked, children, plus(1), number) for number in range(100)]
        answers = [future.result() for future in futures]
    assert [answer for answer, _ in answers] == [[number + 1] for number in range(100)]
    assert sum(cold for _, cold in answers) == 1
    assert len(counted.all) == 1


def test_who_waits_for_a_turn_waits_no_longer_than_it_has(children: GraphChildren) -> None:
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(refusal, children, endless(), seconds=3.0)
        while not children.has(str(hash(endless()))):
            time.sleep(0.01)
        began = time.monotonic()
        assert "other calls of this model" in str(refusal(children, endless(), seconds=0.5))
        assert time.monotonic() - began < 2
        assert first.result().reason == TIMEOUT


def test_who_has_too_little_time_left_ends_no_child(children: GraphChildren, counted: Counted) -> None:
    asked(children, plus(1), 1)
    children._places[str(hash(plus(1)))].took = 5.0
    failure = refusal(children, plus(1), seconds=1.0)
    assert (failure.reason, str(failure)) == (
        TIMEOUT, "other calls of this model took the time that this one had",
    )  # fmt: skip
    assert counted.living == 1


def test_a_model_more_than_there_are_places_waits_for_one(counted: Counted) -> None:
    children = GraphChildren(ALLOWANCE, PLENTY, most=1, start=counted)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(refusal, children, endless(), seconds=2.0)
        while not children.has(str(hash(endless()))):
            time.sleep(0.01)
        assert "other models" in str(refusal(children, plus(1), seconds=0.3))
        assert asked(children, plus(1), 1) == ([2], True)
        assert first.result().reason == TIMEOUT
    assert counted.living == 1


def test_many_models_and_threads(counted: Counted) -> None:
    """Each answer is its own model's, whatever comes and goes meanwhile."""
    children = GraphChildren(ALLOWANCE, PLENTY, most=2, start=counted)
    files = [plus(number) for number in range(4)]

    def ask(turn: int) -> bool:
        number = turn * 7 % 4
        return asked(children, files[number], turn, seconds=60)[0] == [turn + number]

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(40)))
    assert counted.living <= 2
    children.close()
    assert counted.living == 0


def test_a_child_that_cannot_be_started_is_told(children: GraphChildren) -> None:
    def nothing(_: Allowance) -> GraphProcess:
        raise Unavailable("no process")

    children = GraphChildren(ALLOWANCE, PLENTY, start=nothing)
    with pytest.raises(Unavailable):
        asked(children, plus(1), 1)
    assert not children._places
