"""Every request that the service answers, from its OpenAPI document."""

import json
import re
import shlex
from functools import cache
from textwrap import fill
from typing import Any, NamedTuple
from urllib.parse import quote

from documenting.markdown import anchor, block, bullets, code, either, heading, link, prose, sentence, table
from documenting.markdown import page as whole
from documenting.reference.json_schema import Row, Schema, Schemas
from handlers.auth import KEY, OPEN, VISITOR, roles_for
from handlers.rest.components import PREFIX, pascal
from handlers.rest.openapi import document
from handlers.rest.routes import EVERYWHERE, PATH_PARAMETERS, ROUTES, Route
from ml_core import algorithms

FILE = "api.md"
ADDRESS = "localhost:8080"
_RUN = "<!-- run by tests/e2e/test_docs_page.py -->"
_DELETING = "Deleting"
_SHORT = 100  # characters of a body that stays in one line
# What the tags of the document are called here, and the guides of each.
GROUPS = {
    "health": ("Health", ()),
    "documentation": ("The description", ("generated-clients",)),
    "whoami": ("Who asks", ("keys",)),
    "audit": ("Audit", ("audit",)),
    "usage": ("Usage", ("monitoring",)),
    "algorithms": ("Algorithms", ("add-an-algorithm",)),
    "training": ("Training", ("jobs", "large-tables", "networks", "privacy")),
    "jobs": ("Jobs", ("jobs",)),
    "datasets": ("Datasets", ("datasets", "tables")),
    "erasing": ("What was made from a dataset", ("privacy",)),
    "budgets": ("Privacy budgets", ("privacy",)),
    "models": ("Models and versions", ("versions", "names")),
    "artifacts": ("Taking a model away", ("versions", "offline")),
    "registering": ("Versions made elsewhere", ("versions", "scikit-learn")),
    "importing": ("Importing ONNX", ("onnx",)),
    "parameters": ("What a version learnt", ("versions",)),
    "profiles": ("What its rows were like", ("versions",)),
    "onnx": ("A version as ONNX", ("versions",)),
    "aliases": ("Aliases", ("versions",)),
    "schemas": ("What a row is", ("tables",)),
    "monitoring": ("Monitoring", ("monitoring",)),
    "schedules": ("Schedules", ("schedules",)),
    "prediction": ("Predicting", ("tables", "networks")),
    "scoring": ("Scoring a table", ("scoring",)),
    "feedback": ("Feedback", ("monitoring",)),
    "explanation": ("Explaining", ("explain",)),
    "inference": ("Open Inference Protocol", ("tables",)),
}


class Operation(NamedTuple):
    """A request: its method, its path, and what the document says of it."""

    method: str
    path: str
    declared: dict[str, Any]

    @property
    def title(self) -> str:
        """How it is headed."""
        return code(f"{self.method.upper()} {self.path}")

    @property
    def link(self) -> str:
        """A link to it; to its group, where GitHub and Python-Markdown would not agree on its anchor."""
        at = anchor(self.title) if self.path != "/" else anchor(GROUPS[self.tag][0])
        return link(self.title, f"{FILE}#{at}")

    @property
    def tag(self) -> str:
        """The group that it is in."""
        return str(self.declared["tags"][0])

    @property
    def body(self) -> Schema | None:
        """What it takes as JSON."""
        content = self.declared.get("requestBody", {}).get("content", {})
        found: Schema | None = content.get("application/json", {}).get("schema")
        return found


