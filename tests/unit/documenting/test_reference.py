"""The pages of docs/reference/ are what the code makes, and have all that there is, counted elsewhere."""

import ast
import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import griffe
import pytest
import yaml

from documenting.client_source import client
from documenting.markdown import anchor, prose, table
from documenting.pages import ROOT
from documenting.reference import (
    FOLDER,
    INDEX,
    PAGES,
    api,
    command_line,
    docstrings,
    file_of,
    made,
    parameters,
)
from documenting.reference.client import CLASSES, FUNCTIONS
from documenting.reference.settings import GROUPS
from handlers import settings
from handlers.rest import openapi
from handlers.rest.components import resolved
from ml_core.algorithms import algorithms
from ml_core.jobs import job_errors

FILES = [file_of(name) for name in (INDEX, *PAGES)]
DOCUMENT = openapi.document()


def _page(file: str) -> str:
    return (Path(FOLDER) / file).read_text(encoding="utf-8")


def _headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", _without_blocks(text), re.MULTILINE)


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", [INDEX, *PAGES])
def test_a_committed_page_is_what_the_code_makes(name: str) -> None:
    assert _page(file_of(name)) == made(name), "run `make reference`, and commit what it changed"


def test_there_is_no_other_page() -> None:
    assert sorted(os.listdir(FOLDER)) == sorted(FILES)
    modules = {path.stem for path in (ROOT / "documenting" / "reference").glob("*.py")}
    pages = {
        name
        for name in modules
        if "\ndef page()" in (ROOT / "documenting" / "reference" / f"{name}.py").read_text()
    }
    assert pages == {INDEX, *PAGES}


# What every page keeps to.


def _as_github_has_it(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _as_python_markdown_has_it(heading: str) -> str:
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


@pytest.mark.parametrize("file", FILES)
def test_headings_of_a_page_have_anchors_of_their_own(file: str) -> None:
    found = Counter(_as_python_markdown_has_it(heading) for heading in _headings(_page(file)))
    assert [name for name, times in found.items() if times > 1 or not name] == []


def _links(text: str) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", _without_blocks(text))
    yield from re.findall(r"\]\(([^)\s]*)\)", text)


@pytest.mark.parametrize("file", FILES)
def test_every_link_of_a_page_leads_to_a_page_and_a_heading_of_it(file: str) -> None:
    """By the anchors of GitHub and of Python-Markdown: one that these do not agree on is not linked to."""
    for target in _links(_page(file)):
        path, _, fragment = target.partition("#")
        there = (Path(FOLDER) / (path or file)).resolve()
        assert there.is_file(), target
        if fragment:
            headings = _headings(there.read_text(encoding="utf-8"))
            for made_by in (_as_github_has_it, _as_python_markdown_has_it):
                assert fragment in {made_by(heading) for heading in headings}, target


@pytest.mark.parametrize("file", FILES)
def test_a_page_is_read_alike_everywhere(file: str) -> None:
    text = _page(file)
    outside = re.sub(r"`[^`\n]*`", "", _without_blocks(text))
    assert re.findall(r"<(?!!--)[^ ]*", outside) == [], "no HTML"
    lines = text.splitlines()
    for before, line in pairwise(lines):
        begins_table = line.startswith("|") and not before.startswith("|")
        begins_list = line.startswith("- ") and not before.startswith(("- ", "  "))
        assert not before or not (begins_table or begins_list), line


def test_an_anchor_is_that_of_github_and_of_python_markdown() -> None:
    for heading in ("`POST /v1/models/{model}:train`", "`Client.train`", "budget_spent", "409: Not possible"):
        assert anchor(heading) == _as_github_has_it(heading) == _as_python_markdown_has_it(heading)


def test_words_of_the_code_say_nothing_to_markdown() -> None:
    assert prose("a <b> c [d](e) * `<f> *` docs/jobs.md\n g") == (
        r"a &lt;b> c \[d\](e) \* `<f> *` [jobs.md](../jobs.md) g"
    )
    assert table(["a", "b"], [["x|y", ""], ["z", ""]]) == "| a |\n|---|\n| x\\|y |\n| z |"
    with pytest.raises(ValueError, match="no pipe"):
        table(["a"], [["`x|y`"]])


# Requests.


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, declared)
        for path, methods in DOCUMENT["paths"].items()
        for method, declared in methods.items()
    ]


