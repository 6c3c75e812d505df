"""Carry ml_core's predict part as `serverless_ml/_core`.

    python client/carry_core.py [FOLDER]

What predicts offline is what the service predicts with: the modules of `ml_core` that are reachable from
`ENTRIES`, by imports at the top of a file and inside functions, with their names rewritten. Nothing is listed
by hand, so nothing can be forgotten; what is in `NOT_CARRIED` must not be reachable. `hatch_build.py` calls
this for wheels; run by itself it writes the folder into the source tree, which development needs.
"""

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
TREE = HERE.parent
IN_THE_SOURCE = HERE / "src" / "serverless_ml" / "_core"

PACKAGE = "ml_core"
CARRIED_AS = "serverless_ml._core"
# What `serverless_ml/offline.py` and a loaded model's methods begin with.
ENTRIES = (
    "ml_core.algorithms",
    "ml_core.converting.onnx_graphs",
    "ml_core.converting.scikit_learn",
    "ml_core.model.model",
)
# Training, jobs and the registry are the service's. That one of these is reachable is a fault of the tree.
NOT_CARRIED = (
    "ml_core.datasets",
    "ml_core.documents",
    "ml_core.export",
    "ml_core.jobs",
    "ml_core.monitoring",
    "ml_core.picture_files",
    "ml_core.ports",
    "ml_core.registering",
    "ml_core.registry",
    "ml_core.sandbox",
    "ml_core.serving",
    "ml_core.tables",
    "ml_core.training",
)
# A converted model keeps of rows what a trained one does.
CARRIED_ALL_THE_SAME = ("ml_core.training", "ml_core.training.profiling")
# The package itself has names of training; in its place is this.
ROOT_TEXT = '''"""What a serverless-ml service predicts with, as it is in the service's `ml_core`.

Private: built from the service's source, with other names of modules. `serverless_ml.offline` is the door.
"""
'''
# What is raised offline is caught as what the service's answers raise: one root for both.
ERRORS = "ml_core.errors"
ROOT_ERROR = "ServerlessMLError"
CLIENT_ROOT = "from serverless_ml.errors import ServerlessMLError as ClientError\n\n\n"

_NAMED = re.compile(r"\bml_core\b")
_MODULE_NAME = re.compile(r"ml_core(?:\.\w+)+")


class CannotCarry(Exception):
    """The tree is not as it has to be for this; the message says where."""


class Edit(NamedTuple):
    """Bytes of a line (both from 0) that are replaced."""

    line: int
    start: int
    end: int
    text: bytes


def modules(tree: Path = TREE) -> dict[str, Path]:
    """Every module of ml_core in a checkout by its name."""
    found = {}
    for path in sorted((tree / PACKAGE).rglob("*.py")):
        parts = path.relative_to(tree).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def carried(tree: Path = TREE) -> dict[str, str]:
    """The modules that are carried, each with the one that first led to it ("" for an entry).

    Raises `CannotCarry` where one that must not be carried is reachable.
    """
    known = modules(tree)
    found = {entry: "" for entry in ENTRIES if entry in known}
    waiting = list(found)
    while waiting:
        module = waiting.pop(0)
        for needed in _needs(module, known):
            if needed not in found:
                found[needed] = module
                waiting.append(needed)
        if _is_one_of(module, NOT_CARRIED) and module not in CARRIED_ALL_THE_SAME:
            raise CannotCarry(f"{_way(module, found)}: {module} is not what predicts, and is not carried")
    return dict(sorted(found.items()))


def write(folder: Path, tree: Path = TREE) -> None:
    """Write the carried modules as the package in `folder`, in place of what is there.

    Raises `CannotCarry` where a module of the tree is not as it has to be.
    """
    known = modules(tree)
    texts = {known[module]: rewritten(module, known) for module in carried(tree) if module != PACKAGE}
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(ROOT_TEXT, encoding="utf-8")
    for path, text in texts.items():
        target = folder / path.relative_to(tree / PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def rewritten(module: str, known: dict[str, Path]) -> bytes:
    """The text of a module, where ml_core is called as it is called when carried.

    Imports are changed, and texts that are a module's name; all else stays as it is, byte for byte.
    """
    source = known[module].read_bytes()
    lines = source.splitlines(keepends=True)
    syntax = ast.parse(source)
    edits = [*_edits(syntax, lines, known, str(known[module]))]
    if module == ERRORS:
        edits += _under_the_clients_root(syntax)
    for edit in sorted(edits, reverse=True):
        line = lines[edit.line]
        lines[edit.line] = line[: edit.start] + edit.text + line[edit.end :]
    return b"".join(lines)


def _needs(module: str, known: dict[str, Path]) -> Iterator[str]:
    """The modules of ml_core that one takes: its packages, its imports, and what it imports by name."""
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts)))
    if module == PACKAGE:  # only the folder is carried
        return
    syntax = ast.parse(known[module].read_bytes())
    for_types = _for_types(syntax)
    for node in ast.walk(syntax):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node, known, known[module])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known:
            yield node.value
        elif _imports_its_own_by_name(node):
            yield from (other for other in known if other.rpartition(".")[0] == module)


