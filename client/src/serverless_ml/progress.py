"""How far something is, while a person waits: a bar on a terminal, or in a notebook's cell.

It is drawn on stderr, or by IPython, never on stdout. Nothing is drawn of what is over within two seconds,
and work goes on whatever happens to the drawing.
"""

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from time import monotonic
from typing import Any, Protocol, Self

from serverless_ml.display import reading, text

AFTER = 2.0  # seconds until a bar appears
_EVERY = 0.2  # seconds between two drawings in a notebook
_EVERY_LINE = 10.0  # and between two lines where there is neither a terminal nor a notebook
_PIXELS = 220


def wanted(progress: bool | None = None) -> bool:
    """Return whether a person would see a bar.

    Args:
        progress: None for a terminal or a notebook alone; True also where lines go elsewhere; False never.
    """
    return progress is not False and (progress is True or _notebook() is not None or _on_terminal())


def bar(title: str, total: float | None = None, *, unit: str = "", on: bool | None = None) -> "Bar":
    """Return a bar, to be used in a `with`.

    Args:
        title: what is done.
        total: how much there is to do, None where that is not known.
        unit: what is counted: `bytes`, `rows`, `%`, or nothing.
        on: as `wanted` takes it.
    """
    return Bar(title, total, unit, _surface(on) if wanted(on) else None)


class Surface(Protocol):
    """Where a bar is drawn."""

    def draw(self, state: "State") -> None:
        """Draw it anew."""

    def end(self, state: "State") -> None:
        """Draw it for the last time, or take it away."""


class State:
    """How far it is: `done` of `total`, each None where it is not known."""

    def __init__(self, title: str, total: float | None, unit: str) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done: float | None = None
        self.note = ""
        self.began = monotonic()
        self.failed = False

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1."""
        if self.done is None or not self.total or self.total < 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)

    def counted(self) -> str:
        """Return how much is done, in words."""
        if self.done is None:
            return ""
        if self.unit == "%":
            return text.percent(self.done / 100)
        said = text.size if self.unit == "bytes" else text.number
        of = f" of {said(self.total)}" if self.total is not None else ""
        unit = f" {self.unit}" if self.unit not in {"", "bytes"} else ""
        return f"{said(self.done)}{of}{unit}"

    def words(self) -> str:
        """Return all of it in a line."""
        return ", ".join(filter(None, (self.title, self.counted(), self.note)))


class Bar:
    """How far something is. It appears when it has lasted two seconds, and goes when the `with` is left."""

    def __init__(self, title: str, total: float | None, unit: str, surface: Surface | None) -> None:
        self._state = State(text.shown(title, 80), total, unit)
        self._surface = surface
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if isinstance(self._surface, _Terminal):
            # One long request tells nothing meanwhile: the bar appears all the same.
            self._timer = threading.Timer(AFTER, self._draw)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._timer:
            self._timer.cancel()
        self._state.failed = kind is not None
        self._draw(last=True)

    def update(
        self,
        done: float | None = None,
        note: str = "",
        *,
        total: float | None = None,
        title: str | None = None,
    ) -> None:
        """Tell how far it is.

        Args:
            done: how much of the total; None for under way, without a count.
            note: what is said beside it.
            total: another total than before.
            title: another title than before.
        """
        state = self._state
        state.done, state.note = done, text.shown(note, 100)
        state.total = state.total if total is None else total
        state.title = state.title if title is None else text.shown(title, 80)
        self._draw()

    def job(self, raw: object) -> None:
        """Tell how far a job is, by its JSON."""
        steps = reading.documents(raw, "metrics", "history")
        percentage = reading.number(raw, "percentage")
        step = steps[-1] if steps else {}
        done, of = reading.number(step, "done"), reading.number(step, "of")
        if percentage is None and done is not None and of:
            percentage = 100 * done / of
        phase = reading.text(raw, "phase") or reading.text(raw, "state")
        self._state.unit = "%"
        self.update(percentage, ", ".join(filter(None, (phase, _step(step)))), total=100)

    def _draw(self, *, last: bool = False) -> None:
        surface = self._surface
        if surface is None or monotonic() - self._state.began < AFTER:
            return
        with self._lock:
            try:
                (surface.end if last else surface.draw)(self._state)
            except Exception:  # noqa: BLE001 - whatever a terminal or a notebook cannot do, the work goes on
                self._surface = None


def _step(raw: dict[str, Any]) -> str:
    done, of = reading.number(raw, "done"), reading.number(raw, "of")
    if done is None or of is None:
        return ""
    said = [f"epoch {text.number(done)} of {text.number(of)}"]
    for name in ("loss", "validation_loss"):
        value = reading.number(raw, name)
        said += [f"{name.replace('_', ' ')} {text.number(value)}"] if value is not None else []
    return ", ".join(said)


def _on_terminal() -> bool:
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # there is none, or it was closed
        return False


def _notebook() -> Callable[..., Any] | None:
    """Return IPython's `display` where a kernel runs this."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    try:
        shows: Callable[..., Any] = import_module("IPython.display").display
    except (ImportError, AttributeError):
        return None
    return shows


