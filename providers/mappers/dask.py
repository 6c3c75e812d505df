"""Dask behind the `Mapper` port: a cluster that is there, or processes of this machine."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from ml_core.errors import Unavailable
from providers.mappers.tasks import ATTEMPTS, Outcome, PackedTask, is_worth_repeating, packed

if TYPE_CHECKING:
    from distributed import Client, Future

_ANSWERING = 20.0  # seconds that a scheduler has, and a worker that holds a result
_PATIENCE = 960.0  # seconds without a result, or a worker, until the cluster counts as lost
_PAUSE = 1.0  # seconds before the second attempt; doubles with each
_FOR_EACH = 4  # items under way for each thread of the cluster


def mapper(scheduler: str, folder: str) -> "DaskMapper":
    """Work on a cluster. Raises `Unavailable` where it does not answer.

    Args:
        scheduler: its address, such as `tcp://10.0.0.7:8786`; empty for processes of this machine.
        folder: where the processes of this machine keep files.
    """
    from dask import config
    from distributed import Client, LocalCluster

    try:
        if scheduler:
            return DaskMapper(Client(scheduler, timeout=_ANSWERING))
        config.set({"distributed.scheduler.allowed-failures": ATTEMPTS - 1})
        # Dask would not take a worker back that needs longer to be started again, and in the end have none.
        config.set({"distributed.deploy.lost-worker-timeout": _PATIENCE})
        cluster = LocalCluster(
            n_workers=os.cpu_count(),
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            local_directory=folder,
        )
        return DaskMapper(Client(cluster))
    except OSError as error:
        raise Unavailable(f"the scheduler of Dask at {scheduler} does not answer: {error}") from error


class DaskMapper:
    """The `Mapper` port over a client of Dask."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def map[Item, Result](
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """See `Mapper`."""
        sent = PackedTask(task)  # with each item: what is scattered is lost with the worker that holds it
        under_way: dict[Future, tuple[int, int]] = {}  # its place, and which attempt it is
        coming = deque((place, 1) for place in range(len(items)))
        width = _FOR_EACH * max(1, sum(self._client.nthreads().values()))
        try:
            while coming or under_way:
                # So many results at most wait for the first that is missing.
                first = min((place for place, _ in [*under_way.values(), *islice(coming, 1)]))
                while coming and len(under_way) < width and coming[0][0] < first + 2 * width:
                    place, attempt = coming.popleft()
                    under_way[self._client.submit(sent, packed(items[place]), pure=False)] = (place, attempt)
                for future in _ended(under_way):
                    place, attempt = under_way.pop(future)
                    returned, value = _outcome(future)
                    if returned:
                        yield place, value
                    elif attempt >= ATTEMPTS:
                        raise value
                    else:
                        time.sleep(_PAUSE * 2 ** (attempt - 1))
                        coming.appendleft((place, attempt + 1))
        finally:
            self._client.cancel(list(under_way), force=True)

    def close(self) -> None:
        """Leave the cluster, and end the processes of this machine."""
        cluster = self._client.cluster
        self._client.close()
        if cluster is not None:
            cluster.close()


def _ended(under_way: "Iterable[Future]") -> "set[Future]":
    from distributed import wait

    try:
        return set(wait(list(under_way), _PATIENCE, "FIRST_COMPLETED").done)
    except TimeoutError as error:
        raise Unavailable(f"workers of Dask have said nothing for {_PATIENCE:.0f} s") from error


def _outcome(future: "Future") -> Outcome:
    """What came of an item. Raises what the task raised, unless another attempt may fare better."""
    try:
        outcome: Outcome = future.result(timeout=_ANSWERING)
    except TimeoutError:  # it was there, and was lost with the worker that held it
        return False, Unavailable("a result was lost with a worker of Dask")
    except Exception as error:  # a task's errors are returned: this is Dask's, which has tried it again
        raise Unavailable(f"a worker of Dask was lost ({type(error).__name__}: {error})") from error
    if not outcome[0] and not is_worth_repeating(outcome):
        raise outcome[1]
    return outcome
