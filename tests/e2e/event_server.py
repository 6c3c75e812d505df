"""A cloud's adapter behind HTTP: each request becomes the event that the cloud's gateway makes of it.

    python -m tests.e2e.event_server aws|azure <root> <file of key records>      prints the address

The store and the queue are the laptop's folder: what is looked at is how events are read and answered.
Google's adapter reads a WSGI environment, as the laptop's server does.
"""

import base64
import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.settings import read_settings

type Answer = tuple[int, dict[str, str], bytes]


class Asked(SimpleNamespace):
    """One HTTP request: `method`, `target` as it stands in the first line, `headers`, `body`."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def on_aws(api: Api) -> Callable[[Asked], Answer]:
    """Lambda's handler, asked with an HTTP API's events of payload 2.0."""
    from handlers.clouds import aws

    aws._API.append(api)

    def ask(asked: Asked) -> Answer:
        path, _, query = asked.target.partition("?")
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": unquote(path),
            "rawQueryString": query,
            "headers": asked.headers,
            "requestContext": {
                "http": {"method": asked.method, "path": path, "protocol": "HTTP/1.1"},
                "requestId": "JKJaXmPLvHcESHA=",
                "stage": "$default",
            },
            "body": base64.b64encode(asked.body).decode(),
            "isBase64Encoded": True,
        }
        answer = aws.api(json.loads(json.dumps(event)), None)
        body = answer["body"]
        return (
            answer["statusCode"],
            answer["headers"],
            base64.b64decode(body) if answer["isBase64Encoded"] else body.encode(),
        )

    return ask


def on_azure(api: Api) -> Callable[[Asked], Answer]:
    """The function of Azure's app, asked with the requests that its worker makes."""
    import azure.functions as func

    from handlers.clouds import azure

    azure._API.append(api)
    context: Any = SimpleNamespace(invocation_id="5a1c")

    def ask(asked: Asked) -> Answer:
        path, _, query = asked.target.partition("?")
        request = func.HttpRequest(
            asked.method,
            f"https://{asked.headers.get('host', '')}{asked.target}",
            headers=asked.headers,
            params=dict(parse_qsl(query, keep_blank_values=True)),
            route_params={"path": path},
            body=asked.body,
        )
        answer = azure.api(request, context)
        return answer.status_code, dict(answer.headers), answer.get_body()

    return ask


ADAPTERS = {"aws": on_aws, "azure": on_azure}


def main(cloud: str, root: str, keys: str) -> None:
    """Serve until the process is ended."""
    with open(keys, encoding="utf-8") as file:
        records = json.load(file)
    services = folder_services(
        read_settings({"ML_ROOT": root, "ML_MAX_WAIT": "0", "ML_ONNX": "here"}), lambda: records
    )
    ask = ADAPTERS[cloud](Api(services))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_ANY(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers: dict[str, str] = {}
            for name, value in self.headers.items():
                headers[name.lower()] = ",".join(filter(None, (headers.get(name.lower()), value)))
            status, answered, body = ask(
                Asked(method=self.command, target=self.path, headers=headers, body=self.rfile.read(length))
            )
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **answered}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.do_ANY
            raise AttributeError(name)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
            """Say nothing beside what the api logs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
