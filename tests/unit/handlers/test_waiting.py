"""Places for requests that wait, by events: no test here tells time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from handlers.waiting import Places, ProcessPlaces, SharedPlaces, Waiting
from providers.local.runtime.store import FolderStore
from tests.contract.faults import Clock, FaultyStore, fail_before, lose_answer

LONG = 600.0  # seconds: longer than a test may take


class Watched:
    """Something that is over when it is told so; `seen` is set when somebody looked again."""

    def __init__(self) -> None:
        self.seen = threading.Event()
        self.is_over = False

    def again(self) -> "Watched":
        self.seen.set()
        return self


def _over(watched: Watched) -> bool:
    return watched.is_over


@contextmanager
def _waiter(waiting: Waiting, watched: Watched) -> Iterator[list[bool]]:
    """Somebody who waits meanwhile; afterwards the list has what they were told."""
    told: list[bool] = []
    thread = threading.Thread(
        target=lambda: told.append(waiting.look(watched, watched.again, _over, LONG)[1])
    )
    thread.start()
    assert watched.seen.wait(60)
    yield told
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(params=["of a process", "of all instances"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Places]:
    """Makes so many places."""
    if request.param == "of a process":
        return ProcessPlaces
    return lambda count: SharedPlaces(lambda: FolderStore(str(tmp_path)), count)


def test_only_so_many_wait_and_a_place_comes_back(places: Callable[[int], Places]) -> None:
    waiting, first, second = Waiting(places(2)), Watched(), Watched()
    with _waiter(waiting, first) as one, _waiter(waiting, second) as two:
        third = Watched()
        assert waiting.look(third, third.again, _over, LONG) == (third, False)
        assert not third.seen.is_set()
        first.is_over = second.is_over = True
    assert one == two == [True]
    fourth = Watched()
    with _waiter(waiting, fourth) as again:
        fourth.is_over = True
    assert again == [True]


def test_a_failed_look_gives_the_place_back(places: Callable[[int], Places]) -> None:
    waiting, watched = Waiting(places(1)), Watched()

    def fail() -> Watched:
        raise LookupError

    for _ in range(3):
        try:
            waiting.look(watched, fail, _over, LONG)
        except LookupError:
            continue
        raise AssertionError("there was no place")


def test_everyone_answers_when_the_server_stops_and_nobody_waits_any_more() -> None:
    waiting, watched = Waiting(ProcessPlaces(4)), Watched()
    with _waiter(waiting, watched) as told:
        waiting.end()
    assert told == [False]
    late = Watched()
    assert waiting.look(late, late.again, _over, LONG) == (late, False)
    late.is_over = True
    assert waiting.look(late, late.again, _over, LONG) == (late, True)


def test_no_place_at_all_and_no_time_at_all(places: Callable[[int], Places]) -> None:
    watched = Watched()
    assert Waiting(places(0)).look(watched, watched.again, _over, LONG) == (watched, False)
    assert Waiting(places(1)).look(watched, watched.again, _over, 0) == (watched, False)


class TestPlacesOfAllInstances:
    """Each instance answers one request at a time, and shares nothing with the others but the store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderStore:
        return FolderStore(str(tmp_path))

    def test_however_many_come_at_once_no_more_wait_than_there_are_places(self, store: FolderStore) -> None:
        ready = threading.Barrier(12)

        def come(_: int) -> bool:
            ready.wait(60)
            return SharedPlaces(lambda: store, 3).take(LONG) is not None

        with ThreadPoolExecutor(12) as instances:
            waiting = sum(instances.map(come, range(12)))
        assert waiting <= 3
        late = [SharedPlaces(lambda: store, 3).take(LONG) for _ in range(12)]
        assert waiting + sum(each is not None for each in late) == 3
        assert len(store.list("waiting/").objects) == 3, "who was refused left nothing"

    def test_what_an_instance_that_was_ended_leaves_is_free_after_its_time(self, store: FolderStore) -> None:
        clock = Clock()
        places = SharedPlaces(lambda: store, 1, clock)
        assert places.take(20) is not None
        assert places.take(20) is None
        clock.ahead = 31
        give_back = places.take(20)
        assert give_back is not None
        give_back()
        assert store.list("waiting/").objects == []

    @pytest.mark.parametrize("fault", [fail_before, lose_answer])
    @pytest.mark.parametrize("nth", [1, 2])
    def test_where_the_store_does_not_answer_nobody_waits(
        self, store: FolderStore, nth: int, fault: object
    ) -> None:
        faulty = FaultyStore(store, nth, fault)  # type: ignore[arg-type]
        assert SharedPlaces(lambda: faulty, 1).take(LONG) is None
        assert store.list("waiting/").objects == []
