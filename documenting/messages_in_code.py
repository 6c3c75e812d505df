"""Which messages errors can have, read from the code: texts with `…` for what varies.

A message is what a class of errors is made with. Where that is a name, its assignments are looked at; where
it is a call, what the function returns; where it is a parameter, what callers give. What none of them says
is `…`.
"""

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from math import prod
from typing import NamedTuple

from documenting.pages import ROOT

PACKAGES = ("ml_core", "handlers", "providers", "client/src/serverless_ml")
# Made of the others: a copy of ml_core, and the client without `async`.
_MADE = ("client/src/serverless_ml/_core/", "client/src/serverless_ml/_sync/")
VARIES = "…"
_MOST_ALTERNATIVES, _DEEPEST = 40, 6
# What shows a value in a message: the value varies.
_SHOWS = frozenset({"shown", "quoted", "member", "repr", "str"})
# A text with fewer letters than this is a part of others.
_LEAST_LETTERS = 8
_BUILT_IN = frozenset({"ValueError", "TypeError", "RuntimeError", "OverflowError", "LookupError", "KeyError"})
_TELLS = re.compile(r"fault|reason|wrong|refus|objection|unreadable|(^|_)(why|nothing)_")
_LETTER = re.compile(r"[^\W\d_]")
_CLIENT = "serverless_ml"

type _Function = ast.FunctionDef | ast.AsyncFunctionDef


class Message(NamedTuple):
    """A message: its text, the module that has it, and the code of its error; empty where it has none."""

    text: str
    module: str
    code: str


class Source:
    """A file's tree, and what stands in it by name."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.tree = tree
        self.constants: dict[str, ast.expr] = {}
        self.functions: dict[str, _Function] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        self.inside: dict[ast.AST, _Function] = {}
        self.classes: dict[ast.AST, str] = {}
        self.calls: defaultdict[str, list[ast.Call]] = defaultdict(list)
        self._values: dict[_Function, defaultdict[str, list[ast.expr]]] = {}
        self.handed_over: set[ast.AST] = set()
        for statement in tree.body:
            for name_, value in _assigned(statement):
                self.constants[name_] = value
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions[node.name] = node
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (node.module, alias.name)
            if isinstance(node, ast.Call):
                self.calls[_last_name(node.func)].append(node)
            if isinstance(node, ast.Raise) and node.exc is not None:
                self.handed_over.add(node.exc)
            if isinstance(node, ast.Return) and node.value is not None:
                self.handed_over.add(node.value)
        self._note(tree, None, "")

    def values_in(self, function: _Function) -> defaultdict[str, list[ast.expr]]:
        """What names are given in a function."""
        if function not in self._values:
            found = self._values[function] = defaultdict(list)
            for node in ast.walk(function):
                for name, value in [*_assigned(node), *self._drawn(node, found)]:
                    found[name].append(value)
        return self._values[function]

    def _drawn(self, node: ast.AST, known: dict[str, list[ast.expr]]) -> Iterator[tuple[str, ast.expr]]:
        """Names that take one entry after the other of tables of the module."""
        if not isinstance(node, ast.For | ast.comprehension):
            return
        gone_through = _table_of(node.iter)
        tables = [gone_through]
        if isinstance(gone_through, ast.Name):
            names = [gone_through, *known.get(gone_through.id, [])]
            tables = [
                self.constants[each.id]
                for each in names
                if isinstance(each, ast.Name) and each.id in self.constants
            ]
        for table in tables:
            for entry in _entries_of(table, pairs=gone_through is not node.iter):
                yield from _unpacked(node.target, entry)

    def _note(self, node: ast.AST, function: _Function | None, class_: str) -> None:
        """Note in which function and class everything stands."""
        for child in ast.iter_child_nodes(node):
            if function is not None:
                self.inside[child] = function
            self.classes[child] = class_
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                self._note(child, child, class_)
            else:
                self._note(child, function, child.name if isinstance(child, ast.ClassDef) else class_)


class _Sink(NamedTuple):
    """A parameter of a function that becomes the message of an error."""

    module: str
    function: str
    parameter: str
    code: str


@cache
def messages() -> tuple[Message, ...]:
    """All of them, each once for each module and code, in the modules' order. That takes seconds."""
    found = [*Reader(sources()).messages(), *_of_scripts(), *_of_make()]
    return tuple(dict.fromkeys(found))


