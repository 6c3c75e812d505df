"""The Python client: what `serverless_ml` exports."""

from documenting.client_source import client
from documenting.markdown import anchor, code, either, heading, link
from documenting.markdown import page as whole
from documenting.reference.api import schemas
from documenting.reference.docstrings import class_told, fields_table, found, function, sections
from handlers.rest.components import PREFIX

# The classes in the order in which one leads to the next.
CLASSES = ("Client", "RemoteModel", "JobHandle", "DatasetHandle", "ScoringHandle", "Scores")
FUNCTIONS = ("load_file",)
# What is no class or function.
MODULES = ("answers", "errors", "__version__")


def page() -> str:
    """The page: classes with their methods, errors, and records of what is answered."""
    return whole(
        "The Python client's reference",
        "What `serverless_ml` exports: classes, methods, errors, and the records in which the service's "
        "answers come.",
        "[A guide](../client.md) shows it at work; [frames.md](../frames.md) says which tables it takes.",
        *(text for name in CLASSES for text in class_told(found("serverless_ml", name), 2)),
        *(text for name in FUNCTIONS for text in function(name, 2, found("serverless_ml", name))),
        heading(2, code("AsyncClient")),
        "The same for programs that use asyncio: what asks the service is a coroutine, and is awaited.",
        f"It gives {either([code(name) for name in async_names()[1:]], 'and')}, whose methods are those of "
        f"the classes without `Async`.",
        heading(2, "Errors"),
        "All are in `serverless_ml` and in `serverless_ml.errors`. Which answer raises which, and what it "
        "ends the command with: [errors.md](errors.md#in-python-and-in-the-shell).",
        *(text for name in error_names() for text in _error(name)),
        heading(2, "Records of answers"),
        "What methods give, in `serverless_ml.answers`. `raw` has the answer whole, with what this release "
        "of the client does not know. In a notebook each shows itself.",
        *(text for name in answer_names() for text in _answer(name)),
    )


def async_names() -> list[str]:
    """The classes that are those of `CLASSES` for asyncio."""
    return [name for name in client().__all__ if name.startswith("Async")]


def error_names() -> list[str]:
    """The errors, and the record of a fault."""
    own = (*CLASSES, *FUNCTIONS, *MODULES, *async_names())
    return [name for name in client().__all__ if name not in own]


def answer_names() -> list[str]:
    """The records."""
    return list(client("answers").__all__)


def _error(name: str) -> list[str]:
    told = found("serverless_ml", f"errors.{name}")
    bases = [str(base) for base in getattr(told, "bases", ())]
    linked = [link(code(base), f"#{anchor(base)}") if base in error_names() else code(base) for base in bases]
    kind = f"A kind of {either(linked, 'and')}." if "NamedTuple" not in bases else ""
    return [heading(3, code(name)), kind, *sections(told), fields_table(told)]


def _answer(name: str) -> list[str]:
    told = found("serverless_ml", f"answers.{name}")
    # What members mean is told with what the service answers.
    same = f"Of the service's {schemas().link({'$ref': PREFIX + name})}." if name in schemas().shared else ""
    return [heading(3, code(f"answers.{name}")), *sections(told), same, fields_table(told)]