class Example(NamedTuple):
    """A request as it may be sent, with nothing to be filled in but `$JOB`."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    media_type: str = "application/json"

    @property
    def command(self) -> str:
        """The command that sends it, on lines of which the second and those after it are indented."""
        path = "".join(
            part if part == "$JOB" else quote(part, safe="/:") for part in re.split(r"(\$JOB)", self.path)
        )
        method = [] if self.method == _implied(self.body) else [f"-X {self.method}"]
        headers = {_spelt(name): value for name, value in self.headers.items()}
        if self.media_type != "application/json":
            headers["Content-Type"] = self.media_type
        words = ["curl -s", *method, ADDRESS + path]
        words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
        begun = "$ " + " ".join(words)
        if self.body is None:
            return begun
        if isinstance(self.body, str):
            return f"{begun} --data-binary {_quoted(self.body)}"
        text = _shown(self.body)
        return f"{begun} -d {shlex.quote(text)}"


def _shown(body: dict[str, Any]) -> str:
    """A body as JSON: in one line where that is short, else a line for each member."""
    text = json.dumps(body, ensure_ascii=False)
    if len(text) <= _SHORT:
        return text
    lines = [
        f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in body.items()
    ]
    return "{\n" + ",\n".join(lines) + "}"


def _quoted(lines: str) -> str:
    """Lines as one word of bash, in one line."""
    return "$'" + lines.replace("'", r"\'").replace("\n", r"\n") + "'"


def _implied(body: object) -> str:
    return "GET" if body is None else "POST"


def _spelt(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))


@cache
def schemas() -> Schemas:
    """The schemas of the document; bodies are told with the first request that takes them."""
    told = {pascal(f"{name} hyperparameters"): f"algorithms.md#{anchor(name)}" for name in algorithms.names()}
    for each in reversed(operations()):
        if name := _body_name(each):
            told[name] = f"{FILE}#{anchor(each.title)}"
    return Schemas(document(), told)


@cache
def operations() -> list[Operation]:
    """Every operation in the order of the page `/docs`, where each works after those before it.

    By tags; what deletes comes last, and what was made last goes first.
    """
    found = [
        Operation(method, path, declared)
        for path, methods in document()["paths"].items()
        for method, declared in methods.items()
    ]
    tags = list(dict.fromkeys(each.tag for each in found))
    kept = [each for each in found if each.method != "delete"]
    return [
        *sorted(kept, key=lambda each: tags.index(each.tag)),
        *(each for each in reversed(found) if each.method == "delete"),
    ]


def examples(operation: Operation) -> list[Example]:
    """The requests that the document gives as examples."""
    given = {each["name"]: each["example"] for each in operation.declared["parameters"] if "example" in each}
    path = re.sub(r"\{(\w+)\}", lambda name: str(given.get(name[1], "$" + name[1].upper())), operation.path)
    headers = {
        each["name"]: each["example"]
        for each in operation.declared["parameters"]
        if each["in"] == "header" and "example" in each
    }
    bodies = [None] if operation.body is None else schemas().resolved(operation.body)["examples"]
    found = [Example(operation.method.upper(), path, headers, each) for each in bodies]
    content = operation.declared.get("requestBody", {}).get("content", {})
    more = [(kind, each["example"]) for kind, each in content.items() if "example" in each]
    return [*found, *(Example(operation.method.upper(), path, headers, text, kind) for kind, text in more)]


def page() -> str:
    """The page."""
    groups: dict[str, list[Operation]] = {}
    for each in operations():
        groups.setdefault(_DELETING if each.method == "delete" else GROUPS[each.tag][0], []).append(each)
    return whole(
        "Every request",
        "What the service answers: paths, parameters, bodies, answers and errors, as `/openapi.json` "
        "describes them to programs.",
        "`GET /docs` is a page of the service itself on which each can be tried; `GET /` is the "
        f"{link('console', '../console.md')} in a browser.",
        "The examples are one story: sent in this order, each works after those before it. They ask "
        "`make serve` on this machine, which takes no key. `$JOB` is the `id` of a job.",
        _ON_ALL,
        table(
            ["request", "what it does", "role"],
            [[each.link, prose(each.declared["summary"]), _roles(each)] for each in operations()],
        ),
        *(text for title, members in groups.items() for text in _group(title, members)),
    )


_ON_ALL = """\
Of all requests:

- A service elsewhere takes a key, as `Authorization: Bearer <key>` or `X-Api-Key: <key>`.
  The role in the table is the least that has the right; [keys.md](../keys.md#roles) has all.
- `?pretty` indents an answer of JSON, for people to read.
- A body may be compressed: `Content-Encoding: gzip` or `deflate`.
- Every answer has a header `X-Request-Id`, by which the log of the service knows the request.
- What is wrong is answered as a [`Problem`](schemas.md#problem) with one of [these codes](errors.md)."""


def _group(title: str, members: list[Operation]) -> list[str]:
    guides = dict.fromkeys(guide for each in members for guide in GROUPS[each.tag][1])
    more = [each for each in operations() if each.method == "delete" and GROUPS[each.tag][0] == title]
    return [
        heading(2, title),
        f"More: {', '.join(link(f'{guide}.md', f'../{guide}.md') for guide in guides)}." if guides else "",
        f"At the end: {', '.join(each.link for each in more)}." if more else "",
        *(text for each in members for text in _operation(each)),
    ]


def _operation(operation: Operation) -> list[str]:
    same = _first_alike(operation)
    if same != operation:
        return _repeated(operation, same)
    declared = operation.declared
    said = [declared["summary"], *declared["description"].split("\n\n")]
    return [
        heading(3, operation.title),
        *(prose(each) for each in dict.fromkeys(said)),
        _parameters(operation.declared["parameters"]),
        *_body(operation),
        _commands(examples(operation)),
        *_answers(operation),
        _errors(codes(operation)),
    ]


def _first_alike(operation: Operation) -> Operation:
    """The first that does the same, of another version perhaps: it has all that is said of both."""

    def told(each: Operation) -> tuple[object, ...]:
        return each.declared["summary"], each.declared["description"], each.body

    return next(each for each in operations() if told(each) == told(operation))


def _repeated(operation: Operation, first: Operation) -> list[str]:
    """What differs from another one that does the same."""
    parameters = {each["name"]: each for each in operation.declared["parameters"]}
    before = {each["name"]: each for each in first.declared["parameters"]}
    lacking = [code(_spelt(each)) for each in before if each not in parameters]
    added = [each for name, each in parameters.items() if name not in before]
    return [
        heading(3, operation.title),
        f"As {first.link}" + (f", without {either(lacking, 'and')}." if lacking else "."),
        _parameters(added),
        _commands(examples(operation)[:1]),
        _errors([each for each in codes(operation) if each not in codes(first)], "More errors"),
    ]


def _commands(shown: list[Example]) -> str:
    return f"{_RUN}\n{block('console', chr(10).join(each.command for each in shown))}"


def _parameters(declared: list[dict[str, Any]]) -> str:
    rows = [
        [
            code(_spelt(each["name"]) if each["in"] == "header" else each["name"]),
            each["in"],
            schemas().kind(each["schema"]),
            prose(sentence(each.get("description", ""))),
        ]
        for each in declared
        if each["name"] not in EVERYWHERE
    ]
    return table(["parameter", "in", "what it is", "meaning"], rows)


def _body(operation: Operation) -> list[str]:
    if operation.body is None:
        return []
    content = operation.declared["requestBody"]["content"]
    other = [
        f"{code(kind)} ({_small(each['schema'].get('description', 'bytes'))})"
        for kind, each in content.items()
        if kind != "application/json"
    ]
    lead = "Body, which may be left out:" if not operation.declared["requestBody"]["required"] else "Body:"
    others = f"In place of JSON the body may be {', '.join(other)}." if other else ""
    first = next(each for each in operations() if _body_name(each) == _body_name(operation))
    if first != operation:
        return [f"{lead} as of {first.link}.", others]
    return [
        lead,
        members(schemas().rows(operation.body), "required"),
        *(prose(each) for each in schemas().choices(operation.body)),
        others,
    ]


def members(rows: list[Row], required: str) -> str:
    """A table of members; the header of the column that marks those that have to be there is given."""
    return table(
        ["member", "what it is", required, "meaning"],
        [[code(row.path), row.kind, "yes" if row.required else "", row.meaning] for row in rows],
    )


def _answers(operation: Operation) -> list[str]:
    found = [
        _answer(int(status), each)
        for status, each in operation.declared["responses"].items()
        if status.isdigit()
    ]
    told = [line for line, _ in found if line]
    tables = [text for _, text in found if text]
    return ["Answers:", bullets(told), *dict.fromkeys(tables)]


def _answer(status: int, declared: Schema) -> tuple[str, str]:
    """A line for an answer, and the table of its members where it is told here."""
    if "$ref" in declared:
        return "", ""  # as many as may be are there: with the errors
    line = f"{code(status)} {declared['description']}"
    kinds = [f"{code(kind)}" for kind in declared.get("content", {}) if kind != "application/json"]
    schema = declared.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return f"{line}: {', '.join(kinds)}" if kinds else line, ""
    also = f", or {', '.join(kinds)} where `Accept` asks for it" if kinds else ""
    if there := schemas().link(schema):
        return f"{line}: {there}{also}", ""
    about = prose(schemas().resolved(schema).get("description", ""))
    rows = members(schemas().rows(schema), "always there")
    return f"{line}: {'an object' if rows else about or 'an object'}{also}", rows


def _errors(found: list[str], lead: str = "Errors") -> str:
    """A list of some codes, which goes on in further lines: a link has no spaces."""
    told = f"{lead}: {', '.join(link(code(each), f'errors.md#{each}') for each in found)}."
    return fill(told, 160, break_long_words=False, break_on_hyphens=False) if found else ""


def codes(operation: Operation) -> list[str]:
    """The codes of errors that follow from what it declares: others are possible."""
    route = _route(operation)
    names = re.findall(r"\{(\w+)\}", route.path)
    found = [] if route.access in (OPEN, VISITOR) else ["unauthenticated", "forbidden"]
    found += [PATH_PARAMETERS[name].missing.code for name in names if name not in route.creates]
    if route.body:
        found += ["malformed_input", "unsupported_media_type", "too_large"]
    if route.body or route.query or route.creates:
        found.append("invalid_input" if route.invalid == 422 else "malformed_input")
    if route.method != "GET" and {"if-match", "if-none-match"} & {*route.headers}:
        found.append("revision_mismatch")
    found += ["idempotency_mismatch"] * ("idempotency-key" in route.headers)
    found += ["range_not_satisfiable"] * ("range" in route.headers)
    found += ["too_many_jobs"] * route.bounded
    return list(dict.fromkeys(found))


def _route(operation: Operation) -> Route:
    (found,) = [
        each for each in ROUTES if (each.method.lower(), each.path) == (operation.method, operation.path)
    ]
    return found


def _roles(operation: Operation) -> str:
    """The roles that have the right and include no other that has it."""
    route = _route(operation)
    if route.access in (OPEN, VISITOR):
        return "no key"
    return "any key" if route.access == KEY else either([code(each) for each in roles_for(route.access)])


def _body_name(operation: Operation) -> str:
    reference: str = (operation.body or {}).get("$ref", "")
    return reference.removeprefix(PREFIX)


def _small(text: str) -> str:
    return prose(text[:1].lower() + text[1:]).removesuffix(".")