def fits(text: str, message: str) -> bool:
    """Whether a message that somebody saw is one that `text` stands for, or a part of it is."""
    parts = [re.escape(part) for part in text.split(VARIES)]
    return re.search(".*".join(parts), message, re.DOTALL) is not None


def sources() -> dict[str, Source]:
    """The modules that are read, by their names."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(_MADE):
                name = place.removeprefix("client/src/").removesuffix(".py").removesuffix("/__init__")
                name = name.replace("/", ".")
                found[name] = Source(name, ast.parse(path.read_text(encoding="utf-8")))
    return found


class Reader:
    """Reads messages out of modules."""

    def __init__(self, modules: dict[str, Source]) -> None:
        self._modules = modules
        ours = {name: module for name, module in modules.items() if not name.startswith(_CLIENT)}
        self._codes_of_service = _error_codes(ours)
        # Errors of the client have the codes that a service tells.
        self._codes_of_client = dict.fromkeys(_error_codes(modules), "")
        self._sinks: dict[_Sink, None] = {}

    def messages(self) -> Iterator[Message]:
        """What errors are made with, in the modules' order; some more than once."""
        for module in self._modules.values():
            for node in ast.walk(module.tree):
                yield from self._said_by(module, node)
        done: set[_Sink] = set()
        while waiting := [each for each in self._sinks if each not in done]:
            done.update(waiting)
            yield from self._given_to(waiting)

    def _said_by(self, module: Source, node: ast.AST) -> Iterator[Message]:
        if isinstance(node, ast.Call):
            code = self._code_of(module, node)
            if code is not None:
                for argument in _message_arguments(node):
                    yield from self._told(module, argument, code)
        elif isinstance(node, ast.Dict):
            members = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
            if "error" in members and len(members) == 1:
                yield from self._told(module, members["error"], "")
            if {"code", "message"} <= members.keys():
                named = members["code"]
                yield from self._told(
                    module, members["message"], str(named.value) if isinstance(named, ast.Constant) else ""
                )
        elif isinstance(node, ast.FunctionDef) and _TELLS.search(node.name) and _is_text(node.returns):
            for returned in _returned(node):
                yield from self._told(module, returned, "")

    def _code_of(self, module: Source, call: ast.Call) -> str | None:
        """The code of the error that a call makes; None where it makes none."""
        codes = self._codes_of_client if module.name.startswith(_CLIENT) else self._codes_of_service
        name, called = _last_name(call.func), call.func
        owner = _last_name(called.value) if isinstance(called, ast.Attribute) else ""
        code = codes.get(name)
        if name == "Fault":
            code = codes["InvalidInput"]
        elif name == "at":
            code = codes.get(owner)
        elif name == "__init__":
            code = codes.get(module.classes[call])
        elif name == "print" and module.name.startswith("handlers"):
            code = "" if any(each.arg == "file" for each in call.keywords) else None
        elif name == "error" and owner == "parser":
            code = ""
        elif name in ("cls", "kind", "refused") and call in module.handed_over:
            code = codes.get(module.classes[call], "")
        return code

    def _told(self, module: Source, argument: ast.expr, code: str) -> Iterator[Message]:
        function = module.inside.get(argument)
        if isinstance(argument, ast.Name) and function is not None and argument.id in _parameters(function):
            self._sinks[_Sink(module.name, function.name, argument.id, code)] = None
        for text in self._texts(module, argument, _DEEPEST):
            tidy = re.sub(f"{VARIES}+", VARIES, " ".join(text.split()))
            if len(_LETTER.findall(tidy)) >= _LEAST_LETTERS and " " in tidy:
                yield Message(tidy, module.name, code)

    def _given_to(self, sinks: list[_Sink]) -> Iterator[Message]:
        """What callers give to parameters that become messages."""
        for sink in sinks:
            function = self._modules[sink.module].functions[sink.function]
            for module in self._modules.values():
                for call in module.calls.get(sink.function, ()):
                    argument = _given(call, function, sink.parameter)
                    if argument is not None and self._is_same(module, call.func, sink):
                        yield from self._told(module, argument, sink.code)

    def _is_same(self, module: Source, called: ast.expr, sink: _Sink) -> bool:
        """Whether a call in a module is one of the function that a sink belongs to."""
        if module.name == sink.module:
            return True
        name = called.id if isinstance(called, ast.Name) else ""
        place, original = module.imported.get(name, ("", ""))
        return (place, original) == (sink.module, sink.function) or (
            isinstance(called, ast.Attribute)
            and module.imported.get(_last_name(called.value), ("", ""))[1] in sink.module
        )

    def _texts(self, module: Source, expression: ast.expr | None, left: int) -> list[str]:
        """What a text can be, with what is not known as `…`."""
        if left == 0 or expression is None:
            return [VARIES]
        found = list(dict.fromkeys(self._alternatives(module, expression, left)))
        return found if 0 < len(found) <= _MOST_ALTERNATIVES else [VARIES]

    def _alternatives(self, module: Source, expression: ast.expr, left: int) -> Iterable[str]:
        """What an expression can be: of several parts, one of several, or what is said elsewhere."""
        match expression:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return _joined([self._part(module, value, left) for value in values])
            case ast.BinOp(left=first, op=ast.Add(), right=second):
                return _joined([self._texts(module, each, left) for each in (first, second)])
            case ast.IfExp(body=first, orelse=second):
                several = [first, second]
            case ast.BoolOp(values=several):
                pass
            case _:
                return self._from_elsewhere(module, expression, left)
        return [text for each in several for text in self._texts(module, each, left)]

    def _from_elsewhere(self, module: Source, expression: ast.expr, left: int) -> list[str]:
        match expression:
            case ast.NamedExpr(value=value):
                found = self._texts(module, value, left)
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str(joint)), attr="join"),
                args=[ast.List(elts=parts)],
            ):
                texts = [self._texts(module, each, left) for each in parts]
                found = _joined([part for each in texts for part in ([joint], each)][1:])
            case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(elt=entry), *_]):
                found = self._texts(module, entry, left)
            case ast.Name():
                found = self._named(module, expression, left)
            case ast.Subscript(value=ast.Name() as table):
                found = self._entries(module, table, left)
            case ast.Call(func=ast.Attribute(value=text, attr="format")):
                found = [re.sub(r"\{[^{}]*\}", VARIES, each) for each in self._texts(module, text, left)]
            case ast.Call(func=called):
                found = self._returned_by(module, called, left)
            case _:
                found = [VARIES]
        return found

    def _part(self, module: Source, value: ast.expr, left: int) -> list[str]:
        """A part of an f-string; of what is put into it, only what is a word or two of ours."""
        if isinstance(value, ast.Constant):
            return [str(value.value)]
        if not isinstance(value, ast.FormattedValue) or value.format_spec or value.conversion != -1:
            return [VARIES]
        if isinstance(value.value, ast.Call) and not _TELLS.search(_last_name(value.value.func)):
            return [VARIES]
        return self._texts(module, value.value, left - 1)

    def _named(self, module: Source, name: ast.Name, left: int) -> list[str]:
        function = module.inside.get(name)
        if function is not None:
            if values := module.values_in(function).get(name.id):
                return [text for value in values for text in self._texts(module, value, left - 1)]
            if name.id in _parameters(function):
                return [VARIES]
        if name.id in module.constants:
            return self._texts(module, module.constants[name.id], left - 1)
        place, original = module.imported.get(name.id, ("", ""))
        if place in self._modules and original in self._modules[place].constants:
            other = self._modules[place]
            return self._texts(other, other.constants[original], left - 1)
        return [VARIES]

    def _entries(self, module: Source, table: ast.Name, left: int) -> list[str]:
        """The texts of a table that is looked up."""
        value = module.constants.get(table.id)
        if isinstance(value, ast.Dict):
            return [text for each in value.values for text in self._texts(module, each, left - 1)]
        return [VARIES]

    def _returned_by(self, module: Source, called: ast.expr, left: int) -> list[str]:
        name = _last_name(called)
        if name in _SHOWS:
            return [VARIES]
        place, original = module.imported.get(name, (module.name, name))
        other = self._modules.get(place)
        function = other.functions.get(original) if other is not None else None
        if function is None or other is None or not _is_text(function.returns):
            return [VARIES]
        return [text for value in _returned(function) for text in self._texts(other, value, left - 1)]


