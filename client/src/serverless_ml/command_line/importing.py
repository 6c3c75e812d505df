"""`import`: a model of another library, from its file to a version; all of its work is on this machine."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.frame import command
from serverless_ml.command_line.models import PANEL, Name
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.training import OnInterrupt

if TYPE_CHECKING:
    from pathlib import Path

    from serverless_ml import Client
    from serverless_ml._core.model.model import Model
    from serverless_ml._core.onnx.scan import ScannedGraph
    from serverless_ml.graphs.comparing import Answers
    from serverless_ml.graphs.fitted import FittedObject
    from serverless_ml.graphs.making import MadeGraph

NATIVE, ONNX = "native", "onnx"
_MOST_EXAMPLES = 16
_MOST_PORTS = 20
# Of a file: enough to see that answers differ.
_MOST_ROWS = 100_000


class Said(NamedTuple):
    """What a person said of a model, and the rows that they gave."""

    file: str
    wanted: str | None
    features: list[str] | None
    classes: list[Any] | None
    outputs: dict[str, str] | None
    yes: bool
    header: list[str]
    rows: list[dict[str, Any]] | None


class Ready(NamedTuple):
    """What is sent: a model to register, or else a graph to import, with what is said of it."""

    native: "Model | None"
    graph: bytes
    features: list[str] | None = None
    classes: list[Any] | None = None
    outputs: dict[str, str] | None = None
    example: list[Any] | None = None
    origin: dict[str, Any] | None = None


@command(
    "import",
    panel=PANEL,
    examples="""
