"""What a picture is made of, before it is HTML or a terminal's text."""

from dataclasses import dataclass
from typing import Literal

type Tone = Literal["plain", "quiet", "good", "warn"]


@dataclass(frozen=True)
class Text:
    """Words in a cell or a line; `hint` is what a pointer over them shows."""

    text: str
    tone: Tone = "plain"
    strong: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Bar:
    """A number as a bar: `share` from 0 to 1, or of `signed` ones from -1 (left) to 1 (right)."""

    share: float
    text: str
    signed: bool = False
    tone: Tone = "plain"
    hint: str = ""


@dataclass(frozen=True)
class Spark:
    """Counts as small columns; `beside` are others of the same bins, drawn behind them."""

    counts: tuple[float, ...]
    says: str
    beside: tuple[float, ...] = ()


type Cell = str | Text | Bar | Spark


@dataclass(frozen=True)
class Column:
    """A table's column."""

    title: str
    right: bool = False
    hint: str = ""
    whole: bool = False  # what is in it is not broken over lines
    spare: bool = False  # a narrow terminal may leave it out, those at the end first


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell of each row is its heading."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    more: str = ""


@dataclass(frozen=True)
class Title:
    """What it is a picture of, and in a line below it what is said at once."""

    name: str
    kind: str
    badges: tuple[Text, ...] = ()
    line: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    facts: tuple[tuple[str, Cell], ...]
    title: str = ""


@dataclass(frozen=True)
class Notes:
    """Sentences: warnings, or what to know."""

    notes: tuple[str, ...]
    tone: Tone = "warn"
    more: str = ""


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: a row for each true class, a column for each predicted one."""

    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    name: str
    points: tuple[tuple[float, float], ...]
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over two axes."""

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    unit_square: bool = False  # both axes are from 0 to 1
    diagonal: bool = False  # what chance, or what perfect calibration, would be
    whole_steps: bool = False  # the axis across counts


@dataclass(frozen=True)
class Heat:
    """Numbers above and below 0 in rows, as a field of colours."""

    title: str
    values: tuple[tuple[float, ...], ...]
    says: str


@dataclass(frozen=True)
class Words:
    """Words of a text, each with its part."""

    title: str
    words: tuple[tuple[str, float, bool], ...]  # the word, its part, whether it is known
    says: str


@dataclass(frozen=True)
class Beside:
    """Blocks side by side, where there is place."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Group:
    """Blocks that belong together, one below the other."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown when asked for: in a notebook by a click, in a terminal not at all."""

    title: str
    blocks: tuple["Block", ...]


type Block = Title | Facts | Table | Notes | Matrix | Chart | Heat | Words | Bar | Beside | Group | Folded
type Picture = tuple[Block, ...]
