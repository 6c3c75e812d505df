"""What a version learnt, and what its training rows were like."""

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import (
    Bar,
    Block,
    Cell,
    Column,
    Facts,
    Notes,
    Picture,
    Spark,
    Table,
    Text,
    Title,
)
from serverless_ml.display.pictures.versions import algorithm, more
from serverless_ml.display.reading import Document

MOST = 40
MOST_SIDES = 12
_UNITS = "Coefficients are in the units of the columns as you send them; sizes compare only in equal units."


def parameters(raw: Document) -> Picture:
    """Return the picture of coefficients, of centres, or of a kernel."""
    kind = reading.text(raw, "kind")
    title = Title(_whose(raw), f"learnt by {algorithm(reading.text(raw, 'algorithm'))}")
    blocks: list[Block] = [title]
    if reading.documents(raw, "clusters"):
        blocks += _centres(reading.documents(raw, "clusters"))
    else:
        facts = tuple(
            (name, text.shown(text.plain(raw[name])))
            for name in ("kernel", "gamma", "coef0", "degree")
            if raw.get(name) is not None
        )
        blocks += [Facts(facts)] if facts else []
        blocks += _vectors(reading.documents(raw, "support_vectors"))
        for each in reading.documents(raw, "decisions")[:MOST_SIDES]:
            blocks += _decision(each)
        blocks += _calibration(reading.documents(raw, "calibration"))
        count = len(reading.documents(raw, "decisions"))
        if count > MOST_SIDES:
            blocks.append(Notes((more(count, MOST_SIDES, "decision"),), "quiet"))
    if kind == "linear":
        blocks.append(Notes((_UNITS,), "quiet"))
    return tuple(blocks)


def _whose(raw: Document) -> str:
    name, version = reading.text(raw, "model", "name"), reading.number(raw, "model", "version")
    return f"{text.shown(name or 'model', 64)}@{text.plain(version)}"


def _place(raw: Document) -> Text:
    column = reading.text(raw, "column")
    said = text.shown(column, 32)
    if raw.get("missing") is True:
        said += " is missing"
    elif "category" in raw:
        said += f" = {text.shown(text.plain(raw['category']), 24)}"
    return Text(said, hint=text.shown(column, 200))


def _decision(raw: Document) -> list[Block]:
    sides = [
        text.shown(text.plain(raw[name]), 30) for name in ("class", "against") if raw.get(name) is not None
    ]
    told = [
        (each, value)
        for each in reading.documents(raw, "coefficients")
        if (value := reading.number(each, "coefficient")) is not None
    ]
    intercept = reading.number(raw, "intercept")
    title = " against ".join(sides) if sides else "Decision"
    if not told:
        return [Facts((("intercept", text.signed(intercept)),), title)] if intercept is not None else []
    most = max(abs(value) for _, value in told) or 1.0
    rows: list[tuple[Cell, ...]] = [
        (_place(each), Bar(value / most, text.signed(value), signed=True, hint=repr(value)))
        for each, value in told[:MOST]
    ]
    if intercept is not None:
        rows.append((Text("intercept", "quiet"), Text(text.signed(intercept), "quiet")))
    return [
        Table(
            (Column("column"), Column("coefficient")),
            tuple(rows),
            title,
            more(len(told), MOST, "coefficient"),
        )
    ]


def _vectors(told: list[Document]) -> list[Block]:
    counts = [
        (text.shown(text.plain(each.get("class")), 32), reading.number(each, "count") or 0) for each in told
    ]
    most = max((count for _, count in counts), default=0) or 1
    rows = tuple((name, Bar(count / most, text.number(count))) for name, count in counts[:MOST])
    return (
        [Table((Column("class"), Column("support vectors")), rows, more=more(len(counts), MOST, "class"))]
        if rows
        else []
    )


def _calibration(told: list[Document]) -> list[Block]:
    rows = tuple(
        (
            text.shown(text.plain(each.get("class")), 32),
            *(_number(each, name) for name in ("slope", "offset")),
        )
        for each in told[:MOST]
    )
    columns = (Column("class"), Column("slope", right=True), Column("offset", right=True))
    return [Table(columns, rows, "Probability = 1 / (1 + exp(slope · decision + offset))")] if rows else []


def _number(raw: Document, name: str) -> str:
    value = reading.number(raw, name)
    return "–" if value is None else text.aligned(value)


def _centres(clusters: list[Document]) -> list[Block]:
    shown = clusters[:MOST_SIDES]
    places = [_place(each) for each in reading.documents(shown[0], "values")]
    columns = [Column("column")]
    for each in shown:
        size = reading.number(each, "size")
        rows_of = f" ({text.number(size)})" if size is not None else ""
        columns.append(
            Column(f"cluster {text.plain(each.get('cluster'))}{rows_of}", right=True, hint="rows trained on")
        )
    rows: list[tuple[Cell, ...]] = []
    for place, name in enumerate(places[:MOST]):
        values = [reading.documents(each, "values") for each in shown]
        rows.append((name, *(_centre(told[place]) if place < len(told) else "–" for told in values)))
    omitted = more(len(clusters), MOST_SIDES, "cluster") or more(len(places), MOST, "value")
    return [Table(tuple(columns), tuple(rows), "Centres", omitted)]