serverless-ml import flowers forest.joblib rows.csv
serverless-ml import flowers boosted.onnx --classes setosa,versicolor,virginica
serverless-ml import flowers network.onnx --output probability=softmax
""",
)
def import_model(
    session: Session,
    model: Name,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A graph (.onnx), or what pickle or joblib wrote.")
    ],
    rows: Annotated[
        str | None, typer.Argument(metavar="[ROWS]", help="A file of rows to compare answers on.")
    ] = None,
    *,
    wanted: Annotated[
        str | None,
        typer.Option("--as", metavar="native|onnx", help="Else native where that can be, and onnx."),
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="What the columns are called, in their order.")
    ] = None,
    classes: Annotated[
        list[str] | None, typer.Option(metavar="LABELS", help="The labels, in the order of the classes.")
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=OUTPUT", help="What may be asked for, and the graph's name of it."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: load a pickle, too.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait for the version.")] = True,
    on_interrupt: OnInterrupt = "cancel",
) -> None:
    """Make a model that another library fitted a new version of a model.

    A fitted object of scikit-learn's, XGBoost's or LightGBM's is turned into a native version where one says
    the same, which is explained and starts quickly; else into ONNX, which takes the client's extra `onnx`.
    A pickle runs code when it is loaded: it is asked first.
    """
    from serverless_ml.command_line.training import local_file, names_of
    from serverless_ml.command_line.waiting import check_on_interrupt, submitted, waited
    from serverless_ml.graphs import files

    check_on_interrupt(on_interrupt)
    if wanted not in (None, NATIVE, ONNX):
        raise CommandError(f"--as: expected {NATIVE} or {ONNX}, got {wanted!r}")
    outputs = _outputs(output or ())
    if outputs and wanted == NATIVE:
        raise CommandError(f"--output says what a graph gives: leave it out, or say --as {ONNX}")
    header, given = ([], None) if rows is None else _rows(rows, names_of(features or []))
    said = Said(
        file,
        wanted,
        names_of(features or []) or None,
        _labels(names_of(classes or [])),
        outputs,
        yes,
        header,
        given,
    )
    with session.client() as client, local_file(file) as path:
        if files.kind_of(path, name=file) == files.ONNX:
            ready = _of_file(session, path, said)
        else:
            ready = _of_pickle(session, path, said)
        job = submitted(model, lambda: _sent(client, model, ready))
        waited(session, job, wait=wait, on_interrupt=on_interrupt)


def _sent(client: "Client", model: str, ready: Ready) -> Any:
    if ready.native is not None:
        return client.register(model, ready.native, origin=ready.origin, wait=False)
    return client.import_onnx(
        model,
        ready.graph,
        features=ready.features,
        classes=ready.classes,
        outputs=ready.outputs,
        example=ready.example,
        origin=ready.origin,
        wait=False,
    )


# --- a graph


def _of_file(session: Session, path: "Path", said: Said) -> Ready:
    """A file of ONNX, as it is or as a native model. Raises `InvalidInput`, `CommandError`."""
    from serverless_ml.errors import NotInstalled
    from serverless_ml.graphs import making, native

    data = path.read_bytes()
    with _told(session, f"Reading {said.file}"):
        scanned = making.scanned_graph(data)
    _show_graph(session, scanned)
    if said.wanted != ONNX and not said.outputs:
        try:
            found = native.of_graph(data, said.features, said.classes)
        except NotInstalled as error:
            found = native.Native(None, str(error))
        if found.model is not None:
            compared = _compare_native(session, said, found.model, data, scanned)
            _tell_native(session, found.model)
            return Ready(found.model, b"", origin=_origin("a graph of ONNX", {}, compared))
        if said.wanted == NATIVE:
            raise CommandError(f"--as: it cannot be {NATIVE}: {found.reason}", Exit.REFUSED)
    session.say("it is imported as it is, as a version that is not explained")
    example = _example(said, scanned)
    return Ready(None, data, said.features, said.classes, said.outputs, example)


def _show_graph(session: Session, scanned: "ScannedGraph") -> None:
    """Say what a graph takes and gives."""
    from serverless_ml.command_line.showing import plain

    by = f" by {plain(scanned.producer)}" if scanned.producer else ""
    session.say(f"a graph of {scanned.nodes:,} nodes{by}")
    for verb, ports in (("takes", scanned.inputs), ("gives", scanned.outputs)):
        for port in ports[:_MOST_PORTS]:
            lengths = (
                "any shape" if port.shape is None else " × ".join(str(each or "N") for each in port.shape)
            )
            session.say(
                f"  {verb}  {plain(port.name)}: {port.datatype}" + (f", {lengths}" if lengths else "")
            )
        if len(ports) > _MOST_PORTS:
            session.say(f"  and {len(ports) - _MOST_PORTS} more")


def _compare_native(
    session: Session, said: Said, model: "Model", data: bytes, scanned: "ScannedGraph"
) -> dict[str, Any] | None:
    """Compare a model that was made of a graph with the graph itself, where there are rows."""
    from serverless_ml.errors import NotInstalled
    from serverless_ml.graphs import cells, comparing, making

    if said.rows is None:
        _nothing_compared(session)
        return None
    try:
        making.check_installed()
    except NotInstalled as error:
        session.say(f"nothing is compared: {error}")
        return None
    names = _columns_for(said, scanned)
    columns = cells.columns_of(said.rows, names, ())
    graph = comparing.of_graph(data, scanned, cells.feed_of(scanned, columns), said.classes)
    listed = dict(zip(names if said.features else _counted(model, names), columns, strict=True))
    likely = "probability" if hasattr(model, "predict_proba") else "score"
    return _judged(session, said, graph._replace(called=likely), model, listed)


def _counted(model: "Model", names: Sequence[str]) -> list[str]:
    """What a model calls the columns of a file, where nobody said: its own names, or x0, x1 and so on."""
    if set(model.features) <= {*names}:
        return list(names)
    return [f"x{place}" for place in range(len(names))]


# --- a pickle


def _of_pickle(session: Session, path: "Path", said: Said) -> Ready:
    """A fitted object of a file, after a person said that it may be loaded."""
    from serverless_ml.command_line.services import confirmed
    from serverless_ml.graphs import files, fitted

    confirmed(
        f"{said.file} is a pickle: to load it runs the code in it, with all that you may do. Load it?",
        yes=said.yes,
    )
    with _told(session, f"Loading {said.file}"):
        found = fitted.looked_at(files.unpickled(path, name=said.file))
    from serverless_ml.offline import in_a_line

    session.say(f"{found.library}: {in_a_line(found.estimator)}, fitted to {found.width} columns")
    if said.features is not None and len(said.features) != found.width:
        raise CommandError(f"--features: expected {found.width} names, got {len(said.features)}")
    return _natively(session, said, found) or _as_graph(session, said, found)


def _natively(session: Session, said: Said, found: "FittedObject") -> Ready | None:
    """An object of scikit-learn's as a native model; None where there is none, or another is wanted."""
    from serverless_ml.graphs import cells, native
    from serverless_ml.graphs.fitted import SCIKIT_LEARN

    if said.wanted == ONNX or said.outputs or said.classes or found.library != SCIKIT_LEARN:
        return None
    rows = None
    if said.rows is not None:
        names = _names(said, found)
        columns = cells.columns_of(said.rows, names, found.words)
        rows = cells.frame_or_array_of(found, columns)
    with _told(session, "Making a native model"):
        made = native.of_object(found.estimator, said.features if found.names is None else None, rows)
    if made.model is None:
        if said.wanted == NATIVE and found.words:
            raise CommandError(f"--as: it cannot be {NATIVE}: {made.reason}", Exit.REFUSED)
        return None
    compared = {"rows": len(said.rows), "labels_differ": 0} if said.rows is not None else None
    if compared is None:
        _nothing_compared(session)
    else:
        session.say(f"compared on {compared['rows']:,} rows: labels are the same, numbers within 1e-9")
    _tell_native(session, made.model)
    return Ready(made.model, b"", origin=_origin_of(found, compared))