def _joined(parts: list[list[str]]) -> list[str]:
    """Texts of parts one after the other; where there would be too many, the parts with most just vary."""
    while prod(map(len, parts)) > _MOST_ALTERNATIVES:
        widest = max(range(len(parts)), key=lambda at: len(parts[at]))
        parts[widest] = [VARIES]
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def _error_codes(modules: dict[str, Source]) -> dict[str, str]:
    """The classes of errors by name, each with its code; empty where it has none."""
    classes = [
        node
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]
    bases = {node.name: [_last_name(base) for base in node.bases] for node in classes}
    own = {
        node.name: str(value.value)
        for node in classes
        for statement in node.body
        for name, value in _assigned(statement)
        if name == "code" and isinstance(value, ast.Constant)
    }
    found = dict.fromkeys(_BUILT_IN, "")

    def is_error(name: str) -> bool:
        return (
            name in _BUILT_IN
            or name.endswith(("Exception", "Error"))
            or any(map(is_error, bases.get(name, [])))
        )

    def code_of(name: str) -> str:
        return own.get(name) or next(filter(None, map(code_of, bases.get(name, []))), "")

    for name in bases:
        if is_error(name):
            found[name] = code_of(name)
    return found


def _message_arguments(call: ast.Call) -> list[ast.expr]:
    """What of a call's arguments may be the message: not the path of a fault."""
    name = _last_name(call.func)
    given = [*call.args, *(each.value for each in call.keywords if each.arg in (None, "message", "detail"))]
    return given[1:] if name in ("Fault", "at") and len(call.args) > 1 else given


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that a statement gives a value, or an expression does."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _unpacked(target, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value


