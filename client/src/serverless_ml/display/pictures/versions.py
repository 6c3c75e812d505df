"""A version, and versions side by side."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import (
    Bar,
    Beside,
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Folded,
    Line,
    Notes,
    Picture,
    Table,
    Text,
    Title,
)
from serverless_ml.display.pictures.classes import confusion, per_class
from serverless_ml.display.reading import Document

MOST_COLUMNS = 15  # whose importance is drawn
MOST_VERSIONS = 50
MOST_NOTES = 10
_UP = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "pr_auc", "silhouette")
_DOWN = ("log_loss", "hinge_loss", "inertia", "cross_entropy")
_BASELINE = "what always guessing the most frequent class reaches"


def version(raw: Document) -> Picture:
    """Return the picture of a version."""
    metrics = reading.members(raw, "metrics")
    warnings = reading.texts(raw, "warnings")
    charts = curves(raw)
    blocks: list[Block] = [_title(raw), *_graph(raw), *_registered(raw)]
    blocks += notes(warnings)
    blocks += _compared(reading.members(raw, "comparison"))
    blocks += beside([*metrics_table(metrics), *confusion(metrics, raw.get("classes")), *clusters(metrics)])
    blocks += beside([*per_class(metrics), *importance(raw)])
    blocks += beside([*history(metrics), *charts])
    blocks += _folded(raw)
    return tuple(blocks)


def _compared(raw: Document) -> list[Block]:
    """Return how it is beside the version that answered before, where a schedule compared them."""
    against = reading.number(raw, "against")
    if against is None:
        return []
    other, reason = f"version {text.number(against)}", text.shown(reading.text(raw, "reason"), 300)
    found = [reading.number(raw, name) for name in ("new", "old", "difference", "low", "high", "rows")]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return [Facts(((f"beside {other}", f"not compared: {reason}" if reason else "not compared"),))]
    new, old, difference, low, high, rows = known
    metric = text.shown(reading.text(raw, "metric").replace("_", " "), 30)
    told = (
        f"{metric} {text.number(new)}, before {text.number(old)}: {text.signed(difference)}, from "
        f"{text.signed(low)} to {text.signed(high)}, on the same {text.count_of(rows, 'row')}"
    )
    return [Facts(((f"beside {other}", told),))]


def beside(blocks: list[Block]) -> list[Block]:
    """Return blocks side by side, or none."""
    return [Beside(tuple(blocks))] if blocks else []


def notes(warnings: list[str], most: int = MOST_NOTES) -> list[Block]:
    """Return warnings, at most so many."""
    if not warnings:
        return []
    told = tuple(text.shown(each, 400) for each in warnings[:most])
    return [Notes(told, more=more(len(warnings), most, "warning"))]


def more(count: int, most: int, what: str) -> str:
    """Return how many are not shown."""
    return f"and {text.count_of(count - most, f'more {what}', f'more {what}s')}" if count > most else ""


def named(raw: Document) -> str:
    """Return a version as `churn@2`."""
    number = reading.number(raw, "version")
    name = text.shown(reading.text(raw, "name") or "version", 64)
    return f"{name}@{text.plain(number)}" if number is not None else name


def algorithm(name: str) -> str:
    """Return an algorithm's name as people write it."""
    return text.shown(name.replace("_", " ") or "of an unknown algorithm")


def _title(raw: Document) -> Title:
    badges = []
    if reading.members(raw, "registered"):
        badges.append(Text("registered", hint="trained elsewhere, and brought here as a file"))
    if raw.get("contains_training_rows") is True:
        badges.append(
            Text("holds training rows", "warn", hint="who has the artifact has rows it was trained on")
        )
    said = (_time(raw), *_rows(raw), *source(raw), *engine(raw))
    return Title(named(raw), algorithm(reading.text(raw, "algorithm")), tuple(badges), said)


def engine(raw: Document) -> list[str]:
    """Return what did the work, where that was more than one process with all rows in its memory."""
    told = reading.members(raw, "engine")
    name = reading.text(told, "name")
    if name in {"", "memory", "function"}:
        return []
    passes, parts = reading.number(told, "passes"), reading.number(told, "parts")
    how = [text.count_of(passes, "pass", "passes")] if passes is not None else []
    how += [text.count_of(parts, "part")] if parts is not None else []
    return [", ".join((text.shown(name), " over ".join(how))) if how else text.shown(name)]


