"""Modules of Python as a page tells them: signatures, docstrings, members.

griffe reads the source and imports nothing of it, so that names stand as they were written.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from documenting.client_source import FOLDER as CLIENT
from documenting.markdown import bullets, code, heading, prose, table, told_block
from documenting.pages import ROOT

if TYPE_CHECKING:
    import griffe

# What a signature is told in, in one line, where it is not longer.
_LINE = 100
_SECTIONS = {"parameters": "Arguments", "raises": "Raises"}


@cache
def package(name: str) -> "griffe.Object":
    """A package of this repository, read."""
    import griffe

    found = griffe.load(
        name,
        search_paths=[ROOT, CLIENT],
        allow_inspection=False,
        resolve_aliases=True,
        resolve_external=False,
        docstring_parser="google",
        docstring_options={"warnings": False},
    )
    assert isinstance(found, griffe.Object)  # noqa: S101
    return found


def found(name: str, path: str) -> "griffe.Object":
    """What a package knows by a path such as `Client.train`, wherever it is defined.

    Raises:
        KeyError: there is no such thing.
    """
    import griffe

    place: griffe.Object | griffe.Alias = package(name)
    for step in path.split("."):
        place = place.members[step]
    target = place.final_target if isinstance(place, griffe.Alias) else place
    assert isinstance(target, griffe.Object)  # noqa: S101
    return target


def public_members(owner: "griffe.Object") -> "Iterator[griffe.Object]":
    """The methods, properties and attributes of a class that people use, in the order of the source.

    Those of its bases are not among them.
    """
    import griffe

    for name, each in owner.members.items():
        if isinstance(each, griffe.Alias) or name.startswith("_"):
            continue
        yield each


def function(title: str, level: int, told: "griffe.Object") -> list[str]:
    """A heading, the signature, and what the docstring says."""
    return [heading(level, code(title)), told_block("text", signature_of(told)), *sections(told)]


def signature_of(told: "griffe.Object", *, of: "griffe.Object | None" = None) -> str:
    """How it is called: in a line, or in a line for each parameter.

    Args:
        told: a function, or a class, which is called as its `__init__` is.
        of: what is called, where its name is that of another.
    """
    import griffe

    name = (of or told).name
    if isinstance(told, griffe.Class):
        made = told.members.get("__init__")
        assert isinstance(made, griffe.Function)  # noqa: S101
        return signature_of(made, of=told)
    assert isinstance(told, griffe.Function)  # noqa: S101
    written = list(_written(told))
    gives = f" -> {told.returns}" if told.returns is not None and name != "__init__" and of is None else ""
    before = "async " if "async" in told.labels else ""
    line = f"{before}{name}({', '.join(written)}){gives}"
    if len(line) <= _LINE:
        return line
    return "\n".join([f"{before}{name}(", *(f"    {each}," for each in written), f"){gives}"])


def _written(told: "griffe.Function") -> Iterator[str]:
    """The parameters as in the source, without `self`."""
    import griffe

    kinds = griffe.ParameterKind
    starred = False
    for place, each in enumerate(told.parameters):
        if place == 0 and each.name in ("self", "cls"):
            continue
        if each.kind is kinds.keyword_only and not starred:
            starred = True
            yield "*"
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(each.kind, "") if each.kind else ""
        starred = starred or stars == "*"
        annotation = f": {each.annotation}" if each.annotation is not None else ""
        equals = " = " if annotation else "="
        default = f"{equals}{_value(each.default)}" if each.default is not None and not stars else ""
        yield f"{stars}{each.name}{annotation}{default}"


def _value(default: "griffe.Expr | str") -> str:
    """A default; that of a constant of the module by its value."""
    import griffe

    if isinstance(default, griffe.ExprName) and isinstance(default.parent, griffe.Object):
        known = default.parent.module.members.get(default.name)
        try:
            target = known.final_target if isinstance(known, griffe.Alias) else known
        except griffe.AliasResolutionError:
            target = None  # what several names are assigned at once, griffe does not see in every form
        if isinstance(target, griffe.Attribute):
            return _assigned(target)
    return str(default)


def _assigned(constant: "griffe.Attribute") -> str:
    """The value of a constant; of several that are assigned at once, its own."""
    (statement,) = ast.parse(inspect.cleandoc(constant.source)).body
    match statement:
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)):
            own = [
                each for name, each in zip(names, values, strict=True) if ast.unparse(name) == constant.name
            ]
            return ast.unparse(own[0])
    return str(constant.value)


def sections(told: "griffe.Object") -> list[str]:
    """A docstring as blocks: paragraphs, and lists of arguments, errors and what comes back."""
    if told.docstring is None:
        return []
    blocks: list[str] = []
    for each in told.docstring.parsed:
        if each.kind.value == "text":
            blocks += [prose(text) for text in each.value.split("\n\n")]
        elif each.kind.value in ("returns", "yields"):
            blocks.append(
                f"{each.kind.value.capitalize()}: {prose(' '.join(one.description for one in each.value))}"
            )
        elif each.kind.value in _SECTIONS:
            blocks += [f"{_SECTIONS[each.kind.value]}:", bullets(_entry(entry) for entry in each.value)]
        else:
            raise ValueError(
                f"expected a section of {', '.join(_SECTIONS)} in {told.path}, got {each.kind.value}"
            )
    return blocks


def _entry(entry: Any) -> str:
    return f"{code(getattr(entry, 'name', '') or entry.annotation)}: {prose(entry.description)}"


def fields_table(told: "griffe.Object") -> str:
    """The fields of a record, with their types and defaults."""
    import griffe

    rows = [
        [code(name), _type(each.annotation), _default(each.value), prose(_said(each))]
        for name, each in told.members.items()
        if isinstance(each, griffe.Attribute)
        and not name.startswith("_")
        and each.annotation is not None
        and ("instance-attribute" in each.labels or "property" in each.labels)
    ]
    return table(["member", "type", "without it", "meaning"], rows)


def _said(each: "griffe.Object") -> str:
    return each.docstring.value if each.docstring else ""


def _type(annotation: object) -> str:
    """A type in words a table can have: a pipe is not one of them."""
    return " or ".join(code(part) for part in _alternatives(str(annotation)))


def _alternatives(annotation: str) -> Sequence[str]:
    """The types between which a union lets choose; those inside of brackets stay."""
    parts, depth = [""], 0
    for letter in annotation:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip().replace(" | ", " or ") for part in parts]


def _default(value: object) -> str:
    """What a field is without being given; of one that is always given nothing."""
    text = "" if value is None else str(value)
    if text.startswith("field("):
        known = re.search(r"default(?:_factory)?=(\w+)", text)
        text = known[1] if known else ""
    made = {"list": "an empty list", "dict": "an empty object", "''": "an empty text", "()": "an empty tuple"}
    return made.get(text, code(text) if text else "")


def class_told(told: "griffe.Object", level: int, *, only: Sequence[str] = ()) -> list[str]:
    """A class with its methods and properties, all or only some, each under a heading of its own."""
    import griffe

    blocks = (
        function(told.name, level, told)
        if is_made(told)
        else [heading(level, code(told.name)), *sections(told)]
    )
    for each in public_members(told):
        if only and each.name not in only:
            continue
        title = f"{told.name}.{each.name}"
        if isinstance(each, griffe.Function):
            blocks += function(title, level + 1, each)
        elif "property" in each.labels:
            kind = code(getattr(each, "annotation", None))
            blocks += [heading(level + 1, code(title)), f"A property: {kind}.", *sections(each)]
    return blocks


def is_made(told: "griffe.Object") -> bool:
    """Whether people make objects of a class themselves: then its docstring says with which arguments."""
    parsed = told.docstring.parsed if told.docstring else []
    return any(section.kind.value == "parameters" for section in parsed)
