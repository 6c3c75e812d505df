"""The examples of /docs and /openapi.json are one story: each works after those before it.

But for three, whose answers say why: the story's model has too few rows for a profile, no example knows the
receipt that a deployment will give, and nobody has put a file to the address of the artifact.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from handlers.local.site import PATH, site_folder
from handlers.rest import openapi
from handlers.rest.components import resolved
from providers.deploying.keys import new_key
from tests.e2e.local_server import ROOT, Answer, LocalServer
from tests.pages.reading import blocks

DOCUMENT: dict[str, Any] = json.loads(openapi.build())
REFUSED = {
    "/v1/models/fruit/versions/1/profile": 409,
    "/v1/models/fruit:feedback": 422,
    "/v1/models/fruit:register": 422,
    "/v1/models/fruit:import": 501,
}


def _works(status: int | None, request: str) -> bool:
    refused = [expected for path, expected in REFUSED.items() if path in request]
    return status in refused if refused else 200 <= (status or 0) < 300


def test_every_send_of_the_page_works_from_top_to_bottom(tmp_path: Path) -> None:
    with LocalServer(tmp_path / "root") as server:
        done = subprocess.run(
            ["node", os.path.join(ROOT, "tests", "e2e", "page.js"), server.url],
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
    pressed = [json.loads(line) for line in done.stdout.splitlines()]
    others = [each for each in pressed if each["example"]]
    pressed = [each for each in pressed if not each["example"]]
    operations = [declared for methods in DOCUMENT["paths"].values() for declared in methods.values()]
    assert len(pressed) == len(operations) + 1, "every operation, and the file's content"
    assert len(others) == sum(len(_other_examples(declared)) for declared in operations) >= 9
    failed = [
        each for each in (*pressed, *others) if each["empty"] or not _works(each["status"], each["request"])
    ]
    assert failed == []
    (put,) = [each for each in pressed if "-X PUT" in each["request"] and "customer,age" in each["request"]]
    described = [each for each in pressed if "churn:describe" in each["request"]]
    assert pressed.index(put) < pressed.index(described[0])
    assert '"described"' in described[0]["body"]
    scored = [each for each in pressed if "fruit:score" in each["request"]]
    assert '"rows": 5' in scored[0]["body"], "the table has the model's columns"


def _shown(url: str, *arguments: str) -> list[dict[str, Any]]:
    """What of the errors is seen at `/docs#CODE`."""
    done = subprocess.run(
        ["node", os.path.join(ROOT, "tests", "e2e", "page.js"), url, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    shown: list[dict[str, Any]] = json.loads(done.stdout)
    return shown


def test_an_errors_type_leads_to_its_row_which_says_what_to_do_and_leads_on(tmp_path: Path) -> None:
    address = "https://docs.example.com/ml"
    with LocalServer(tmp_path / "root", ML_DOCUMENTATION=address) as server:
        problem = server.call("GET", "/v1/models/nobody").body
        first, then = _shown(server.url, problem["type"].removeprefix("/docs#"))
    assert problem["type"] == "/docs#model_not_found"
    assert first["named"] == ["model_not_found"]
    assert first["scrolledTo"] == "model_not_found"
    rows = {code: (int(status), meaning, remedy) for code, status, meaning, remedy in first["rows"]}
    for error in DOCUMENT["x-errors"]:
        meaning, remedy = (error[name].replace("`", "") for name in ("meaning", "remedy"))
        assert rows.pop(error["code"]) == (error["status"], meaning, remedy)
    assert rows == {}
    links = dict(first["links"])
    assert links.pop("documentation") == f"{address}/"
    assert links == {
        error["code"]: f"{address}/docs/reference/errors.html#{error['code']}"
        for error in DOCUMENT["x-errors"]
    }
    assert (then["named"], then["scrolledTo"]) == (["too_large"], "too_large"), "the address has changed"


def test_the_row_is_shown_also_where_a_key_had_to_be_entered_first(tmp_path: Path) -> None:
    made = new_key("admin")
    (tmp_path / "keys.json").write_text(json.dumps([made.record]))
    with LocalServer(tmp_path / "root", "--keys", str(tmp_path / "keys.json")) as server:
        problem = server.call("GET", "/v1/models").body
        before, after, _ = _shown(server.url, problem["code"], made.key)
    assert problem["code"] == "unauthenticated"
    assert before["main"] == "This service asks for a key: enter one above."
    assert before["rows"] == before["named"] == []
    assert (after["named"], after["scrolledTo"]) == (["unauthenticated"], "unauthenticated")


def test_a_code_that_is_none_and_an_address_without_one_show_no_row(tmp_path: Path) -> None:
    with LocalServer(tmp_path / "root", ML_DOCUMENTATION="") as server:
        for code in ("nothing", "constructor", "__proto__", "main"):
            first, _ = _shown(server.url, code)
            assert (first["named"], first["scrolledTo"]) == ([], None)
            assert len(first["rows"]) == len(DOCUMENT["x-errors"])
            links = [] if not site_folder() else [link for _, link in first["links"]]
            assert all(link.startswith(f"{server.url}{PATH}/") for link in links)
            assert bool(first["links"]) == bool(links)


def _in_the_pages_order() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and declaration of each operation: by tags, and what deletes last, in reverse."""
    found = [
        (method, path, declared)
        for path, methods in DOCUMENT["paths"].items()
        for method, declared in methods.items()
    ]
    tags = list(dict.fromkeys(declared["tags"][0] for _, _, declared in found))
    kept = [each for each in found if each[0] != "delete"]
    kept.sort(key=lambda each: tags.index(each[2]["tags"][0]))
    return [*kept, *(each for each in reversed(found) if each[0] == "delete")]