def _time(raw: Document) -> str:
    created = reading.text(raw, "created")
    return text.time(created) if created else ""


def _rows(raw: Document) -> list[str]:
    rows, held_out = reading.number(raw, "rows"), reading.number(raw, "test_rows")
    if rows is None:
        return []
    split = reading.members(raw, "split")
    words = {
        "random": "at random",
        "time": "the latest by",
        "group": "whole groups of",
        "hash": "by a hash of",
    }
    by = words.get(reading.text(split, "by"), "")
    if by == words["hash"] and "column" not in split:
        by += " their values"
    column = text.shown(reading.text(split, "column")) if "column" in split else ""
    how = f" ({' '.join(filter(None, (by, column)))})" if by and held_out else ""
    return [
        f"trained on {text.count_of(rows, 'row')}"
        + (f", {text.number(held_out)} held out{how}" if held_out else "")
    ]


def source(raw: Document) -> list[str]:
    """Return where a version's rows came from."""
    data = reading.members(raw, "data") or reading.members(raw, "lineage", "data")
    uri = reading.text(data, "uri")
    if not uri:
        return []
    # Behind a dataset's name is which of its uploads it was.
    short = "/".join(uri.split("/")[:3]) if uri.startswith("dataset://") else uri
    target = data.get("target")
    return [text.shown(short, 80) + (f", to predict {text.shown(target)}" if isinstance(target, str) else "")]


def _graph(raw: Document) -> list[Block]:
    """Return what an imported version takes and gives."""
    graph = reading.members(raw, "graph")
    facts: list[tuple[str, Cell]] = [
        (verb, ", ".join(text.shown(_port(each), 80) for each in ports[:MOST_NOTES]))
        for verb, ports in (
            ("takes", reading.documents(graph, "inputs")),
            ("gives", reading.documents(graph, "outputs")),
        )
        if ports
    ]
    return [Facts(tuple(facts), "Its graph, of which nothing is explained")] if facts else []


def _port(port: Document) -> str:
    lengths = port.get("shape")
    shape = " × ".join(str(each or "any") for each in lengths) if isinstance(lengths, list) else ""
    return f"{reading.text(port, 'name')}: {reading.text(port, 'datatype')}" + (f" {shape}" if shape else "")


def _differences(compared: Document) -> str:
    """Return how far the answers were from those of the model that it was made of."""
    rows, labels, largest = (
        reading.number(compared, name) for name in ("rows", "labels_differ", "largest_difference")
    )
    said = [text.count_of(rows or 0, "row")]
    said += [] if labels is None else [f"{text.number(labels)} labels differed"]
    said += [] if largest is None else [f"numbers by up to {text.number(largest)}"]
    return ", ".join(said)


def _registered(raw: Document) -> list[Block]:
    registered = reading.members(raw, "registered")
    if not registered:
        return []
    origin = reading.members(registered, "origin")
    there = reading.members(origin, "version")
    facts: list[tuple[str, Cell]] = []
    if reading.text(origin, "description"):
        facts.append(("description", text.shown(reading.text(origin, "description"), 400)))
    if compared := reading.members(there, "compared"):
        facts.append(("compared on", _differences(compared)))
    elif there:
        said = [named(there), _time(there), *_rows(there), *source(there)]
        facts.append(("was there", " · ".join(filter(None, said))))
    if reading.members(origin, "library_versions"):
        facts.append(("made with", _libraries(origin)))
    claims: list[Block] = (
        [Facts(tuple(facts), "Trained elsewhere, as who registered it says")] if facts else []
    )
    known: list[tuple[str, Cell]] = []
    if reading.text(registered, "at"):
        known.append(("when", text.time(registered["at"])))
    if reading.text(registered, "by"):
        known.append(("by the key", text.shown(registered["by"])))
    if reading.text(registered, "sha256"):
        known.append(("SHA-256", _digest(registered["sha256"])))
    blocks: list[Block] = [Facts(tuple(known), "Registered")] if known else []
    claimed = metrics_table(reading.members(there, "metrics"), "Metrics, as it was told")
    return beside([*blocks, *claims]) + claimed


