"""What was predicted, and whether rows are still those of training."""

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import (
    Bar,
    Beside,
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Line,
    Picture,
    Spark,
    Table,
    Text,
    Title,
    Tone,
)
from serverless_ml.display.pictures.learnt import span
from serverless_ml.display.pictures.versions import more, notes
from serverless_ml.display.reading import Document

MOST = 60
_STATES: dict[str, tuple[str, Tone]] = {
    "drifted": ("drifted", "warn"),
    "steady": ("steady", "good"),
    "too_few": ("too few rows to tell", "plain"),
    "no_predictions": ("nothing was predicted", "plain"),
    "no_profile": ("nothing to compare with", "plain"),
    "no_reference": ("nothing to compare with", "plain"),
    "alike": ("alike", "good"),
    "different": ("different", "warn"),
}
_COUNTED = (
    ("requests", "requests"),
    ("refused (4xx)", "refused"),
    ("errors (5xx)", "errors"),
    ("rows predicted", "predicted"),
)
MOST_ARMS = 8
MOST_LABELS = 12
_ORDER = {"drifted": 0, "steady": 1}


def state(name: str) -> Text:
    """Return a state as it is read."""
    said, tone = _STATES.get(name, (text.shown(name or "–"), "plain"))
    return Text(said, tone)


def monitoring(raw: Document) -> Picture:
    """Return a report on a version: the columns that drifted first."""
    model = reading.members(raw, "model")
    name = text.shown(reading.text(model, "name") or "model", 64)
    version = reading.number(model, "version")
    title = Title(
        f"{name}@{text.plain(version)}" if version is not None else name,
        "monitored",
        (state(reading.text(raw, "state")),),
        tuple(_window(raw)),
    )
    beside: list[Block] = [Facts(tuple(_traffic(raw)), "Traffic"), *_accuracy(raw), *_live(raw)]
    features = reading.members(raw, "features")
    blocks: list[Block] = [title, *notes(reading.texts(raw, "warnings")), Beside(tuple(beside))]
    if features:
        blocks.append(_features(features))
    return (*blocks, *_predictions(reading.members(raw, "predictions")))


def _window(raw: Document) -> list[str]:
    begin, end = reading.text(raw, "window", "from"), reading.text(raw, "window", "to")
    said = [f"{text.time(begin)} to {text.time(end)}"] if begin and end else []
    on = reading.at(raw, "monitoring", "on")
    return [*said, *(["counting is off"] if on is False else [])]


def _traffic(raw: Document) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = []
    requests = reading.number(raw, "requests")
    if requests is not None:
        facts.append(("requests", text.number(requests)))
    for name, said in (("refused", "refused (4xx)"), ("errors", "errors (5xx)")):
        count = reading.number(raw, name)
        if count:
            facts.append((said, Bar(count / (requests or count), text.number(count), tone="warn")))
        elif count is not None:
            facts.append((said, "0"))
    latency = [(name, reading.number(raw, "latency", name)) for name in ("p50", "p95", "p99")]
    told = [f"{name[1:]} % within {text.number(value)} ms" for name, value in latency if value is not None]
    facts += [("latency", ", ".join(told))] if told else []
    predicted, counted = reading.number(raw, "predicted"), reading.number(raw, "counted")
    if predicted is not None:
        part = (
            f", columns counted of {text.number(counted)}"
            if counted is not None and counted != predicted
            else ""
        )
        facts.append(("predicted", text.count_of(predicted, "row") + part))
    return facts


def _accuracy(raw: Document) -> list[Block]:
    accuracy = reading.members(raw, "feedback", "accuracy")
    value, expected = reading.number(accuracy, "value"), reading.number(raw, "expected_accuracy")
    labelled = reading.number(raw, "feedback", "labelled")
    rows: list[tuple[Cell, ...]] = []
    if value is not None:
        ends = [
            text.number(end)
            for end in (reading.number(accuracy, "low"), reading.number(accuracy, "high"))
            if end is not None
        ]
        interval = f" ({' to '.join(ends)})" if ends else ""
        said = f"live, of {text.count_of(labelled, 'label')}" if labelled is not None else "live"
        rows.append(
            (
                Text(said, strong=True),
                Bar(value, text.aligned(value) + interval, hint="with Wilson's interval of 95 %"),
            )
        )
    if expected is not None:
        rows.append(
            (Text("expected", hint="the mean of the top probability"), Bar(expected, text.aligned(expected)))
        )
    return [Table((Column(""), Column("accuracy")), tuple(rows), "How often it is right")] if rows else []


