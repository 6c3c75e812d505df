"""What a table of 1 GB, 100 GB and 10 TB takes in time and money: the tables of docs/scale.md.

`python -m benchmarks.scale_model` prints them. `--parameters` prints the figures that they are computed from
as JSON, and `--with FILE` takes others: prices, limits and throughputs are parameters, none of them is asked
of a cloud. What the figures are and where they are from is in docs/scale.md.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from heapq import heapreplace
from random import Random
from typing import Any, NamedTuple

MB, GB, TB = 10**6, 10**9, 10**12
SIZES = {"1 GB": GB, "100 GB": 100 * GB, "10 TB": 10 * TB}
CSV_SIZE = "100 GB"
HOUR, DAY = 3_600.0, 86_400.0


class CloudFunction(NamedTuple):
    """The train function of a cloud, and the storage beside it.

    Args:
        dollars_a_second: what an instance of this size is charged while it works.
        dollars_a_million: what a million invocations are charged besides.
        seconds_a_run: after which an instance is stopped.
        cold_seconds: from an invocation to the first line of ours, in a new instance.
        megabytes_a_second: what an instance reads from the storage at most.
        most_at_once: how many instances work at once.
        dollars_a_million_reads: requests that read.
        dollars_a_million_writes: requests that write or list.
    """

    dollars_a_second: float
    dollars_a_million: float
    seconds_a_run: float
    cold_seconds: float
    megabytes_a_second: float
    most_at_once: int
    dollars_a_million_reads: float
    dollars_a_million_writes: float


class RentedMachine(NamedTuple):
    """A large machine to rent, and the same with Spark: several of them, at a surcharge."""

    dollars_an_hour: float
    processors: int
    gigabytes: float
    megabytes_a_second: float
    start_seconds: float
    spark_surcharge: float
    spark_start_seconds: float
    spark_round_seconds: float


class CloudFigures(NamedTuple):
    """A cloud's function and machine."""

    name: str
    function: CloudFunction
    machine: RentedMachine


class Workload(NamedTuple):
    """What is done with a table: how often it is read, and what a processor gets through meanwhile."""

    name: str
    passes: int
    parquet_megabytes_a_second: float
    csv_megabytes_a_second: float


class TaskFigures(NamedTuple):
    """How the work is cut and handed out.

    Args:
        part_megabytes: the size of a part, which is a task.
        megabytes_a_read: the size of one request to the storage.
        handover_seconds: by which a run ends before it would be stopped.
        round_seconds: what a round takes besides its tasks: invoking, waiting for the last, adding up.
        tasks_a_second: how many tasks a driver hands out.
        task_seconds: what a task takes besides reading and computing.
        spread: how unequal tasks are: the standard deviation of the logarithm of their time.
        lost_share: of the tasks, how many are lost and done again.
        writes_a_task: requests that write or list, of a task and of waiting for it.
        in_memory_bytes: bytes of memory for a byte of the file.
        memory_share: how much of a machine's memory may be data.
        most_machines: of a Spark cluster.
    """

    part_megabytes: float
    megabytes_a_read: float
    handover_seconds: float
    round_seconds: float
    tasks_a_second: float
    task_seconds: float
    spread: float
    lost_share: float
    writes_a_task: int
    in_memory_bytes: float
    memory_share: float
    most_machines: int


class ScaleFigures(NamedTuple):
    """All that the tables are computed from."""

    clouds: tuple[CloudFigures, ...]
    works: tuple[Workload, ...]
    tasks: TaskFigures


class TimeAndCost(NamedTuple):
    """What something takes, on how many functions or machines."""

    seconds: float
    dollars: float
    at_once: int = 1