def metrics_table(metrics: Document, title: str = "Metrics") -> list[Block]:
    """Return what was reached, on held-out rows and on those trained on."""
    training, test = reading.members(metrics, "training"), reading.members(metrics, "test")
    if not training and not test:
        test = {name: value for name, value in metrics.items() if name != "history"}
    sides = [(head, side) for head, side in (("held out", test), ("training", training)) if side]
    names = ordered(test, training)
    if not names:
        return []
    columns = (Column(""), *(Column(head, right=True) for head, _ in sides))
    rows = tuple(
        (_metric(name), *(_value(side, name, strong=head == "held out") for head, side in sides))
        for name in names
    )
    return [Table(columns, rows, title)]


def ordered(*sides: Document) -> list[str]:
    """Return the names of the metrics that are numbers, those that are looked at first at the beginning."""
    names = {name for side in sides for name in side if reading.number(side, name) is not None}
    first = [
        "accuracy",
        "baseline",
        "balanced_accuracy",
        "f1_macro",
        "roc_auc",
        "pr_auc",
        "log_loss",
        "hinge_loss",
    ]
    return [name for name in first if name in names] + sorted(names.difference(first))


def better(name: str) -> int:
    """Return whether more (1) or less (-1) of a metric is better; 0 is not known."""
    return 1 if name in _UP else -1 if name in _DOWN else 0


def _metric(name: str) -> Text:
    mark = {1: " ↑", -1: " ↓", 0: ""}[better(name)]
    hint = {1: "more is better", -1: "less is better", 0: ""}[better(name)]
    if name == "baseline":
        return Text("  baseline", "quiet", hint=_BASELINE)
    return Text(metric_name(name) + mark, hint=hint)


def metric_name(name: str) -> str:
    """Return a metric's name as people write it."""
    known = {"roc_auc": "ROC AUC", "pr_auc": "PR AUC", "f1_macro": "F1 (macro)"}
    return known.get(name) or text.shown(name.replace("_", " "))


def _value(side: Document, name: str, *, strong: bool) -> Cell:
    value = reading.number(side, name)
    if value is None:
        return Text("–", "quiet")
    if name == "baseline":
        return Text(text.aligned(value), "quiet", hint=_BASELINE)
    return Text(text.aligned(value), strong=strong, hint=repr(value))


def clusters(metrics: Document) -> list[Block]:
    """Return the sizes of clusters as bars."""
    sides = [
        (head, reading.numbers(metrics, name, "cluster_sizes"))
        for head, name in (("training", "training"), ("held out", "test"))
    ]
    sides = [(head, sizes) for head, sizes in sides if sizes]
    if not sides:
        return []
    count = max(len(sizes) for _, sizes in sides)
    shown = min(count, 30)
    rows = tuple((str(cluster), *(_size(sizes, cluster) for _, sizes in sides)) for cluster in range(shown))
    columns = (Column("cluster"), *(Column(head) for head, _ in sides))
    return [Table(columns, rows, "Sizes of the clusters", more(count, shown, "cluster"))]


def _size(sizes: list[float], cluster: int) -> Cell:
    if cluster >= len(sizes):
        return Text("–", "quiet")
    total = sum(sizes) or 1
    share = sizes[cluster] / total
    return Bar(sizes[cluster] / (max(sizes) or 1), f"{text.number(sizes[cluster])} ({text.percent(share)})")


def importance(raw: Document) -> list[Block]:
    """Return how much each column matters, as bars."""
    told = reading.members(raw, "importance")
    columns = reading.documents(told, "columns")
    means = [(each, reading.number(each, "mean")) for each in columns]
    known = [(each, mean) for each, mean in means if mean is not None]
    if not known:
        return []
    what = {
        "accuracy": "how much less accurate with the column permuted",
        "cluster_changed": "share of rows in another cluster with the column permuted",
    }.get(reading.text(told, "metric"), "with the column permuted")
    most = max(abs(mean) for _, mean in known) or 1.0
    rows = tuple((_column(each), _important(each, mean, most)) for each, mean in known[:MOST_COLUMNS])
    omitted = len(known) - len(rows) + int(reading.number(told, "columns_omitted") or 0)
    table = Table(
        (Column("column"), Column(what)),
        rows,
        "Importance",
        more(omitted, 0, "column") + (" that matter less" if omitted else ""),
    )
    return [table]