def _live(raw: Document) -> list[Block]:
    told = reading.documents(raw, "feedback", "confusion")
    rows = tuple(
        (
            text.shown(text.plain(each.get("true")), 24)
            if each.get("true") is not None
            else "none of the classes",
            text.shown(text.plain(each.get("predicted")), 24),
            text.number(reading.number(each, "count") or 0),
        )
        for each in sorted(told, key=lambda each: -(reading.number(each, "count") or 0))[:12]
    )
    columns = (Column("really"), Column("predicted"), Column("rows", right=True))
    blocks: list[Block] = [Table(columns, rows, "By feedback", more(len(told), 12, "pair"))] if rows else []
    points = tuple(
        ((low + high) / 2, accuracy)
        for each in reading.documents(raw, "feedback", "calibration")
        if (low := reading.number(each, "from")) is not None
        and (high := reading.number(each, "to")) is not None
        and (accuracy := reading.number(each, "accuracy")) is not None
    )
    if points:
        line = Line("live", points, dots=True)
        blocks.append(
            Chart("Live calibration", "probability of the label", "share that was right", (line,), True, True)
        )
    return blocks


def _features(features: Document) -> Block:
    known = [(name, each) for name, each in features.items() if isinstance(each, dict)]
    known.sort(
        key=lambda each: (
            _ORDER.get(reading.text(each[1], "state"), 2),
            -(reading.number(each[1], "psi") or 0),
        )
    )
    rows = tuple(_feature(name, each) for name, each in known[:MOST])
    columns = (
        Column("column"),
        Column("state"),
        Column("PSI", right=True, hint="the population stability index: how far now is from training"),
        Column("expected", right=True, spare=True, hint="what it is on average where nothing drifted"),
        Column("p-value", right=True, spare=True),
        Column("missing: then → now", whole=True, spare=True),
        Column("now (line: training)", hint="columns are shares of now, lines those of training", spare=True),
        Column("most changed"),
    )
    return Table(columns, rows, "Columns", more(len(known), MOST, "column"))


def _feature(name: str, raw: Document) -> tuple[Cell, ...]:
    told = state(reading.text(raw, "state"))
    drifted = told.tone == "warn"
    return (
        Text(text.shown(name, 32), strong=drifted, hint=text.shown(name, 200)),
        told if drifted else Text(told.text, "quiet"),
        _aligned(raw, "psi"),
        _aligned(raw, "psi_expected"),
        _number(raw, "p_value"),
        _both(reading.members(raw, "missing")),
        *_bins(raw),
    )


def _aligned(raw: Document, name: str) -> str:
    value = reading.number(raw, name)
    return "–" if value is None else f"{value:.3f}"


def _number(raw: Document, name: str) -> str:
    value = reading.number(raw, name)
    return "–" if value is None else f"{value:.3f}" if value >= 0.001 else text.number(float(f"{value:.1e}"))


def _both(raw: Document) -> str:
    then, now = reading.number(raw, "training"), reading.number(raw, "now")
    return " → ".join("–" if each is None else text.percent(each) for each in (then, now))


def _bins(raw: Document) -> tuple[Cell, Cell]:
    bins = [each for each in reading.documents(raw, "bins") if reading.number(each, "training") is not None]
    other = reading.members(raw, "other")
    if (reading.number(other, "training") or 0) + (reading.number(other, "now") or 0):
        bins.append({"word": "other words", **other})
    unseen = reading.number(raw, "unseen")
    if unseen:
        bins.append({"word": "words never seen", "training": 0.0, "now": unseen})
    if not bins:
        return "", ""
    now = tuple(reading.number(each, "now") or 0.0 for each in bins)
    then = tuple(reading.number(each, "training") or 0.0 for each in bins)
    names = [_bin(each) for each in bins]
    said = "; ".join(
        f"{name}: {text.percent(a)} → {text.percent(b)}" for name, a, b in zip(names, then, now, strict=True)
    )
    most = max(range(len(bins)), key=lambda place: abs(now[place] - then[place]))
    changed = f"{names[most]}: {text.percent(then[most])} → {text.percent(now[most])}"
    return Spark(now, f"training → now: {said}", then), changed if now[most] != then[most] else ""


def _bin(raw: Document) -> str:
    for name in ("word", "value"):
        if name in raw:
            return text.shown(text.plain(raw[name]), 24)
    return span(raw)


def _predictions(raw: Document) -> list[Block]:
    labels = reading.documents(raw, "labels")
    if not labels:
        return []
    where = {"held_out": "rows held out", "training": "rows trained on"}.get(
        reading.text(raw, "reference"), "training"
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            text.shown(text.plain(each.get("label")), 32),
            *(
                Bar(share, text.percent(share)) if (share := reading.number(each, name)) is not None else "–"
                for name in ("training", "now")
            ),
        )
        for each in labels[:MOST]
    )
    columns = (Column("label"), Column(where), Column("now"))
    blocks: list[Block] = [
        Table(
            columns,
            rows,
            f"Labels: {state(reading.text(raw, 'state')).text}",
            more(len(labels), MOST, "label"),
        )
    ]
    probability = reading.members(raw, "probability")
    if reading.documents(probability, "bins"):
        spark, changed = _bins(probability)
        told = state(reading.text(probability, "state"))
        facts = (
            ("state", told),
            ("now (line: then)", spark),
            ("most changed", changed),
            ("PSI", _aligned(probability, "psi")),
        )
        blocks.append(Facts(facts, "Probability of the label"))
    return [Beside(tuple(blocks))]