def _section(file: str, heading: str) -> str:
    """What stands under a heading, as far as the next."""
    (found,) = re.findall(
        rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", _page(file), re.DOTALL | re.MULTILINE
    )
    return str(found)


def test_every_route_has_its_heading_and_its_line_in_the_overview() -> None:
    text = _page("api.md")
    headed = [heading for heading in _headings(text) if re.match(r"`[A-Z]+ /", heading)]
    assert sorted(headed) == sorted(f"`{method.upper()} {path}`" for method, path, _ in _operations())
    overview = re.findall(r"^\| \[(`[A-Z]+ [^`]*`)\]", text, re.MULTILINE)
    assert sorted(overview) == sorted(headed)
    assert {each["tags"][0] for _, _, each in _operations()} == set(api.GROUPS)


def test_the_requests_are_in_the_order_of_the_page_that_tries_them() -> None:
    """As `test_every_send_of_the_page_works_from_top_to_bottom` has it: by tags, and what deletes last."""
    found = _operations()
    tags = list(dict.fromkeys(declared["tags"][0] for _, _, declared in found))
    kept = sorted(
        (each for each in found if each[0] != "delete"), key=lambda each: tags.index(each[2]["tags"][0])
    )
    expected = [*kept, *reversed([each for each in found if each[0] == "delete"])]
    headed = [heading for heading in _headings(_page("api.md")) if heading.startswith("`")]
    assert headed == [f"`{method.upper()} {path}`" for method, path, _ in expected]


@pytest.mark.parametrize(("method", "path", "declared"), _operations(), ids=lambda each: str(each)[:60])
def test_a_request_is_told_with_its_parameters_answers_and_example(
    method: str, path: str, declared: dict[str, Any]
) -> None:
    heading = f"`{method.upper()} {path}`"
    told = _section("api.md", heading)
    if first := re.search(r"^As \[(`.*?`)\]\(", told, re.MULTILINE):
        told += _section("api.md", first[1])
    for each in declared["parameters"]:
        if each["name"] != "pretty":
            assert f"| `{each['name']}` |" in told.lower(), each["name"]
    for status, answer in declared["responses"].items():
        if status.isdigit() and "$ref" not in answer:
            assert f"- `{status}` " in told, status
    assert "\n<!-- run by tests/e2e/test_docs_page.py -->\n```console\n$ curl -s " in told


def _typed(command: str) -> tuple[str, str, dict[str, str], Any]:
    """A command as the request that it sends: method, path, headers and body."""
    words = shlex.split(command.replace("$'", "'"))
    assert words[:3] == ["$", "curl", "-s"]
    rest, headers, body, method = iter(words[3:]), dict[str, str](), None, ""
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name.lower()] = value
            case "-d":
                body = json.loads(next(rest))
            case "--data-binary":
                body = next(rest).replace("\\n", "\n")
            case _:
                path = word.removeprefix("localhost:8080")
    return method or ("GET" if body is None else "POST"), path, headers, body


def test_the_commands_are_the_examples_that_the_test_of_the_page_sends() -> None:
    """With each example of a body once; of what does the same of another version, the first."""
    for method, path, declared in _operations():
        section = _section("api.md", f"`{method.upper()} {path}`")
        (block,) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
        sent = [_typed(command) for command in re.split(r"\n(?=\$ )", block.strip())]
        given = {each["name"]: each["example"] for each in declared["parameters"] if "example" in each}
        filled = path
        for name in re.findall(r"\{(\w+)\}", path):
            filled = filled.replace(f"{{{name}}}", str(given.get(name, "$JOB")))
        headers = {
            each["name"]: each["example"]
            for each in declared["parameters"]
            if each["in"] == "header" and "example" in each
        }
        content = declared.get("requestBody", {}).get("content", {})
        bodies = [None]
        if content:
            bodies = resolved(DOCUMENT, content["application/json"]["schema"])["examples"]
        expected = [(method.upper(), filled, headers, body) for body in bodies]
        expected += [
            (method.upper(), filled, {**headers, "content-type": kind}, each["example"])
            for kind, each in content.items()
            if "example" in each
        ]
        assert sent == (expected[:1] if re.match(r"\s*As \[", section) else expected)