def _column(raw: Document) -> Text:
    name = reading.text(raw, "column")
    return Text(text.shown(name, 32), hint=text.shown(name, 200))


def _important(raw: Document, mean: float, most: float) -> Bar:
    spread = reading.number(raw, "std")
    # Of so few permutations three digits say enough.
    said = text.beside(mean, most * 10) + (f" ± {text.beside(spread, most * 10)}" if spread else "")
    return Bar(mean / most, said, hint=f"{mean!r}")


def history(metrics: Document) -> list[Block]:
    """Return what each step reached, as lines."""
    steps = [
        each for each in reading.documents(metrics, "history") if reading.number(each, "done") is not None
    ]
    kinds = list(dict.fromkeys(name for each in steps for name in each if name not in {"done", "of"}))
    losses = [name for name in kinds if "loss" in name]
    others = [name for name in kinds if name not in losses]
    charts: list[Block] = []
    for title, names in (("Loss per epoch", losses), ("Accuracy per epoch", others)):
        lines = [_line(steps, name) for name in names]
        lines = [line for line in lines if line.points]
        if lines:
            # The held-out one is what counts: it comes first.
            lines.sort(key=lambda line: line.name == "training")
            what = title.split()[0].lower()
            charts.append(Chart(title, "epoch", what, tuple(lines), whole_steps=True))
    return charts


def _line(steps: list[Document], name: str) -> Line:
    points = tuple(
        (float(each["done"]), float(value))
        for each in steps
        if (value := reading.number(each, name)) is not None
    )
    said = {"loss": "training", "validation_loss": "validation", "validation_accuracy": "validation"}
    return Line(
        said.get(name) or text.shown(name.replace("_", " ")),
        points,
        dashed=name == "loss",
        dots=len(points) < 4,
    )


def curves(raw: Document) -> list[Block]:
    """Return ROC, precision over recall and calibration: of two classes held out and in training."""
    test, training = reading.documents(raw, "curves", "test"), reading.documents(raw, "curves", "training")
    sides = [(test, False), (training, True)] if test else [(training, False)]
    if len(test or training) > 1:
        sides = sides[:1]
    charts = []
    for title, across, up, names, diagonal in (
        ("ROC", "false positive rate", "true positive rate", ("roc", "fpr", "tpr"), True),
        ("Precision and recall", "recall", "precision", ("precision_recall", "recall", "precision"), False),
        (
            "Calibration",
            "predicted probability",
            "share that was so",
            ("calibration", "prob_pred", "prob_true"),
            True,
        ),
    ):
        lines = [
            Line(
                _whose(each, classes, dashed=dashed, test=bool(test)),
                points,
                dashed,
                dots=names[0] == "calibration",
            )
            for classes, dashed in sides
            for each in classes[:10]
            if (points := _points(reading.members(each, names[0]), names[1], names[2]))
        ]
        if lines:
            charts.append(Chart(title, across, up, tuple(lines), unit_square=True, diagonal=diagonal))
    if charts and len(test or training) == 1:
        told = text.shown(text.plain((test or training)[0].get("class")), 30)
        charts = [
            Chart(f"{each.title} of {told}", each.across, each.up, each.lines, True, each.diagonal)
            for each in charts
        ]
    return list(charts)


def _whose(raw: Document, classes: list[Document], *, dashed: bool, test: bool) -> str:
    if len(classes) > 1:
        return text.shown(text.plain(raw.get("class")), 24)
    return "training" if dashed or not test else "held out"


def _points(raw: Document, across: str, up: str) -> tuple[tuple[float, float], ...]:
    return tuple(zip(reading.numbers(raw, across), reading.numbers(raw, up), strict=False))