def alias_monitoring(raw: Document) -> Picture:
    """Return a report on an alias: its versions side by side."""
    name = text.shown(reading.text(raw, "model", "name") or "model", 64)
    alias = text.shown(reading.text(raw, "alias") or "alias")
    arms = reading.documents(raw, "versions")
    title = Title(f"{name}@{alias}", "monitored", line=(text.count_of(len(arms), "version"), *_window(raw)))
    weights = sum(reading.number(each, "weight") or 0 for each in arms) or 1
    labels = list(
        dict.fromkeys(
            text.shown(text.plain(label.get("label")), 32)
            for arm in arms
            for label in reading.documents(arm, "labels")
        )
    )
    kinds: list[tuple[str, list[Cell]]] = [
        ("state", [state(reading.text(each, "state")) for each in arms]),
        ("drifted", [text.shown(", ".join(reading.texts(each, "drifted")), 60) or "–" for each in arms]),
        ("weight", [_share((reading.number(each, "weight") or 0) / weights) for each in arms]),
        ("share of requests", [_share(reading.number(each, "share")) for each in arms]),
        *((said, [_count(each, member) for each in arms]) for said, member in _COUNTED),
        ("95 % within, ms", [_count(reading.members(each, "latency"), "p95") for each in arms]),
        (
            "expected accuracy",
            [_accurate(reading.number(each, "expected_accuracy")) for each in arms],
        ),
        ("live accuracy", [_live_accuracy(each) for each in arms]),
        *((f"label {label}", [_label_share(each, label) for each in arms]) for label in labels[:MOST_LABELS]),
        ("labels beside the first", [_mix(each) for each in arms]),
    ]
    columns = (
        Column(""),
        *(Column(f"version {text.plain(each.get('version'))}") for each in arms[:MOST_ARMS]),
    )
    rows = tuple((name, *cells[:MOST_ARMS]) for name, cells in kinds)
    blocks: list[Block] = [title, *notes(reading.texts(raw, "warnings"))]
    return (*blocks, *([Table(columns, rows, more=more(len(arms), MOST_ARMS, "version"))] if arms else []))


def _share(share: float | None) -> Cell:
    return Text("–", "quiet") if share is None else Bar(share, text.percent(share))


def _accurate(share: float | None) -> Cell:
    return Text("–", "quiet") if share is None else Bar(share, text.aligned(share))


def _count(raw: Document, name: str) -> Cell:
    count = reading.number(raw, name)
    return Text("–", "quiet") if count is None else text.number(count)


def _live_accuracy(raw: Document) -> Cell:
    accuracy = reading.members(raw, "feedback", "accuracy")
    value = reading.number(accuracy, "value")
    if value is None:
        return Text("–", "quiet")
    low, high = reading.number(accuracy, "low"), reading.number(accuracy, "high")
    interval = f" ({text.number(low)} to {text.number(high)})" if low is not None and high is not None else ""
    return Bar(value, text.aligned(value) + interval)


def _label_share(raw: Document, label: str) -> Cell:
    for each in reading.documents(raw, "labels"):
        if text.shown(text.plain(each.get("label")), 32) == label:
            return _share(reading.number(each, "share"))
    return Text("–", "quiet")


def _mix(raw: Document) -> Cell:
    mix = reading.members(raw, "mix")
    return state(reading.text(mix, "state")) if mix else Text("–", "quiet")


def feedback(raw: Document) -> Picture:
    """Return how many labels were counted."""
    return (Title("Feedback", line=(line_of_feedback(raw),), kind=""),)


def line_of_feedback(raw: Document) -> str:
    """Return how many labels were counted, in one line."""
    counted, repeated = reading.number(raw, "counted") or 0, reading.number(raw, "repeated") or 0
    return f"{text.count_of(counted, 'label')} counted" + (
        f", {text.number(repeated)} had been counted before" if repeated else ""
    )


def line(raw: Document) -> str:
    """Return a report in one line."""
    model = reading.members(raw, "model")
    name = text.shown(reading.text(model, "name") or "model", 64)
    arms = reading.documents(raw, "versions")
    if arms or "version" not in model:
        told = [f"version {text.plain(arm.get('version'))} {_said(arm)}" for arm in arms[:MOST_ARMS]]
        return f"{name}@{text.shown(reading.text(raw, 'alias'))}: {'; '.join(told)}"
    return f"{name}@{text.plain(model['version'])}: {_said(raw)}"


def _said(raw: Document) -> str:
    drifted = reading.texts(raw, "drifted")
    columns = f" ({text.shown(', '.join(drifted), 120)})" if drifted else ""
    predicted = reading.number(raw, "predicted")
    rows = f", {text.count_of(predicted, 'row')} predicted" if predicted else ""
    return f"{state(reading.text(raw, 'state')).text}{columns}{rows}"
