"""docs/scale.md shows what `benchmarks/scale_model.py` computes of sizes, prices and limits."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import scale_model
from benchmarks.scale_model import (
    DEFAULTS,
    GB,
    SIZES,
    CloudFigures,
    Pass,
    as_json,
    changed,
    csv_rows,
    many_functions,
    markdown,
    one_function,
    one_machine,
    rows,
    simulated,
    spark,
)

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
AWS = DEFAULTS.clouds[0]
TASKS = DEFAULTS.tasks
WAYS = (one_function, many_functions, one_machine, spark)


def test_the_page_shows_what_the_program_prints() -> None:
    assert markdown([*rows(DEFAULTS)]) in PAGE
    assert markdown([*csv_rows(DEFAULTS)]) in PAGE


@pytest.mark.parametrize("cloud", DEFAULTS.clouds, ids=lambda cloud: cloud.name)
def test_the_page_names_the_figures_that_were_computed_with(cloud: CloudFigures) -> None:
    function, machine = cloud.function, cloud.machine
    for figure in (
        f"${function.dollars_a_second:.7f}",
        f"${function.dollars_a_million:.2f}",
        f"${function.dollars_a_million_reads:.2f}, ${function.dollars_a_million_writes:.2f}",
        f"{function.seconds_a_run:,}",
        f"| {function.most_at_once:,} |",
        f"${machine.dollars_an_hour} (",
        f"{machine.megabytes_a_second:,}",
        f"{machine.spark_surcharge:.0%}".replace("%", f" %, {machine.spark_start_seconds} s"),
    ):
        assert figure in PAGE, (cloud.name, figure)


def test_one_function_takes_bytes_by_throughput_in_as_many_runs_as_that_takes() -> None:
    function = AWS.function
    found = one_function(AWS, TASKS, Pass(75e9, 2, 1_000))  # 75 MB/s from the storage
    assert found.seconds == 2_000 + 3 * function.cold_seconds  # 900 seconds a run, less the handing over
    assert found.dollars == pytest.approx(
        found.seconds * function.dollars_a_second
        + 3 * 0.2e-6
        + (2 * 75e9 / 8e6 * function.dollars_a_million_reads + 2 * function.dollars_a_million_writes) / 1e6
    )
    assert one_function(AWS, TASKS, Pass(75e9, 2, 7.5)).seconds > 10 * 2_000  # a slow processor


@pytest.mark.parametrize("cloud", DEFAULTS.clouds, ids=lambda cloud: cloud.name)
def test_more_bytes_and_more_passes_take_more(cloud: CloudFigures) -> None:
    for way in WAYS:
        sizes = [way(cloud, TASKS, Pass(size, 8, 250)) for size in SIZES.values()]
        passes = [way(cloud, TASKS, Pass(100 * GB, times, 250)) for times in (1, 8, 30)]
        for estimates in (sizes, passes):
            assert [each.seconds for each in estimates] == sorted(each.seconds for each in estimates)
            assert [each.dollars for each in estimates] == sorted(each.dollars for each in estimates)


def test_a_round_is_as_long_as_its_tasks_on_so_many_functions_or_longer() -> None:
    for parts, workers in ((1, 1), (10, 3), (1_000, 100), (1_000, 1_000)):
        found = simulated(parts, workers, 1.0, TASKS)
        assert found.working_seconds == pytest.approx(parts, rel=0.5 if parts < 100 else 0.05)
        assert found.working_seconds / workers <= found.seconds <= found.working_seconds
    even = TASKS._replace(spread=0.0, lost_share=0.0, tasks_a_second=1e9)
    assert simulated(1_000, 100, 1.0, even).seconds == pytest.approx(10)
    assert simulated(1_000, 100, 1.0, even._replace(tasks_a_second=10)).seconds == pytest.approx(101, abs=1)
    assert simulated(1_000, 100, 1.0, even._replace(lost_share=1.0)).seconds == pytest.approx(20)


def test_a_machine_reads_once_what_its_memory_holds() -> None:
    held, not_held = (one_machine(AWS, TASKS, Pass(size * GB, 30, 250)) for size in (128, 129))
    assert not_held.seconds > 2 * held.seconds
    assert spark(AWS, TASKS, Pass(129 * GB, 30, 250)).at_once == 2


def test_figures_can_be_changed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert changed(DEFAULTS, as_json(DEFAULTS)) == DEFAULTS
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"clouds": {"AWS": {"function": {"most_at_once": 10}}}}))
    monkeypatch.setattr(sys, "argv", ["scale_model", "--with", str(file)])
    scale_model.main()
    assert "(10) |" in capsys.readouterr().out
    for wrong, told in (
        ({"clouds": {"Oracle": {}}}, "clouds.Oracle: expected one of AWS, Google, Azure"),
        ({"tasks": {"spread": "wide"}}, 'tasks.spread: expected a number, got "wide"'),
        ({"tasks": 1}, "tasks: expected an object, got 1"),
        ([], "figures: expected an object, got []"),
    ):
        file.write_text(json.dumps(wrong))
        with pytest.raises(SystemExit) as refused:
            scale_model.main()
        assert str(refused.value) == told
