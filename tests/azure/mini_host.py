"""A small Functions host around Microsoft's own worker library for Python (azure-functions-runtime).

    python mini_host.py <unpacked package>      prints the port, then the functions, as one line of JSON

It does for the worker what the real host does: has it index `function_app.py`, and hands it invocations.
Every HTTP request becomes one of the function with the HTTP trigger; `POST /-/queue/<function>` and `POST
/-/timer/<function>` are this host's own and stand for the listeners of the other triggers (204: the
invocation succeeded, 500: it failed).

It runs in an environment that holds azure-functions-runtime and nothing of ours; the package brings the rest.
"""

import asyncio
import base64
import importlib
import json
import os
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SITE_PACKAGES = os.path.join(".python_packages", "lib", "site-packages")


class Message:
    """Any message of the worker's protocol: the fields that it was made with."""

    Success, Failure = "success", "failure"

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's name
        """The one field of a union."""
        first: str | None = next(iter(self.__dict__), None)
        return first


class BindingInfo(Message):
    """A binding; the directions have numbers."""

    inout, out = 2, 1


class Protocol:
    """Stands for the module of generated protobuf classes."""

    BindingInfo = BindingInfo

    def __getattr__(self, name: str) -> type[Message]:
        made = type(name, (Message,), {})
        setattr(self, name, made)
        return made


class Worker:
    """The worker library with one function app loaded."""

    def __init__(self, folder: str) -> None:
        self._protocol = Protocol()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        with open(os.path.join(folder, "host.json"), encoding="utf-8") as file:
            self.prefix = json.load(file).get("extensions", {}).get("http", {}).get("routePrefix", "api")
        self._run(
            "worker_init_request", worker_init_request={"capabilities": {}, "function_app_directory": folder}
        )
        found = self._run("functions_metadata_request").function_metadata_results or []
        self.functions: dict[str, tuple[str, dict[str, Any]]] = {}
        for function in found:
            bindings = [json.loads(text) for text in function.raw_bindings]
            trigger = next(each for each in bindings if each["type"].lower().endswith("trigger"))
            self.functions[function.name] = (function.function_id, trigger)
            self._run("function_load_request", function_load_request={"function_id": function.function_id})

    def _run(self, call: str, **fields: dict[str, Any]) -> Any:
        runtime = importlib.import_module("azure_functions_runtime")

        request = SimpleNamespace(**{name: SimpleNamespace(**values) for name, values in fields.items()})
        wrapped = SimpleNamespace(request=request, properties={"host": "127.0.0.1", "protos": self._protocol})
        answer = asyncio.run_coroutine_threadsafe(getattr(runtime, call)(wrapped), self._loop).result()
        if answer.result.status == "failure":
            failure = answer.result.exception
            raise InvocationFailed(f"{failure.message}\n{getattr(failure, 'stack_trace', '')}")
        return answer

    def invoke(self, name: str, value: Message, metadata: dict[str, Message] | None = None) -> Any:
        """One invocation; what the function returned."""
        function_id, trigger = self.functions[name]
        binding = Message(data=value)
        binding.__dict__ = {"data": value, "name": trigger["name"]}
        answer = self._run(
            "invocation_request",
            invocation_request={
                "invocation_id": str(uuid.uuid4()),
                "function_id": function_id,
                "input_data": [binding],
                "trigger_metadata": metadata or {},
                "trace_context": SimpleNamespace(trace_parent="", trace_state="", attributes={}),
                "retry_context": SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
            },
        )
        return answer.return_value

    def http_function(self, method: str) -> str | None:
        """The function whose HTTP trigger takes the method."""
        for name, (_, trigger) in self.functions.items():
            methods = [each.upper() for each in trigger.get("methods") or []]
            if trigger["type"].lower() == "httptrigger" and (not methods or method in methods):
                return name
        return None


class InvocationFailed(Exception):
    """The function raised."""


def text(value: str) -> Message:
    """A string, as the protocol carries it."""
    return Message(string=value)


def http_value(method: str, url: str, headers: dict[str, str], body: bytes, path: str) -> Message:
    """An HTTP request, as the protocol carries it.

    Host and path are as the real host writes them: encoded.
    """
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    route = {"path": unquote(path.lstrip("/"))}
    whole = Message(bytes=body)
    return Message(
        http=Message(method=method, url=url, headers=headers, body=whole, query=query, params=route)
    )


def timer_value() -> Message:
    """What a timer trigger hands over."""
    due = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    status = {"Last": due, "Next": due, "LastUpdated": due}
    schedule = {"AdjustForDST": False}
    return Message(json=json.dumps({"Schedule": schedule, "ScheduleStatus": status, "IsPastDue": False}))


class Handler(BaseHTTPRequestHandler):
    """HTTP in, invocations out."""

    worker: Worker
    protocol_version = "HTTP/1.1"
    # The answer goes out in one write, and is not held back for more.
    wbufsize = -1

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/-/"):
            _, _, kind, name = self.path.split("/")
            self._event(kind, name, body)
            return
        called = self.worker.http_function(self.command)
        path = urlsplit(self.path).path
        if called is None or not path.startswith("/" + self.worker.prefix):
            self._answer(404, {}, b"")
            return
        # A header that came twice is one list, as the real host hands it over.
        headers = {key.lower(): ",".join(self.headers.get_all(key, [])) for key in self.headers}
        url = f"http://{headers['host']}{self.path}"
        try:
            answer = self.worker.invoke(called, http_value(self.command, url, headers, body, path)).http
        except InvocationFailed as error:
            print(error, file=sys.stderr, flush=True)
            self._answer(500, {}, b"")
            return
        self._answer(int(answer.status_code), dict(answer.headers), answer.body.bytes)

    def _event(self, kind: str, name: str, body: bytes) -> None:
        about = json.loads(self.headers.get("X-Metadata") or "{}")
        metadata = {
            key: text(json.dumps(each) if not isinstance(each, str) else each) for key, each in about.items()
        }
        try:
            value = timer_value() if kind == "timer" else text(base64.b64decode(body).decode())
            self.worker.invoke(name, value, metadata if kind == "queue" else None)
        except InvocationFailed as error:
            print(error, file=sys.stderr, flush=True)
            self._answer(500, {}, str(error).encode())
            return
        self._answer(204, {}, b"")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        if status != 204:
            length = headers.get("content-length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _do  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def main(folder: str) -> None:
    """Serve until the process is ended."""
    folder = os.path.abspath(folder)
    os.chdir(folder)
    sys.path[:0] = [folder, os.path.join(folder, SITE_PACKAGES)]
    Handler.worker = Worker(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    triggers = {name: trigger for name, (_, trigger) in Handler.worker.functions.items()}
    print(json.dumps({"port": server.server_port, "functions": triggers}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