DEFAULTS = ScaleFigures(
    clouds=(
        CloudFigures(
            "AWS",
            CloudFunction(
                dollars_a_second=3_008 / 1_024 * 1.66667e-5,
                dollars_a_million=0.20,
                seconds_a_run=900,
                cold_seconds=3,
                megabytes_a_second=75,
                most_at_once=1_000,
                dollars_a_million_reads=0.40,
                dollars_a_million_writes=5.00,
            ),
            RentedMachine(
                dollars_an_hour=3.23,
                processors=64,
                gigabytes=256,
                megabytes_a_second=3_100,
                start_seconds=120,
                spark_surcharge=0.25,
                spark_start_seconds=300,
                spark_round_seconds=1,
            ),
        ),
        CloudFigures(
            "Google",
            CloudFunction(
                dollars_a_second=2.4e-5 + 4 * 2.5e-6,
                dollars_a_million=0.40,
                seconds_a_run=1_800,
                cold_seconds=5,
                megabytes_a_second=75,
                most_at_once=100,
                dollars_a_million_reads=0.40,
                dollars_a_million_writes=5.00,
            ),
            RentedMachine(
                dollars_an_hour=3.11,
                processors=64,
                gigabytes=256,
                megabytes_a_second=4_000,
                start_seconds=120,
                spark_surcharge=0.22,
                spark_start_seconds=180,
                spark_round_seconds=1,
            ),
        ),
        CloudFigures(
            "Azure",
            CloudFunction(
                dollars_a_second=2 * 2.6e-5,
                dollars_a_million=0.40,
                seconds_a_run=3_600,
                cold_seconds=5,
                megabytes_a_second=60,
                most_at_once=250,
                dollars_a_million_reads=0.40,
                dollars_a_million_writes=5.50,
            ),
            RentedMachine(
                dollars_an_hour=3.07,
                processors=64,
                gigabytes=256,
                megabytes_a_second=3_700,
                start_seconds=180,
                spark_surcharge=0.25,
                spark_start_seconds=300,
                spark_round_seconds=1,
            ),
        ),
    ),
    works=(
        Workload("scoring, logistic regression", 1, 250, 50),
        Workload("logistic regression, Newton", 8, 100, 40),
        Workload("k-means, 10 clusters", 30, 100, 40),
    ),
    tasks=TaskFigures(
        part_megabytes=67.108864,
        megabytes_a_read=8,
        handover_seconds=30,
        round_seconds=4,
        tasks_a_second=100,
        task_seconds=0.3,
        spread=0.3,
        lost_share=0.001,
        writes_a_task=4,
        in_memory_bytes=1.2,
        memory_share=0.6,
        most_machines=40,
    ),
)


class Pass(NamedTuple):
    """Bytes that are read so many times, at so many megabytes a second and processor."""

    size: float
    times: int
    rate: float


def one_function(cloud: CloudFigures, tasks: TaskFigures, over: Pass) -> TimeAndCost:
    """One function reads the table part by part, in as many runs as that takes."""
    function = cloud.function
    computing = over.times * over.size / MB / min(over.rate, function.megabytes_a_second)
    runs = math.ceil(computing / (function.seconds_a_run - tasks.handover_seconds))
    seconds = computing + runs * function.cold_seconds
    writes = _parts(tasks, over) if over.times == 1 else over.times  # a file a part, or a checkpoint a pass
    dollars = seconds * function.dollars_a_second + runs * function.dollars_a_million / 1e6
    return TimeAndCost(seconds, dollars + _requests(function, _reads(tasks, over), writes))


def many_functions(cloud: CloudFigures, tasks: TaskFigures, over: Pass) -> TimeAndCost:
    """A driver, which is a function too, hands out the parts in every round."""
    function, parts = cloud.function, _parts(tasks, over)
    workers = min(parts, function.most_at_once)
    megabytes = over.size / parts / MB
    task = tasks.task_seconds + megabytes / min(over.rate, function.megabytes_a_second)
    each = simulated(parts, workers, task, tasks)
    seconds = 2 * function.cold_seconds + over.times * (each.seconds + tasks.round_seconds)
    charged = seconds + over.times * each.working_seconds + workers * function.cold_seconds
    handed = parts * over.times
    dollars = charged * function.dollars_a_second + handed * function.dollars_a_million / 1e6
    requests = _requests(function, _reads(tasks, over) + handed, handed * tasks.writes_a_task)
    return TimeAndCost(seconds, dollars + requests, workers)