def _members(schema: dict[str, Any], above: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of the members of an object, of all that it may be."""
    name = schema.get("$ref", "")
    if name in above:
        return
    schema = resolved(DOCUMENT, schema)
    yield from schema.get("properties", {})
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _members(each, above | {name})


def test_every_member_of_every_schema_is_told() -> None:
    """Each of the document's objects has its members in a table: of its own, or of what has it."""
    text = "".join(_page(file) for file in ("api.md", "schemas.md", "algorithms.md"))
    told = {
        path.rpartition(".")[2].removesuffix("[]")
        for path in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    }
    for name, schema in DOCUMENT["components"]["schemas"].items():
        missing = set(_members(schema)) - told
        assert not missing, (name, missing)


def test_every_body_tells_its_members_with_its_first_request() -> None:
    for _, path, declared in _operations():
        content = declared.get("requestBody", {}).get("content", {})
        if not content:
            continue
        schema = content["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        first = next(
            f"`{method.upper()} {each}`"
            for method, each, other in api.operations()
            if name in json.dumps(other.get("requestBody", {}))
        )
        told = _section("api.md", first)
        for member in _members(schema):
            assert f"\n| `{member}` |" in told, (path, member)


# Errors.


def _codes_of_classes() -> set[str]:
    """The codes that classes of errors have, as the source says them."""
    files = ("ml_core/errors.py", "ml_core/conflicts.py", "handlers/errors.py")
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    return set(re.findall(r'^    code(?:: ClassVar\[str\])? = "(\w+)"', text, re.MULTILINE))


def _codes_of_jobs() -> set[str]:
    """The words that the modules of jobs have as a job's `code`."""
    found: set[str] = set()
    for path in (ROOT / "ml_core" / "jobs").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found |= {
                    ast.unparse(value)
                    for key, value in pairs
                    if isinstance(key, ast.Constant) and key.value == "code"
                }
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Broken":
                found.add(ast.unparse(node.args[0]))
    # What a child process tells its parent, who makes another of it.
    inner = {"unfinished", "unreadable"}
    words = {word.strip("'") for word in found if re.fullmatch(r"'\w+'", word)}
    assert {"DEADLINE_EXCEEDED", "error.code"} <= found
    return {*words, job_errors.DEADLINE_EXCEEDED, "trainer_died"} - inner


def test_every_code_has_its_heading() -> None:
    # Not listed: never an answer, or named by the answer of another code.
    unlisted = {"refused", "artifact_invalid"}
    headings = set(_headings(_page("errors.md")))
    assert _codes_of_classes() - unlisted <= headings
    assert {each["code"] for each in openapi.errors()} <= headings
    assert len(_codes_of_jobs()) >= 8
    assert _codes_of_jobs() <= headings


def test_a_code_that_jobs_share_is_one_of_an_answer() -> None:
    assert set(job_errors.SHARED) <= {each["code"] for each in openapi.errors()}
    assert not set(job_errors.SHARED) & set(job_errors.MEANINGS)


def test_each_code_is_told_with_its_status_and_meaning() -> None:
    text = _page("errors.md")
    for each in openapi.errors():
        assert (
            f"| [`{each['code']}`](#{each['code']}) | {each['status']} | {prose(each['meaning'])} |" in text
        )


def test_every_exception_of_the_client_says_how_the_command_ends() -> None:
    kinds = client("errors")
    exceptions = [
        each
        for each in vars(kinds).values()
        if isinstance(each, type) and issubclass(each, kinds.ServerlessMLError)
    ]
    for each in exceptions:
        code = int(client("command_line.exits").code_of(each))
        assert re.search(
            rf"\| \[`{each.__name__}`\]\(client.md#\w+\) \|.*\| `{code}` \|", _page("errors.md")
        ), each


# Settings and parameters.


def test_every_setting_is_in_one_group() -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert sorted(named) == sorted(each.name for each in settings.SETTINGS)


def test_a_setting_is_told_as_it_is_printed() -> None:
    printed = re.findall(
        r"^\| `(ML_\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|", settings.reference(), re.MULTILINE
    )
    assert len(printed) == len(settings.SETTINGS)
    text = _page("settings.md")
    for variable, default, unit, least, most in printed:
        shown = default if default != "``" else "empty"
        cells = (shown, unit, least, most) if unit else (shown,)
        assert text.count(f"| `{variable}` | {' | '.join(cells)} |") == 1, variable


@pytest.mark.parametrize("cloud", parameters.CLOUDS)
def test_every_parameter_of_a_cloud_has_its_default_and_a_meaning(cloud: str) -> None:
    with (ROOT / "providers" / cloud / "config.yml").open(encoding="utf-8") as file:
        text = file.read()
    defaults = yaml.safe_load(text)["params"]["default"]
    read = set(re.findall(r"\$\{param:(\w+)", text))
    told = {each.name: each for each in parameters.declared(cloud)}
    assert set(told) == {*defaults, *read, "cloud"}
    for name, default in defaults.items():
        assert told[name].default == (f"`{default}`" if default != "" else "nothing"), name
    for each in told.values():
        assert len(each.meaning) > 10, each.name


def test_every_parameter_is_in_one_group_and_shows_which_clouds_have_it() -> None:
    clouds = {cloud: {each.name for each in parameters.declared(cloud)} for cloud in parameters.CLOUDS}
    named = [name for names in parameters.GROUPS.values() for name in names]
    assert sorted(named) == sorted(set().union(*clouds.values()))
    for name in named:
        (row,) = re.findall(
            rf"^\| `{name}` \| (.*?) \| (.*?) \| (.*?) \|", _page("parameters.md"), re.MULTILINE
        )
        assert [cell != "–" for cell in row] == [name in known for known in clouds.values()], name


def test_what_no_cloud_declares_and_all_take_is_told() -> None:
    text = (ROOT / "providers" / "parameters.js").read_text(encoding="utf-8")
    (names,) = re.findall(r"OF_EVERY_CLOUD = \[(.*?)\]", text)
    assert re.findall(r"'(\w+)'", names) == ["cloud"]


# Algorithms.


def test_every_hyperparameter_is_told_with_its_default() -> None:
    for name, info in algorithms().items():
        told = _section("algorithms.md", name)
        properties: Any = info.schema()["properties"]
        assert len(properties) == len(re.findall(r"^\| `", told, re.MULTILINE))
        for each, schema in properties.items():
            default = json.dumps(schema["default"], ensure_ascii=False)
            assert re.search(rf"^\| `{each}` \|.*\| `{re.escape(default)}` \|", told, re.MULTILINE), each


# Commands.


def test_every_command_of_serverless_ml_is_told_with_its_options() -> None:
    """As each command's module registers them, and as typer parses them."""
    names = {each.name for each in client("command_line.frame").COMMANDS}
    told = command_line.app().commands
    assert set(told) == names
    for name, command in told.items():
        section = _section("command-line.md", f"`serverless-ml {name}`")
        shared = {each.name for each in client("command_line.frame").SHARED}
        for each in command.params:
            if each.name not in shared and each.param_type_name == "option":
                for option in (*each.opts, *each.secondary_opts):
                    assert re.search(rf"`{re.escape(option)}[ `]", section), (name, option)
            elif each.name not in shared:
                assert f"| `{each.metavar}` |" in section, (name, each.name)
        assert command_line.examples(command), name


def test_every_module_that_people_run_is_told() -> None:
    """As `test_command_lines` lists them; what `make` runs is told there."""
    tree = ast.parse((ROOT / "tests" / "unit" / "test_command_lines.py").read_text(encoding="utf-8"))
    (listed,) = [
        ast.literal_eval(each.value)
        for each in tree.body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "COMMANDS"
    ]
    ours = [name for name in listed if not name.startswith(("benchmarks", "examples"))]
    headings = _headings(_page("command-line.md"))
    for name in ours:
        assert any(heading == f"`{name}`" or heading.startswith(f"`{name} ") for heading in headings), name


def test_every_exit_code_is_told() -> None:
    exits = client("command_line.exits").Exit
    told = re.findall(
        r"^\| `(\d+)` \| (\w+) \| .{5,} \|$", _section("command-line.md", "Exit codes"), re.MULTILINE
    )
    assert [(int(code), name) for code, name in told] == [(each.value, each.name) for each in exits]
    guide = (
        (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8").partition("| exit code | when |")[2]
    )
    assert re.findall(r"^\| (\d+) \|", guide, re.MULTILINE) == [str(each.value) for each in exits]


def test_every_make_target_with_a_remark_is_told() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = [
        line.split(":")[0] for line in makefile.splitlines() if " ## " in line and not line.startswith("\t")
    ]
    told = re.findall(r"^\| `make ([a-z-]+)` \|", _page("command-line.md"), re.MULTILINE)
    assert told == declared
    assert len(told) > 20


# Python.


def _public() -> Iterator[tuple[str, griffe.Object]]:
    """What pages of Python tell: each name that is exported, and the methods of classes."""
    names = [
        ("serverless_ml", each)
        for each in client().__all__
        if each not in ("answers", "errors", "__version__")
    ]
    names += [("serverless_ml", f"answers.{each}") for each in client("answers").__all__]
    names += [("ml_core", each) for each in ("from_onnx", "from_scikit_learn", "predict", "train_model")]
    names += [("ml_core", "model.model.Model"), ("providers", "deploy_model"), ("providers", "invoke_model")]
    for package, path in names:
        told = docstrings.found(package, path)
        yield f"{package}.{path}", told
        if isinstance(told, griffe.Class):
            for each in docstrings.public_members(told):
                if isinstance(each, griffe.Function):
                    yield f"{package}.{path}.{each.name}", each


PUBLIC = dict(_public())


def test_there_is_much_that_is_public() -> None:
    assert len(PUBLIC) > 200


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_has_a_docstring_whose_arguments_are_its_own(path: str) -> None:
    told = PUBLIC[path]
    assert told.docstring, path
    assert told.docstring.value.strip(), path
    function = told.members.get("__init__", told) if isinstance(told, griffe.Class) else told
    for section in told.docstring.parsed:
        if section.kind.value != "parameters":
            continue
        named = [each.name for each in section.value]
        if isinstance(function, griffe.Function):
            own = [each.name for each in function.parameters if each.name not in ("self", "cls")]
            assert set(named) <= set(own), path
        else:
            assert set(named) <= set(told.members), path


def test_every_name_of_the_client_is_told() -> None:
    text = _page("client.md")
    headings = _headings(text)
    for name in client().__all__:
        if name in ("answers", "errors", "__version__"):
            continue
        assert f"`{name}`" in headings or f"`{name}`" in _section("client.md", "`AsyncClient`"), name
    for name in CLASSES:
        kind = getattr(client(), name)
        for member in vars(kind):
            if not member.startswith("_") and not isinstance(vars(kind)[member], str):
                assert f"`{name}.{member}`" in headings, (name, member)
    for name in client("answers").__all__:
        assert f"`answers.{name}`" in headings, name
    assert set(FUNCTIONS) < set(headings) | {f"{each}" for each in FUNCTIONS}


def test_classes_for_asyncio_have_the_methods_that_are_told_once() -> None:
    for name in CLASSES:
        one, other = (
            {each.name for each in docstrings.public_members(docstrings.found("serverless_ml", path))}
            for path in (name, f"Async{name}")
        )
        assert one == other, name


def test_every_name_that_is_exported_for_python_is_told() -> None:
    headings = _headings(_page("python.md"))
    for package in ("ml_core", "providers"):
        text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
        (exported,) = re.findall(r"^__all__ = \[(.*?)\]", text, re.MULTILINE)
        for name in re.findall(r'"(\w+)"', exported):
            assert f"`{package}.{name}`" in headings, name


# What the package is.


def test_nothing_that_is_deployed_imports_what_makes_documentation() -> None:
    for folder in ("handlers", "ml_core", "providers", "client/src"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(from|import) documenting\b", text, re.MULTILINE), path