def _centre(raw: Document) -> str:
    value = raw.get("value")
    if isinstance(value, str):
        return text.shown(value[:10] if text.moment(value) else value, 24)
    number = reading.number(raw, "value")
    if number is None:
        return "–"
    share = raw.get("missing") is True or "category" in raw
    return text.percent(number) if share else text.number(number)


def profile(raw: Document) -> Picture:
    """Return the picture of a profile: what the columns were like in training, and what was predicted."""
    rows = reading.number(raw, "rows")
    columns = reading.documents(raw, "columns")
    line = [text.count_of(rows, "row") + " trained on"] if rows is not None else []
    blocks: list[Block] = [Title(_whose(raw), "profile", line=tuple(line))]
    if columns:
        heads = (
            Column("column"),
            Column("kind"),
            Column("missing", spare=True),
            Column("values"),
            Column("from – to, or the most frequent"),
        )
        table = tuple(_column(each, rows) for each in columns[:MOST])
        blocks.append(Table(heads, table, more=more(len(columns), MOST, "column")))
    return (*blocks, *_predicted(reading.members(raw, "predicted")))


def _column(raw: Document, rows: float | None) -> tuple[Cell, ...]:
    name, missing = reading.text(raw, "column"), reading.number(raw, "missing")
    spark, words = _values(raw)
    absent: Cell = "–"
    if missing is not None:
        absent = (
            Bar(missing / rows, text.percent(missing / rows))
            if missing and rows
            else Text(text.number(missing), "quiet")
        )
    return (
        Text(text.shown(name, 32), strong=True, hint=text.shown(name, 200)),
        text.shown(reading.text(raw, "kind"), 20),
        absent,
        spark,
        words,
    )


def _values(raw: Document) -> tuple[Cell, Cell]:
    bins, words = reading.documents(raw, "bins"), reading.documents(raw, "words")
    told = bins or words
    counts = tuple(reading.number(each, "count") or 0.0 for each in told)
    if not told:
        few = reading.number(raw, "too_few")
        return (
            "",
            f"{text.count_of(few, 'row')} with a value: too few to tell more" if few is not None else "",
        )
    names = [text.shown(text.plain(each.get("word")), 24) if words else span(each) for each in told]
    said = ", ".join(f"{name} {text.number(count)}" for name, count in zip(names, counts, strict=True))
    shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "") if words else _ends(bins)
    return Spark(counts, f"rows: {said}"), shown


def _ends(bins: list[Document]) -> str:
    means = [text.shown(short(each.get("mean")), 24) for each in (bins[0], bins[-1])]
    return f"about {means[0]} – {means[1]}" if len(bins) > 1 else f"about {means[0]}"


def short(value: object) -> str:
    """Return a value; of a date the day."""
    if isinstance(value, str) and len(value) > 10 and text.moment(value):
        return value[:10]
    return text.plain(value)


def span(raw: Document) -> str:
    """Return what a bin's values are."""
    low, high = raw.get("from"), raw.get("to")
    if low is None and high is None:
        return "any"
    if low is None or high is None:
        return f"below {text.shown(short(high), 24)}" if low is None else f"from {text.shown(short(low), 24)}"
    return f"{text.shown(short(low), 24)} – {text.shown(short(high), 24)}"


def _predicted(raw: Document) -> list[Block]:
    labels = reading.documents(raw, "labels")
    if not labels:
        return []
    counts = [
        (text.shown(text.plain(each.get("label")), 32), reading.number(each, "count") or 0) for each in labels
    ]
    total = sum(count for _, count in counts) or 1
    where = "of the rows held out" if raw.get("held_out") is True else "of the rows trained on"
    rows = tuple(
        (name, Bar(count / total, f"{text.number(count)} ({text.percent(count / total)})"))
        for name, count in counts[:MOST]
    )
    blocks: list[Block] = [
        Table(
            (Column("label"), Column("predicted")),
            rows,
            f"Predicted {where}",
            more(len(counts), MOST, "label"),
        )
    ]
    bins = reading.documents(raw, "probability")
    if bins:
        told = tuple(reading.number(each, "count") or 0.0 for each in bins)
        said = ", ".join(
            f"{span(each)} {text.number(count)}" for each, count in zip(bins, told, strict=True) if count
        )
        blocks.append(Facts((("probability of the label, 0 to 1", Spark(told, f"rows: {said}")),)))
    return blocks