def _folded(raw: Document) -> list[Block]:
    facts: list[tuple[str, Cell]] = []
    features = reading.texts(raw, "features")
    if features:
        facts.append((text.count_of(len(features), "feature"), text.shown(", ".join(features[:60]), 600)))
    facts += [(name, text.shown(raw[name])) for name in ("task", "job") if reading.text(raw, name)]
    if reading.members(raw, "input"):
        facts.append(("input", text.shown(text.plain(raw["input"]), 300)))
    if reading.number(raw, "seed") is not None:
        facts.append(("seed", text.plain(raw["seed"])))
    if reading.members(raw, "library_versions"):
        facts.append(("made with", _libraries(raw)))
    if reading.number(raw, "size") is not None:
        facts.append(("artifact", text.size(raw["size"])))
    if reading.text(raw, "sha256"):
        facts.append(("SHA-256", _digest(raw["sha256"])))
    blocks: list[Block] = [*hyperparameters(raw)]
    if facts:
        blocks.append(Facts(tuple(facts), "What it is"))
    return [Folded("Hyperparameters, features and lineage", (Beside(tuple(blocks)),))] if blocks else []


def hyperparameters(raw: Document) -> list[Block]:
    """Return what an algorithm was told."""
    told = reading.members(raw, "hyperparameters")
    facts = tuple(
        (text.shown(name), text.shown(_said(value), 100)) for name, value in list(told.items())[:60]
    )
    return [Facts(facts, "Hyperparameters")] if facts else []


def _said(value: Any) -> str:
    return "null" if value is None else text.plain(value)


def _libraries(raw: Document) -> str:
    told = reading.members(raw, "library_versions")
    return text.shown(", ".join(f"{name} {value}" for name, value in list(told.items())[:20]), 200)


def _digest(sha256: str) -> Text:
    return Text(text.shown(sha256, 13), hint=text.shown(sha256, 80))


def versions(raw: Document | list[Any]) -> Picture:
    """Return versions side by side, the newest first: the best of those on the same held-out rows is marked.

    `aliases` and `deleted`, as the model's document has them, are shown where they are there.
    """
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "versions"))
    listed = sorted(listed, key=lambda each: reading.number(each, "version") or 0, reverse=True)
    shown = listed[:MOST_VERSIONS]
    pointing = pointers(reading.members(raw, "aliases"))
    names = ordered(*(_held_out(each) for each in shown))
    names = [name for name in names if name not in {"baseline", "balanced_accuracy"}][:7]
    groups = same_rows(shown)
    best = {name: _best(shown, groups, name) for name in names}
    several = len(set(groups)) > 1 and bool(names)
    columns = [Column("version", whole=True), Column("trained", whole=True, spare=True), Column("algorithm")]
    columns += [
        Column(_metric(name).text, right=True, hint="on held-out rows", spare=place > 2)
        for place, name in enumerate(names)
    ]
    counted = any(reading.number(each, "rows") is not None for each in shown)
    columns += [Column("rows", right=True, spare=True)] if counted else []
    columns += (
        [Column("held out", hint="versions with one letter were measured on the same rows")]
        if several
        else []
    )
    rows: list[tuple[Cell, ...]] = []
    differing = _differing(shown)
    for place, each in enumerate(shown):
        row: list[Cell] = [_number(each, pointing), _time(each), _told(each, differing)]
        row += [_measured(each, name, best=place in best[name]) for name in names]
        row += [_counted(each)] if counted else []
        row += [_letter(groups[place])] if several else []
        rows.append(tuple(row))
    title = Title(
        text.count_of(len(listed), "version"), "", line=("metrics on held-out rows",) if names else ()
    )
    blocks: list[Block] = [title]
    if rows:
        blocks.append(Table(tuple(columns), tuple(rows), more=more(len(listed), MOST_VERSIONS, "version")))
    if several:
        blocks.append(
            Notes(("Not all were measured on the same rows: compare those with the same letter.",), "quiet")
        )
    return (*blocks, *deleted(raw))


def _held_out(raw: Document) -> Document:
    return reading.members(raw, "metrics", "test")


def same_rows(versions: list[Document]) -> list[int]:
    """Return for each version which group of the same held-out rows it belongs to."""
    seen: dict[str, int] = {}
    groups = []
    for place, each in enumerate(versions):
        lineage = reading.members(each, "lineage")
        sha256 = reading.text(lineage, "data", "sha256")
        rest = [lineage.get(name) for name in ("seed", "test_fraction", "split")]
        key = f"{sha256} {rest}" if sha256 else f"unknown {place}"
        groups.append(seen.setdefault(key, len(seen)))
    return groups