def _entries_of(table: ast.expr, *, pairs: bool) -> list[ast.expr]:
    """What a loop over a table goes through: of a dictionary pairs, where it asks for them."""
    match table:
        case ast.Dict(keys=keys, values=values) if pairs:
            return [
                ast.Tuple([key, value]) for key, value in zip(keys, values, strict=True) if key is not None
            ]
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return elements
        case _:
            return []


def _table_of(gone_through: ast.expr) -> ast.expr:
    """What has the entries that a loop goes through: of `table.items()`, the table."""
    match gone_through:
        case ast.Call(func=ast.Attribute(value=table, attr="items")):
            return table
        case _:
            return gone_through


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif (
        isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    ):
        for each, part in zip(target.elts, value.elts, strict=True):
            yield from _unpacked(each, part)


def _parameters(function: _Function) -> list[str]:
    arguments = function.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _given(call: ast.Call, function: _Function, parameter: str) -> ast.expr | None:
    """What a call gives to a parameter."""
    for keyword in call.keywords:
        if keyword.arg == parameter:
            return keyword.value
    names = [each for each in _parameters(function) if each not in ("self", "cls")]
    if parameter in names and names.index(parameter) < len(call.args):
        return call.args[names.index(parameter)]
    return None


def _returned(function: _Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node.value


def _is_text(annotation: ast.expr | None) -> bool:
    return annotation is not None and re.search(r"\bstr\b", ast.unparse(annotation)) is not None


def _last_name(expression: ast.expr) -> str:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value) | ast.Call(func=value):
            return _last_name(value)
        case _:
            return ""


_SCRIPT_TOKENS = re.compile(
    r"//[^\n]*|/\*.*?\*/"  # comments
    r"|(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`)"
    r"|(?P<joint>\s*\+\s*)|(?P<other>\S)",
    re.DOTALL,
)
# What tells a refusal from other sentences of a script.
_REFUSES = re.compile(r"\b(expected|unknown|cannot|is missing|ended with)\b")


def _of_scripts() -> Iterator[Message]:
    """The refusals of the framework's files, which are JavaScript."""
    for path in [ROOT / "cloud.js", *sorted((ROOT / "providers").rglob("*.js"))]:
        module = path.relative_to(ROOT).as_posix().replace("/", ".")
        for text in _sentences(path.read_text(encoding="utf-8")):
            if _REFUSES.search(text) and " " in text and "${" not in text:
                yield Message(text, module, "")


def _of_make() -> Iterator[Message]:
    """What the Makefile says before it ends with an error."""
    for text in re.findall(r'echo "([^"]*)" >&2; exit 1', (ROOT / "Makefile").read_text(encoding="utf-8")):
        yield Message(text, "Makefile", "")


def _sentences(script: str) -> Iterator[str]:
    """What stands in quotes, put together where a plus is between; what varies is `…`."""
    parts: list[str] = []
    joins = False
    for token in _SCRIPT_TOKENS.finditer(script):
        if token["joint"] is not None:
            joins = True
        elif token["text"] is not None:
            text = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", VARIES, token["text"][1:-1])
            text = re.sub(r"\\(.)", r"\1", text)
            parts = [*parts, text] if joins else [text]
            joins = False
        elif token["other"] is not None:
            if parts:
                yield " ".join("".join(parts).split())
            parts, joins = [], False