def _examples(declared: dict[str, Any]) -> list[Any]:
    """The bodies of an operation's examples; without any, none."""
    if "requestBody" not in declared:
        return [None]
    schema = declared["requestBody"]["content"]["application/json"]["schema"]
    return list(resolved(DOCUMENT, schema)["examples"])


def _other_examples(declared: dict[str, Any]) -> dict[str, Any]:
    """The examples beside the story, each of a model of its own."""
    content = declared.get("requestBody", {}).get("content", {}).get("application/json", {})
    found: dict[str, Any] = content.get("examples", {})
    return found


def test_every_example_of_the_description_works_in_that_order(tmp_path: Path) -> None:
    job = ""
    sent = 0
    with LocalServer(tmp_path / "root") as server:
        for method, path, declared in _in_the_pages_order():
            given = {each["name"]: each.get("example") for each in declared["parameters"]}
            headers = {name: given[name] for name in ("prefer",) if given.get(name)}
            for body in _examples(declared):
                target = _filled(path, {**given, "job": job})
                answer = server.call(method.upper(), target, body, **headers)
                sent += 1
                assert _works(answer.status, target), (method, target, body, answer)
                job = answer.headers.get("location", "").rpartition("/")[2] or job
                if target.endswith(":upload"):
                    _put(server, answer)
            csv = declared.get("requestBody", {}).get("content", {}).get("text/csv", {})
            if "example" in csv:
                target = _filled(path, given)
                answer = server.call("POST", target, csv["example"].encode(), content_type="text/csv")
                assert answer.status == 200, (target, answer)
    assert sent > len(DOCUMENT["paths"])


def _filled(path: str, values: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: str(values[name[1]]), path)


def _put(server: LocalServer, signed: Answer) -> None:
    with open(os.path.join(ROOT, "examples", "churn.csv"), "rb") as file:
        path = signed.body["url"].removeprefix(server.url)
        assert server.call("PUT", path, file.read(), **signed.body["headers"]).status in (200, 201)


def test_the_examples_are_of_the_walks_model() -> None:
    (train,) = [
        each.text for block in blocks("docs/walk.md") for each in block.commands if "fruit:train" in each.text
    ]
    body = json.loads(train[train.index("-d '") + 4 : train.rindex("'")])
    assert DOCUMENT["components"]["schemas"]["TrainRequest"]["examples"][0] == body