def _best(versions: list[Document], groups: list[int], name: str) -> set[int]:
    best: set[int] = set()
    if not better(name):
        return best
    for group in set(groups):
        values = {
            place: value * better(name)
            for place, each in enumerate(versions)
            if groups[place] == group and (value := reading.number(_held_out(each), name)) is not None
        }
        if len(values) > 1 and len(set(values.values())) > 1:
            best |= {place for place, value in values.items() if value == max(values.values())}
    return best


def _counted(raw: Document) -> Cell:
    rows = reading.number(raw, "rows")
    return Text("–", "quiet") if rows is None else text.number(rows)


def _letter(group: int) -> str:
    return chr(ord("A") + group) if group < 26 else str(group + 1)


def _measured(raw: Document, name: str, *, best: bool) -> Cell:
    value = reading.number(_held_out(raw), name)
    if value is None:
        return Text("–", "quiet")
    return Text(
        ("★ " if best else "") + text.aligned(value),
        strong=best,
        hint=f"the best: {value!r}" if best else repr(value),
    )


def pointers(aliases: Document) -> dict[str, list[str]]:
    """Return for each version's number which aliases point at it, with the weight of each that shares."""
    found: dict[str, list[str]] = {}
    for name, alias in aliases.items():
        weights = reading.members(alias, "weights")
        total = sum(reading.number(weights, each) or 0 for each in weights) or 1
        for number in weights:
            share = (reading.number(weights, number) or 0) / total
            found.setdefault(number, []).append(f"{text.shown(name)} {text.percent(share)}")
        if not weights and reading.number(alias, "version") is not None:
            found.setdefault(text.plain(alias["version"]), []).append(text.shown(name))
    return found


def _number(raw: Document, pointing: dict[str, list[str]]) -> Text:
    number = text.plain(raw.get("version"))
    names = pointing.get(number) or [text.shown(each) for each in reading.texts(raw, "aliases")]
    return Text(f"{number}  ← {', '.join(names)}" if names else number, strong=bool(names))


def _differing(versions: list[Document]) -> set[str]:
    """Return the hyperparameters in which versions of one algorithm differ."""
    seen: dict[tuple[str, str], str] = {}
    differing = set()
    for each in versions:
        for name, value in reading.members(each, "hyperparameters").items():
            key = (reading.text(each, "algorithm"), name)
            if seen.setdefault(key, repr(value)) != repr(value):
                differing.add(name)
    return differing


def _told(raw: Document, differing: set[str]) -> str:
    told = reading.members(raw, "hyperparameters")
    differ = [
        f"{text.shown(name, 24)}={text.shown(_said(told[name]), 24)}" for name in told if name in differing
    ]
    kernel = (
        [] if "kernel" in differing or not reading.text(told, "kernel") else [text.shown(told["kernel"], 24)]
    )
    said = ", ".join([*kernel, *differ[:4]])
    registered = ", registered" if reading.members(raw, "registered") else ""
    return algorithm(reading.text(raw, "algorithm")) + (f" ({said})" if said else "") + registered


def deleted(raw: object) -> list[Block]:
    """Return which versions were deleted, and until when they can be restored."""
    told = reading.documents(raw, "deleted") if isinstance(raw, dict) else []
    if not told:
        return []
    rows = tuple(
        (text.plain(each.get("version")), *map(_moment, (each.get("deleted"), each.get("restorable_until"))))
        for each in told[:MOST_NOTES]
    )
    columns = (Column("version"), Column("deleted", whole=True), Column("can be restored until", whole=True))
    return [Table(columns, rows, "Deleted", more(len(told), MOST_NOTES, "version"))]


def _moment(told: object) -> str:
    return text.time(told) if isinstance(told, str) else "–"


def line(raw: Document) -> str:
    """Return a version in one line."""
    test = _held_out(raw) or reading.members(raw, "metrics", "training")
    where = "held out" if _held_out(raw) else "in training"
    names = [name for name in ordered(test) if name != "baseline"][:3]
    said = [f"{metric_name(name)} {text.number(test[name])}" for name in names]
    parts = [named(raw), algorithm(reading.text(raw, "algorithm"))]
    parts += ["registered"] if reading.members(raw, "registered") else []
    parts += [f"{', '.join(said)} {where}"] if said else []
    count = len(reading.texts(raw, "warnings"))
    return ", ".join([*parts, *([text.count_of(count, "warning")] if count else [])])