def _as_graph(session: Session, said: Said, found: "FittedObject") -> Ready:
    """An object as a graph, or as a native model that is made of the graph."""
    from serverless_ml.graphs import making, native

    with _told(session, "Turning it into ONNX"):
        made = making.graph_of(found)
    called = said.features or (list(found.names) if found.names else None)
    if said.rows is not None and said.features is None:
        called = _names(said, found)
    classes = said.classes or found.classes
    if said.wanted != ONNX and not said.outputs and not found.words:
        again = native.of_graph(made.data, called, classes if made.scanned.classes is None else None)
        if again.model is not None:
            compared = _compared(session, said, found, made, again.model, called=called)
            _tell_native(session, again.model)
            return Ready(again.model, b"", origin=_origin_of(found, compared))
    if said.wanted == NATIVE:
        raise CommandError(f"--as: it cannot be {NATIVE}: without it, it is imported as ONNX", Exit.REFUSED)
    _show_graph(session, made.scanned)
    compared = _compared(session, said, found, made, None, called=called)
    session.say(
        f"it is imported as a graph of ONNX that computes with {'double' if made.double else 'single'} "
        "precision, as a version that is not explained"
    )
    outputs = said.outputs or making.outputs_of(found, made.scanned)
    example = _example_of(said, found)
    return Ready(None, made.data, called, classes, outputs, example, _origin_of(found, compared))


def _compared(
    session: Session,
    said: Said,
    found: "FittedObject",
    made: "MadeGraph",
    model: "Model | None",
    *,
    called: list[str] | None,
) -> dict[str, Any] | None:
    """Compare what the object says with what it was turned into, where there are rows."""
    from serverless_ml.graphs import cells, comparing

    if said.rows is None:
        _nothing_compared(session)
        return None
    columns = cells.columns_of(said.rows, _names(said, found), found.words)
    with _told(session, "Comparing answers"):
        original = comparing.of_object(found, cells.original_of(found, columns))
        if model is not None:
            names = called or [f"x{place}" for place in range(found.width)]
            return _judged(session, said, original, model, dict(zip(names, columns, strict=True)))
        feed = cells.feed_of(made.scanned, columns)
        other = comparing.of_graph(made.data, made.scanned, feed, found.classes)
    return _told_and_asked(session, said, original, other)


def _judged(
    session: Session, said: Said, original: "Answers", model: "Model", columns: Mapping[str, list[Any]]
) -> dict[str, Any]:
    from serverless_ml.graphs import comparing

    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return _told_and_asked(session, said, original, comparing.of_model(model, rows, original))


def _told_and_asked(session: Session, said: Said, one: "Answers", other: "Answers") -> dict[str, Any]:
    """Say how far answers are from one another; where labels differ a person has to say that they may."""
    from serverless_ml.command_line.services import confirmed
    from serverless_ml.graphs.comparing import compared

    found = compared(one, other, len(said.rows or ()))
    for line in found.lines():
        session.warn(line) if found.differing else session.say(line)
    if found.differing:
        confirmed(f"{len(found.differing)} labels differ. Go on all the same?", yes=said.yes)
    return found.told()


def _nothing_compared(session: Session) -> None:
    session.say("nothing is compared: give a file of rows to see whether the answers are the same")


