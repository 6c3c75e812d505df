"""Docstrings are taken out of sources: what runs is the same, and every line has its number."""

import ast
from pathlib import Path

import pytest

from providers.deploying import packages

SOURCES = {
    "of a module": ('"""What it is."""\n\nx = 1\n', "\n\nx = 1\n"),
    "of several lines": (
        'def f():\n    """One.\n\n    Two ü.\n    """\n    return 1\n',
        "def f():\n\n\n\n\n    return 1\n",
    ),
    "all that there is": ('class A:\n    """Nothing else."""\n', "class A:\n    ...\n"),
    "on the line of the def": ('def f(): """Nothing."""\n', "def f(): ...\n"),
    "with a comment after it": (
        'def f():\n    """It."""  # noqa: X\n    return 1\n',
        "def f():\n      # noqa: X\n    return 1\n",
    ),
    "after an assignment": ('A = 1\n"""What A is."""\nB = 2\n', "A = 1\n\nB = 2\n"),
    "a text that is used": ('A = """not\none"""\nf("x")\n', 'A = """not\none"""\nf("x")\n'),
    "a text that is joined": ('f"""{x}"""\n', 'f"""{x}"""\n'),
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_a_statement_alone_becomes_blank_lines(name: str, tmp_path: Path) -> None:
    before, after = SOURCES[name]
    module = tmp_path / "below" / "module.py"
    module.parent.mkdir()
    module.write_text(before, encoding="utf-8")
    packages.drop_docstrings(str(tmp_path))
    assert module.read_text(encoding="utf-8") == after
    ast.parse(after)


def test_of_every_module_of_ours_the_same_statements_are_left() -> None:
    for path in sorted(Path(packages.ROOT, "ml_core").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        left = packages._without_texts(text)
        assert left.count("\n") == text.count("\n")
        assert statements(left) == statements(text), path


def statements(text: str) -> list[str]:
    """What is executed, without texts that stand alone, each with its line."""
    return [
        f"{node.lineno} {type(node).__name__}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
