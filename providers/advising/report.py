"""Advice as people and programs read it: tables on a terminal, plain lines in a pipe, JSON."""

import json
import sys
from typing import Any, NamedTuple, TextIO

from providers.advising.advice import Advice, CloudAdvice
from providers.advising.billing import total
from providers.advising.facts import CASES


class AdviceTable(NamedTuple):
    """A table: title, heads of the columns, rows; the columns from `numbers` on are to the right."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    numbers: int = 1


def show(advice: Advice, output: TextIO | None = None) -> None:
    """Write it: with rules and colours on a terminal, else as plain text."""
    output = output or sys.stdout
    for warning in advice.warnings:
        print(f"prices: {warning}", file=sys.stderr)
    if output.isatty():
        _show_rich(advice, output)
        return
    for sentence in advice.sentences:
        print(sentence, file=output)
    for table in tables(advice):
        print(f"\n{table.title}", file=output)
        plain(table, output)
    for title, lines in (("Measured", advice.measured), ("Assumed", advice.assumed)):
        print(f"\n{title}", file=output)
        for line in lines:
            print(f"  {line}", file=output)


def tables(advice: Advice) -> list[AdviceTable]:
    """What has columns: money, time, limits, facts."""
    heads = [cloud.facts.name for cloud in advice.clouds]
    traffic = advice.question.traffic
    return [
        AdviceTable(
            f"US dollars a month for {traffic.text!r}: {traffic.month:,.0f} requests, "
            f"{traffic.mean_rate:.2g} a second on average",
            ["", *heads, "machine"],
            _money(advice),
        ),
        AdviceTable(
            "Latency in the function, and who waits for an instance: low, likely, high",
            ["", *heads, "machine"],
            _times(advice),
        ),
        AdviceTable(
            "What fits",
            ["cloud", "what", "found", "limit", "verdict", "source"],
            [
                [cloud.facts.cloud, each.what, each.found, each.limit, each.verdict, each.source]
                for cloud in advice.clouds
                for each in cloud.limits
            ],
            numbers=9,
        ),
        AdviceTable(
            "Security and use",
            ["cloud", "", "fact", "source"],
            [
                [
                    cloud.facts.cloud,
                    remark.kind,
                    remark.text,
                    remark.told,
                ]
                for cloud in advice.clouds
                for remark in cloud.facts.remarks
            ],
            numbers=9,
        ),
    ]


def as_json(advice: Advice) -> str:
    """All of it, for programs."""
    question, traffic = advice.question, advice.question.traffic
    document = {
        "model": question.request.model,
        "version": question.request.version,
        "traffic": {"text": traffic.text, "requests_a_month": traffic.month, "a_second": traffic.mean_rate},
        "rows": question.rows,
        "clouds": {cloud.facts.cloud: _cloud(cloud) for cloud in advice.clouds},
        "machine": {**advice.machine._asdict(), "price": question.machine},
        "sentences": advice.sentences,
        "measured": advice.measured,
        "assumed": advice.assumed,
        "warnings": advice.warnings,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _cloud(cloud: CloudAdvice) -> dict[str, Any]:
    package = cloud.profile.package
    return {
        "name": cloud.facts.name,
        "memory_mb": cloud.memory,
        "fits": cloud.fits,
        "dollars": {
            case: {"total": total(lines), "lines": {line.name: line.dollars for line in lines}}
            for case, lines in cloud.bills.items()
        },
        "latency": {
            case: {
                "cold_share": month.cold_share,
                **{f"p{share * 100:g}": month.latency(share) for share in (0.5, 0.99, 0.999)},
                "instances": month.most_instances,
            }
            for case, month in cloud.months.items()
        },
        "break_even_a_second": cloud.break_even,
        "limits": [limit._asdict() for limit in cloud.limits],
        "prices": {
            name: {"value": fact.value, "unit": fact.unit, "source": fact.told}
            for name, fact in cloud.facts.prices.items()
        },
        "profile": {
            "zipped": package.zipped,
            "unpacked": package.unpacked,
            "installed_by_the_cloud": package.installed,
            "own_libraries": package.own_libraries,
            "load_seconds": cloud.profile.load,
            "first_seconds": cloud.profile.first,
            "rows": {str(rows): each._asdict() for rows, each in cloud.profile.rows.items()},
        },
        "facts": [
            {"kind": each.kind, "text": each.text, "source": each.told} for each in cloud.facts.remarks
        ],
    }


def _money(advice: Advice) -> list[list[str]]:
    rows = []
    for place, line in enumerate(advice.clouds[0].bills["likely"]):
        rows.append(
            [line.name, *(_dollars(each.bills["likely"][place].dollars) for each in advice.clouds), ""]
        )
    for case in CASES:
        totals = [_dollars(total(each.bills[case])) for each in advice.clouds]
        rows.append([f"{case} total", *totals, _dollars(advice.machine.dollars)])
    return rows


def _times(advice: Advice) -> list[list[str]]:
    rows = []
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        cells = [
            " ".join(_milliseconds(each.months[case].latency(share)) for case in CASES) + " ms"
            for each in advice.clouds
        ]
        alone = f"{_milliseconds(advice.machine.seconds)} ms" if name == "p50" else ""
        rows.append([name, *cells, alone])
    cells = [" ".join(f"{each.months[case].cold_share:.2%}" for case in CASES) for each in advice.clouds]
    rows.append(["cold", *cells, "none"])
    cells = [" ".join(f"{each.months[case].most_instances}" for case in CASES) for each in advice.clouds]
    return [*rows, ["instances", *cells, str(advice.machine.machines)]]


def _dollars(value: float) -> str:
    shown = f"{value:,.2f}"
    return "0.00" if shown == "-0.00" else shown


def _milliseconds(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def plain(table: AdviceTable, output: TextIO) -> None:
    """Write a table's columns beside each other, with spaces alone."""
    lines = [table.heads, *table.rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.heads))]
    for line in lines:
        cells = [
            cell.ljust(width) if place < table.numbers else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip(), file=output)


def _show_rich(advice: Advice, output: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=output, highlight=False)
    for sentence in advice.sentences:
        console.print(Text(sentence, style="bold"))
    for told in tables(advice):
        table = Table(title=told.title, title_justify="left", title_style="bold")
        for place, head in enumerate(told.heads):
            table.add_column(head, justify="left" if place < told.numbers else "right")
        for row in told.rows:
            table.add_row(*map(Text, row), style=_style(row))
        console.print()
        console.print(table)
    for title, lines in (("Measured", advice.measured), ("Assumed", advice.assumed)):
        console.print()
        console.print(Text(title, style="bold"))
        for line in lines:
            console.print(Text(f"  {line}"))


def _style(row: list[str]) -> str:
    if "does not fit" in row:
        return "red"
    return "yellow" if "tight" in row else "bold" if row[0] == "likely total" else ""
