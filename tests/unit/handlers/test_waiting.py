"""Places for requests that wait, by events: no test here tells time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from handlers.waiting import Waiting

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


def test_only_so_many_wait_and_a_place_comes_back() -> None:
    waiting, first, second = Waiting(2), Watched(), Watched()
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


def test_a_failed_look_gives_the_place_back() -> None:
    waiting, watched = Waiting(1), Watched()

    def fail() -> Watched:
        raise LookupError

    for _ in range(3):
        try:
            waiting.look(watched, fail, _over, LONG)
        except LookupError:
            continue
        raise AssertionError("there was no place")


def test_everyone_answers_when_the_server_stops_and_nobody_waits_any_more() -> None:
    waiting, watched = Waiting(4), Watched()
    with _waiter(waiting, watched) as told:
        waiting.end()
    assert told == [False]
    late = Watched()
    assert waiting.look(late, late.again, _over, LONG) == (late, False)
    late.is_over = True
    assert waiting.look(late, late.again, _over, LONG) == (late, True)


def test_no_place_at_all_and_no_time_at_all() -> None:
    watched = Watched()
    assert Waiting(0).look(watched, watched.again, _over, LONG) == (watched, False)
    assert Waiting(1).look(watched, watched.again, _over, 0) == (watched, False)