def _tell_native(session: Session, model: "Model") -> None:
    session.say(
        f"it becomes a native version ({model.algorithm}), which is explained and needs no onnxruntime; "
        f"--as {ONNX} imports a graph in its place"
    )


# --- what is said


def _names(said: Said, found: "FittedObject") -> list[str]:
    """Which columns of the rows are the model's."""
    from serverless_ml.graphs.cells import names_in

    return names_in(
        said.header, found.width, [said.features, found.names] if found.names else [said.features]
    )


def _columns_for(said: Said, scanned: "ScannedGraph") -> list[str]:
    """Which columns of the rows are those of a graph that takes rows. Raises `InvalidInput`."""
    from serverless_ml.graphs.cells import names_in

    shapes = [port.shape or (None, None) for port in scanned.inputs]
    widths = [shape[-1] if len(shape) > 1 else 1 for shape in shapes]
    known = [width for width in widths if width is not None]
    width = sum(known) if len(known) == len(widths) else len(said.header)
    ports = [port.name for port in scanned.inputs] if len(widths) > 1 else None
    return names_in(said.header, width, [said.features, ports] if said.features or ports else [None])


def _example(said: Said, scanned: "ScannedGraph") -> list[Any] | None:
    """Some of the rows for the service to try a graph on, where it takes rows."""
    if not said.rows or any(port.shape is None or len(port.shape) > 2 for port in scanned.inputs):
        return None
    from serverless_ml.graphs.cells import columns_of

    words = [place for place, port in enumerate(scanned.inputs) if port.datatype == "BYTES"]
    few, names = said.rows[:_MOST_EXAMPLES], _columns_for(said, scanned)
    columns = columns_of(few, names, range(len(names)) if len(scanned.inputs) == 1 and words else words)
    return _listed(columns)


def _example_of(said: Said, found: "FittedObject") -> list[Any]:
    from serverless_ml.graphs.cells import columns_of, example_of

    if said.rows:
        names = _names(said, found)
        return _listed(columns_of(said.rows[:_MOST_EXAMPLES], names, found.words))
    return _listed(example_of(found))


def _listed(columns: Sequence[Sequence[Any]]) -> list[Any]:
    return [list(row) for row in zip(*columns, strict=True)]


def _origin_of(found: "FittedObject", compared: dict[str, Any] | None) -> dict[str, Any]:
    from serverless_ml.offline import in_a_line

    described = f"{found.library}: {in_a_line(found.estimator)}"
    return _origin(described, {found.library: found.version}, compared)


def _origin(described: str, libraries: dict[str, str], compared: dict[str, Any] | None) -> dict[str, Any]:
    """Where the version is from; what was compared is told with it."""
    from serverless_ml.version import VERSION

    told = {} if compared is None else {"version": {"compared": compared}}
    libraries = {"serverless-ml-client": VERSION, **libraries}
    return {"description": described[:2000], "library_versions": libraries, **told}


def _rows(path: str, features: Sequence[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns and rows of a file. Raises `CommandError`, `OSError`."""
    from serverless_ml.command_line.reading import HowRead, opened

    header = None if path.endswith((".json", ".jsonl", ".parquet")) else True
    with opened(path, features, HowRead(header=header)) as source:
        rows = list(islice((row for piece in source.pieces for row in piece.rows), _MOST_ROWS))
    if not rows:
        raise CommandError(f"{path} has no rows")
    return list(source.columns or rows[0]), rows


def _outputs(said: Sequence[str]) -> dict[str, str] | None:
    outputs: dict[str, str] = {}
    for each in said:
        name, sign, output = each.partition("=")
        if not (name and sign and output):
            raise CommandError(f"--output: expected NAME=OUTPUT such as label=output_label, got {each!r}")
        outputs[name] = output
    return outputs or None


def _labels(said: list[str]) -> list[Any] | None:
    """The labels: whole numbers where all of them are written so."""
    if not said:
        return None
    whole = all(each.removeprefix("-").isdecimal() for each in said)
    return [int(each) for each in said] if whole else list(said)


@contextmanager
def _told(session: Session, title: str) -> Iterator[None]:
    """A bar on a terminal while something lasts longer than two seconds."""
    from serverless_ml import progress

    on = False if session.quiet or sys.stderr is None or not sys.stderr.isatty() else None
    with progress.bar(title, on=on):
        yield