class SimulatedRound(NamedTuple):
    """How long a round takes, and for how long its functions worked, all together."""

    seconds: float
    working_seconds: float


@cache
def simulated(parts: int, workers: int, task_seconds: float, tasks: TaskFigures) -> SimulatedRound:
    """A round, task by task: some take longer than others, some are lost and done again.

    A round ends with its last task, so that one slow instance of a thousand delays all.
    """
    random = Random(parts)  # noqa: S311 - no secret
    free = [0.0] * workers
    end = working = 0.0
    for number in range(parts):
        taken = task_seconds * random.lognormvariate(-(tasks.spread**2) / 2, tasks.spread)
        if random.random() < tasks.lost_share:
            taken += task_seconds
        done = max(free[0], number / tasks.tasks_a_second) + taken
        heapreplace(free, done)
        end = max(end, done)
        working += taken
    return SimulatedRound(end, working)


def one_machine(cloud: CloudFigures, tasks: TaskFigures, over: Pass) -> TimeAndCost:
    """One large machine: what fits its memory is read once."""
    rented = cloud.machine
    seconds, reads = _on_machines(rented, tasks, over, 1)
    seconds += rented.start_seconds
    dollars = seconds / HOUR * rented.dollars_an_hour
    return TimeAndCost(seconds, dollars + _requests(cloud.function, reads, 0))


def spark(cloud: CloudFigures, tasks: TaskFigures, over: Pass) -> TimeAndCost:
    """As many machines as hold the table, up to so many, under Spark."""
    rented = cloud.machine
    holding = over.size / GB * tasks.in_memory_bytes / (rented.gigabytes * tasks.memory_share)
    machines = min(max(math.ceil(holding), 1), tasks.most_machines)
    seconds, reads = _on_machines(rented, tasks, over, machines)
    seconds += rented.spark_start_seconds + over.times * rented.spark_round_seconds
    dollars = machines * seconds / HOUR * rented.dollars_an_hour * (1 + rented.spark_surcharge)
    return TimeAndCost(seconds, dollars + _requests(cloud.function, reads, 0), machines)


def _on_machines(rented: RentedMachine, tasks: TaskFigures, over: Pass, machines: int) -> tuple[float, float]:
    """The seconds, and the requests to the storage: what does not fit is read again in every pass."""
    computing = over.size / MB / (machines * rented.processors * over.rate)
    reading = over.size / MB / (machines * rented.megabytes_a_second)
    held = over.size / GB * tasks.in_memory_bytes <= machines * rented.gigabytes * tasks.memory_share
    again = computing if held else max(computing, reading)
    read = over._replace(times=1) if held else over
    return max(computing, reading) + (over.times - 1) * again, _reads(tasks, read)


def _parts(tasks: TaskFigures, over: Pass) -> int:
    return math.ceil(over.size / MB / tasks.part_megabytes)


def _reads(tasks: TaskFigures, over: Pass) -> float:
    return over.times * over.size / MB / tasks.megabytes_a_read


def _requests(function: CloudFunction, reads: float, writes: float) -> float:
    return (reads * function.dollars_a_million_reads + writes * function.dollars_a_million_writes) / 1e6


def rows(figures: ScaleFigures) -> Iterator[tuple[str, ...]]:
    """The table for Parquet, a line for each cloud, size and work."""
    for cloud in figures.clouds:
        for name, size in SIZES.items():
            for work in figures.works:
                over = Pass(size, work.passes, work.parquet_megabytes_a_second)
                yield (cloud.name, name, *_row(cloud, figures.tasks, work.name, over))


def csv_rows(figures: ScaleFigures) -> Iterator[tuple[str, ...]]:
    """The same for one size of CSV, which takes more computing than reading."""
    for cloud in figures.clouds:
        for work in figures.works:
            over = Pass(SIZES[CSV_SIZE], work.passes, work.csv_megabytes_a_second)
            yield (cloud.name, CSV_SIZE, *_row(cloud, figures.tasks, work.name, over))


