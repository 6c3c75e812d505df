"""What a service on this machine can be made to say: requests that are refused, and jobs that fail."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from handlers.rest.openapi import training_body
from tests.e2e.local_server import Answer, LocalServer

KEYS = {"predict": "sml_predict_0123456789abcdef", "admin": "sml_admin_0123456789abcdef"}
# The model of the examples.
FRUIT: dict[str, Any] = training_body()["examples"][0]


class Told(NamedTuple):
    """What a service said: the status, the code, and the message, of faults the first one's."""

    status: int
    code: str
    message: str


class Provocation(NamedTuple):
    """How something is provoked, and what is then expected.

    `on_the_page` of troubleshooting; not `in_the_index` of messages is what is put together of what varies.
    """

    ask: Callable[["Service"], Answer]
    status: int
    code: str
    on_the_page: bool = True
    in_the_index: bool = True


class Service:
    """Servers with a model `fruit`, open and with keys; they are started when they are asked."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._servers: dict[str, LocalServer] = {}
        self._told: dict[str, Told] = {}

    def told(self, name: str) -> Told:
        """What is said where it is provoked, which is done once."""
        if name not in self._told:
            self._told[name] = self._provoke(PROVOCATIONS[name])
        return self._told[name]

    def _provoke(self, provocation: Provocation) -> Told:
        answer = provocation.ask(self)
        body = answer.body if isinstance(answer.body, dict) else {}
        problem = body["error"] if isinstance(body.get("error"), dict) else body
        faults = problem.get("faults") or [{}]
        message = (
            faults[0].get("message") or problem.get("detail") or problem.get("message") or body.get("error")
        )
        return Told(answer.status, problem.get("code", ""), str(message))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """An answer of the server that asks for no key."""
        return self.open.call(method, path, body, **headers)

    def guarded(self, method: str, path: str, **headers: str) -> Answer:
        """An answer of the server that asks for keys."""
        return self._server("guarded", json.dumps(_records())).call(method, path, **headers)

    def closed(self, method: str, path: str) -> Answer:
        """An answer of the server that has no key."""
        return self._server("closed", "[]").call(method, path)

    def train(self, body: dict[str, Any], name: str = "trained") -> Answer:
        """The job of a training, ended; or the refusal."""
        answer = self.call("POST", f"/v1/models/{name}:train", body, prefer="wait=50")
        return (
            Answer(answer.status, answer.headers, self.open.finished(answer.body["id"]))
            if answer.status < 300
            else answer
        )

    def table(self, name: str, content: str | bytes, target: str = "y", **data: Any) -> Answer:
        """The job of a training on a table, ended."""
        self.upload(name, content)
        of_table = {"uri": f"dataset://{name}", "target": target, **data}
        return self.train({"algorithm": "logistic_regression", "data": of_table}, name)

    def upload(self, name: str, content: str | bytes) -> None:
        """Upload a dataset."""
        signed = self.call("POST", f"/v1/datasets/{name}:upload").body
        data = content.encode() if isinstance(content, str) else content
        sent = self.call("PUT", signed["url"].removeprefix(self.open.url), data, **signed["headers"])
        assert sent.status in (200, 201)

    @property
    def open(self) -> LocalServer:
        """The server that asks for no key."""
        if "open" not in self._servers:
            server = self._servers["open"] = self._stack.enter_context(LocalServer(self._folder / "open"))
            assert server.train("fruit", FRUIT)["state"] == "succeeded"
            alias = server.call("PUT", "/v1/models/fruit/aliases/production", {"version": 1})
            assert alias.status in (200, 201)
        return self._servers["open"]

    def _server(self, name: str, keys: str) -> LocalServer:
        if name not in self._servers:
            file = self._folder / f"{name}.json"
            file.write_text(keys)
            server = LocalServer(self._folder / name, "--keys", str(file))
            self._servers[name] = self._stack.enter_context(server)
        return self._servers[name]


def services(folder: Path) -> Iterator[Service]:
    """Servers that end with the test."""
    with ExitStack() as stack:
        yield Service(folder, stack)


def _records() -> list[dict[str, Any]]:
    expired = {"id": "old", "roles": ["admin"], "expires": "2026-01-01T00:00:00Z"}
    made = [{"id": role, "roles": [role]} for role in KEYS]
    texts = [*KEYS.values(), "sml_old_0123456789abcdef"]
    return [
        {**record, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        for record, text in zip([*made, expired], texts, strict=True)
    ]


def _get(path: str, **headers: str) -> Callable[[Service], Answer]:
    return lambda service: service.call("GET", path, **headers)


def _post(path: str, body: Any = None, **headers: str) -> Callable[[Service], Answer]:
    return lambda service: service.call("POST", path, body, **headers)


def _predict(body: Any, **headers: str) -> Callable[[Service], Answer]:
    return _post("/v1/models/fruit:predict", body, **headers)


def _train(**changed: Any) -> Callable[[Service], Answer]:
    return lambda service: service.train({**FRUIT, **changed})


def _table(name: str, content: str | bytes, target: str = "y", **data: Any) -> Callable[[Service], Answer]:
    return lambda service: service.table(name, content, target, **data)


def _twice(service: Service) -> Answer:
    service.call("POST", "/v1/models/once:train", FRUIT, idempotency_key="provoked-twice")
    return service.call(
        "POST", "/v1/models/once:train", {**FRUIT, "seed": 2}, idempotency_key="provoked-twice"
    )


def _score(service: Service) -> Answer:
    service.upload("renamed", "grams,weight\n1,2\n")
    job = service.call("POST", "/v1/models/fruit:score", {"data": {"uri": "dataset://renamed"}}).body
    return Answer(200, {}, service.open.finished(job["id"]))


_HALVES = "".join(f"{number},{'pq'[number % 2]}\n" for number in range(40))
INVALID = "invalid_input"
PROVOCATIONS = {
    "no JSON": Provocation(_predict(b"{'instances': 1}"), 400, "malformed_input"),
    "NaN": Provocation(_predict(b'{"instances": [[NaN, 1]]}'), 400, "malformed_input"),
    "nothing": Provocation(_predict(b""), 400, "malformed_input", on_the_page=False),
    "a member twice": Provocation(
        _predict(b'{"instances": 1, "instances": 2}'), 400, "malformed_input", on_the_page=False
    ),
    "XML": Provocation(_predict(b"<x/>", content_type="text/xml"), 415, "unsupported_media_type"),
    "Brotli": Provocation(
        _predict(b"x", content_encoding="br"), 415, "unsupported_media_type", on_the_page=False
    ),
    "no key": Provocation(lambda service: service.guarded("GET", "/v1/models"), 401, "unauthenticated"),
    "another key": Provocation(
        lambda service: service.guarded("GET", "/v1/models", x_api_key="sml_x"), 401, "unauthenticated"
    ),
    "a key that has ended": Provocation(
        lambda service: service.guarded("GET", "/v1/models", x_api_key="sml_old_0123456789abcdef"),
        401,
        "unauthenticated",
    ),
    "a key without the right": Provocation(
        lambda service: service.guarded("GET", "/v1/jobs", x_api_key=KEYS["predict"]), 403, "forbidden"
    ),
    "no key was made": Provocation(
        lambda service: service.closed("GET", "/v1/models"), 503, "not_configured"
    ),
    "another host": Provocation(_get("/v1/models", host="evil.example"), 403, "foreign_origin"),
    "another site": Provocation(_get("/v1/models", origin="https://app.example.com"), 403, "foreign_origin"),
    "no path": Provocation(_post("/predict", {}), 404, "route_not_found"),
    "no model": Provocation(
        _post("/v1/models/nobody:predict", {"instances": [[1, 2]]}), 404, "model_not_found"
    ),
    "no version": Provocation(
        _post("/v1/models/fruit/versions/9:predict", {"instances": [[1, 2]]}), 404, "version_not_found"
    ),
    "no alias": Provocation(
        _post("/v1/models/fruit/aliases/none:predict", {"instances": [[1, 2]]}), 404, "alias_not_found"
    ),
    "no dataset": Provocation(_get("/v1/datasets/none"), 404, "dataset_not_found"),
    "no job": Provocation(_get("/v1/jobs/" + "0" * 28), 404, "job_not_found"),
    "no schedule": Provocation(
        _get("/v1/models/fruit/schedule"), 404, "schedule_not_found", on_the_page=False
    ),
    "GET": Provocation(_get("/v1/models/fruit:predict"), 405, "method_not_allowed"),
    "an alias's version": Provocation(
        lambda service: service.call("DELETE", "/v1/models/fruit/versions/1"), 409, "version_in_use"
    ),
    "no way back": Provocation(
        _post("/v1/models/fruit/aliases/production:rollback", {}),
        409,
        "nothing_to_roll_back",
        on_the_page=False,
    ),
    "nothing to promote": Provocation(
        _post("/v1/models/fruit/aliases/production:promote", {}), 409, "nothing_to_promote", on_the_page=False
    ),
    "an old ETag": Provocation(
        lambda service: service.call(
            "PUT", "/v1/models/fruit/aliases/production", {"version": 1}, if_match='"old"'
        ),
        412,
        "revision_mismatch",
    ),
    "another case": Provocation(_post("/v1/models/Fruit:train", FRUIT), 409, "name_taken"),
    "no profile": Provocation(
        _post("/v1/models/fruit:explain", {"instances": [[1, 2]]}), 409, "not_explained"
    ),
    "a key of another request": Provocation(_twice, 422, "idempotency_mismatch", on_the_page=False),
    "a long body": Provocation(_predict(b"[" * 4_300_000), 413, "too_large"),
    "an upload without its signature": Provocation(
        lambda service: service.call("PUT", "/uploads/datasets/x?expires=1", b"a"), 403, ""
    ),
    "another member": Provocation(_predict({"data": [[1, 2]]}), 422, INVALID),
    "no rows": Provocation(_predict({}), 422, INVALID),
    "a name with a space": Provocation(_post("/v1/models/my%20model:train", FRUIT), 422, INVALID),
    "no import": Provocation(
        _post("/v1/models/fruit:import", {"uri": "artifact://fruit/" + "0" * 28}), 501, "not_deployed"
    ),
    "too many features": Provocation(_predict({"instances": [[1, 2, 3]]}), 422, INVALID),
    "a flat list": Provocation(_predict({"instances": [1, 2]}), 422, INVALID),
    "a word for a number": Provocation(_predict({"instances": [["1", 2]]}), 422, INVALID),
    "a feature is missing": Provocation(_predict({"instances": [{"grams": 1}]}), 422, INVALID),
    "another column": Provocation(
        _predict({"instances": [{"id": 7, "grams": 1, "redness": 1}]}), 422, INVALID, in_the_index=False
    ),
    "another output": Provocation(_predict({"instances": [[1, 2]], "outputs": ["x"]}), 422, INVALID),
    "another hyperparameter": Provocation(_train(hyperparameters={"c": 1}), 422, INVALID),
    "out of bounds": Provocation(_train(hyperparameters={"C": -1}), 422, INVALID, on_the_page=False),
    "one class": Provocation(_train(targets=["a"] * 8), 422, INVALID),
    "labels with a fraction": Provocation(_train(targets=[each + 0.5 for each in range(8)]), 422, INVALID),
    "a row of each class": Provocation(_train(targets=list("abcdefgh")), 422, INVALID),
    "another algorithm": Provocation(
        _train(algorithm="xgboost"), 422, INVALID, on_the_page=False, in_the_index=False
    ),
    "no file": Provocation(
        lambda service: service.train({"algorithm": "kmeans", "data": {"uri": "file:none.csv"}}), 422, INVALID
    ),
    "another bucket": Provocation(
        lambda service: service.train({"algorithm": "kmeans", "data": {"uri": "s3://lake/x.csv"}}),
        422,
        INVALID,
    ),
    "no upload": Provocation(
        lambda service: service.train({"algorithm": "kmeans", "data": {"uri": "dataset://none"}}),
        422,
        INVALID,
    ),
    "another target": Provocation(_table("target", "a,y\n" + _HALVES, "label"), 200, INVALID),
    "a quantity": Provocation(
        _table("quantity", "a,y\n" + "".join(f"{each},{each * 1.37}\n" for each in range(40))), 200, INVALID
    ),
    "identifiers": Provocation(
        _table("identifiers", "id,y\n" + "".join(f"u{each}@x,{'pq'[each % 2]}\n" for each in range(60))),
        200,
        INVALID,
    ),
    "ragged": Provocation(_table("ragged", "a,b,y\n1,2,p\n1,2\n3,4,q\n"), 200, "malformed_input"),
    "an Excel workbook": Provocation(_table("workbook", b"PK\x03\x04" + bytes(200)), 200, "malformed_input"),
    "a pickle": Provocation(_table("pickle", b"\x80\x04\x95" + bytes(100)), 200, "malformed_input"),
    "a page": Provocation(_table("page", "<!doctype html><html></html>"), 200, "malformed_input"),
    "a header alone": Provocation(_table("header", "a,y\n"), 200, "malformed_input", on_the_page=False),
    "a table without a column": Provocation(_score, 200, INVALID),
}