def _for_types(syntax: ast.Module) -> set[int]:
    """The nodes that only type checkers see."""
    return {
        id(inner)
        for node in ast.walk(syntax)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }


def _imported(node: ast.Import | ast.ImportFrom, known: dict[str, Path], path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif node.level:
        raise CannotCarry(f"{path}:{node.lineno}: expected the module's whole name, got a relative import")
    else:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    for name in names:
        if name.split(".")[0] in ("handlers", "providers"):
            raise CannotCarry(f"{path}:{node.lineno}: what predicts must not import {name}")
        if name.split(".")[0] == PACKAGE:
            yield name if name in known else name.rpartition(".")[0]


def _imports_its_own_by_name(node: ast.AST) -> bool:
    """Whether this is `import_module(f"{__name__}.…")`."""
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("import_module"):
        return False
    name = node.args[0]
    first = name.values[0] if isinstance(name, ast.JoinedStr) else None
    return isinstance(first, ast.FormattedValue) and ast.unparse(first.value) == "__name__"


def _edits(syntax: ast.Module, lines: list[bytes], known: dict[str, Path], path: str) -> Iterator[Edit]:
    spoken = _docstrings(syntax)
    for node in ast.walk(syntax):
        place = f"{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom):
            if node.module == PACKAGE and (lost := _no_modules(node, known)):
                raise CannotCarry(f"{place}: {lost} is no module: import it from where it is")
            named = node.module or ""
        elif isinstance(node, ast.alias):  # of `from … import` it is another module's name
            named = node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken:
            named = node.value
            if _NAMED.search(named) and not _MODULE_NAME.fullmatch(named):
                raise CannotCarry(f"{place}: a text names {PACKAGE}: use __name__ in its place")
        elif isinstance(node, ast.Name) and node.id == PACKAGE:
            raise CannotCarry(f"{place}: {PACKAGE} is used by its name: import what is meant")
        else:
            continue
        if named == PACKAGE or named.startswith(f"{PACKAGE}."):
            yield _edit(lines, node.lineno, node.col_offset)


def _edit(lines: list[bytes], line: int, start: int) -> Edit:
    """The first `ml_core` of a line from a column on."""
    found = lines[line - 1].index(PACKAGE.encode(), start)
    return Edit(line - 1, found, found + len(PACKAGE), CARRIED_AS.encode())


def _no_modules(node: ast.ImportFrom, known: dict[str, Path]) -> str:
    return ", ".join(alias.name for alias in node.names if f"{PACKAGE}.{alias.name}" not in known)


def _docstrings(syntax: ast.Module) -> set[int]:
    """The texts that nothing reads but people: they speak of the tree."""
    return {
        id(statement.value)
        for node in ast.walk(syntax)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }


def _under_the_clients_root(syntax: ast.Module) -> list[Edit]:
    for node in syntax.body:
        if isinstance(node, ast.ClassDef) and node.name == ROOT_ERROR:
            [base] = node.bases
            replaced = Edit(base.lineno - 1, base.col_offset, base.end_col_offset or 0, b"ClientError")
            return [replaced, Edit(node.lineno - 1, 0, 0, CLIENT_ROOT.encode())]
    raise CannotCarry(f"{ERRORS} has no class {ROOT_ERROR}")


def _is_one_of(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _way(module: str, found: dict[str, str]) -> str:
    way = [module]
    while found[way[-1]]:
        way.append(found[way[-1]])
    return " → ".join(reversed(way))


def main(arguments: list[str]) -> int:
    """Write the package, by default where the client's source expects it."""
    folder = Path(arguments[0]) if arguments else IN_THE_SOURCE
    try:
        write(folder)
    except CannotCarry as fault:
        print(fault, file=sys.stderr)
        return 1
    print(f"{sum(1 for _ in folder.rglob('*.py'))} modules in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