def _row(cloud: CloudFigures, tasks: TaskFigures, name: str, over: Pass) -> tuple[str, ...]:
    one = one_function(cloud, tasks, over)
    many = many_functions(cloud, tasks, over)
    machine = one_machine(cloud, tasks, over)
    cluster = spark(cloud, tasks, over)
    return (
        f"{name}, {over.times} {'pass' if over.times == 1 else 'passes'}",
        f"{_time(one.seconds)}, {_money(one.dollars)}",
        f"{_time(many.seconds)}, {_money(many.dollars)} ({many.at_once:,})",
        f"{_time(machine.seconds)}, {_money(machine.dollars)}",
        f"{_time(cluster.seconds)}, {_money(cluster.dollars)} ({cluster.at_once})",
    )


HEADER = (
    "cloud",
    "table",
    "work",
    "one function",
    "many functions (at once)",
    "one machine",
    "Spark (machines)",
)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table as the documentation has it."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (HEADER, ("---",) * len(HEADER), *lines))


def _time(seconds: float) -> str:
    for unit, length, below in (("s", 1.0, 100.0), ("min", 60.0, 100 * 60.0), ("h", HOUR, 3 * DAY)):
        if seconds < below:
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds / DAY)} days"


def _money(dollars: float) -> str:
    if dollars < 0.01:
        return "< $0.01"
    return f"${dollars:.2f}" if dollars < 10 else f"${dollars:,.0f}"


def _short(number: float) -> str:
    """Two digits, or all before the point."""
    rounded = float(f"{number:.2g}") if number < 100 else round(number)
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def as_json(value: Any) -> Any:
    """Figures by their names."""
    if not isinstance(value, tuple):
        return value
    if not hasattr(value, "_fields"):
        return {each.name: as_json(each) for each in value}
    return {name: as_json(getattr(value, name)) for name in value._fields if name != "name"}


def changed[P](value: P, changes: object, place: str = "") -> P:
    """Figures, some of them changed. Raises `ValueError`: there is no such one, or it is no number."""
    expected: Any = Mapping if isinstance(value, tuple) else int | float
    if not isinstance(changes, expected) or isinstance(changes, bool):
        what = "an object" if isinstance(value, tuple) else "a number"
        raise ValueError(f"{place or 'figures'}: expected {what}, got {json.dumps(changes)}")  # noqa: TRY004
    if not isinstance(value, tuple):
        return type(value)(changes)  # type: ignore[call-arg]
    by_name: dict[str, Any] = (
        {name: getattr(value, name) for name in value._fields if name != "name"}
        if hasattr(value, "_fields")
        else {each.name: each for each in value}
    )
    for name in changes:
        if name not in by_name:
            raise ValueError(f"{place}.{name}".lstrip(".") + f": expected one of {', '.join(by_name)}")
    new = {
        name: changed(each, changes[name], f"{place}.{name}".lstrip(".")) if name in changes else each
        for name, each in by_name.items()
    }
    if hasattr(value, "_replace"):
        return value._replace(**new)  # type: ignore[no-any-return]
    return tuple(new.values())  # type: ignore[return-value]


def main() -> None:
    """Print the tables, or what they are computed from."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale_model",
        description="Print the tables of docs/scale.md: time and cost by the size of a table.",
    )
    parser.add_argument("--parameters", action="store_true", help="print what is computed with, as JSON")
    parser.add_argument("--with", dest="changes", metavar="FILE", help="JSON of figures that differ")
    asked = parser.parse_args()
    figures = DEFAULTS
    if asked.changes:
        try:
            with open(asked.changes, encoding="utf-8") as file:
                figures = changed(DEFAULTS, json.load(file))
        except (OSError, ValueError) as error:
            sys.exit(str(error))
    if asked.parameters:
        print(json.dumps(as_json(figures), indent=2))
    else:
        print(markdown([*rows(figures)]), markdown([*csv_rows(figures)]), sep="\n\n")


if __name__ == "__main__":
    main()