def _surface(on: bool | None) -> Surface:
    show = _notebook()
    if show:
        return _Notebook(show)
    return _Terminal() if _on_terminal() else _Lines() if on else _Terminal()


class _Terminal:
    """A bar of rich's on stderr, which leaves nothing behind."""

    one = threading.Lock()  # two at once would write over each other: the second is not drawn

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def draw(self, state: State) -> None:
        if self._progress is not None or self._begun(state):
            self._tell(state)

    def _tell(self, state: State) -> None:
        # rich counts towards a total; without a count its bar moves to and fro.
        self._progress.update(
            self._task,
            description=state.title,
            completed=state.share or 0.0,
            total=None if state.share is None else 1.0,
            counted=state.counted(),
            note=state.note,
        )

    def _begun(self, state: State) -> bool:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        if not _Terminal.one.acquire(blocking=False):
            return False
        try:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[counted]}", markup=False),
                TextColumn("{task.fields[note]}", markup=False, style="dim"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._progress.add_task(state.title, total=None, counted="", note="")
            self._tell(state)
            self._progress.start()
        except BaseException:
            self._progress = None
            _Terminal.one.release()
            raise
        return True

    def end(self, state: State) -> None:  # noqa: ARG002 - another surface tells it
        if self._progress is not None:
            try:
                self._progress.stop()
            finally:
                self._progress = None
                _Terminal.one.release()


class _Lines:
    """A line now and then, for a log."""

    def __init__(self) -> None:
        self._told = 0.0

    def draw(self, state: State) -> None:
        if monotonic() - self._told >= _EVERY_LINE:
            self._told = monotonic()
            print(state.words(), file=sys.stderr, flush=True)

    def end(self, state: State) -> None:
        """Nothing: what comes of it is told by who asked."""


class _Notebook:
    """HTML that is drawn again in its place."""

    def __init__(self, show: Callable[..., Any]) -> None:
        self._show = show
        self._handle: Any = None
        self._told = 0.0

    def draw(self, state: State) -> None:
        if monotonic() - self._told >= _EVERY:
            self._told = monotonic()
            self._put(_as_html(state), state)

    def end(self, state: State) -> None:
        if self._handle is not None:
            from html import escape

            took = text.duration(monotonic() - state.began)
            how = "stopped after" if state.failed else "took"
            said = f"{state.title}: {how} {took}"
            self._put(f'<div style="opacity:.68;font-size:12px">{escape(said)}</div>', state, said)

    def _put(self, html: str, state: State, said: str = "") -> None:
        data = {"text/html": html, "text/plain": said or state.words()}
        if self._handle is None:
            self._handle = self._show(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _as_html(state: State) -> str:
    from html import escape

    share = state.share
    name = escape(state.title, quote=True)
    value = f' value="{share:.4f}"' if share is not None else ""  # without one it moves to and fro
    said = " · ".join(filter(None, (state.counted(), state.note)))
    return (
        f'<div style="font-size:12px">{name} '
        f'<progress max="1"{value} aria-label="{name}" '
        f'style="width:{_PIXELS}px;vertical-align:middle"></progress> '
        f'<span style="opacity:.75">{escape(said)}</span></div>'
    )
