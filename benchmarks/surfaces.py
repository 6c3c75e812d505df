"""A first prediction on each surface: a fresh process that answers one request as that cloud hands it over.

`python -m benchmarks.surfaces aws|google|azure|local [FOLDER EVENT]`. The platform's own runtime is imported
first, as it is there before the function: without an event that is all. Of what platforms run besides, their
servers and AWS's and Azure's channels to them, there is nothing in it; the laptop's server is ours.
"""

import importlib
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

_ASK = """
import os, signal, sys, time, urllib.request
url, body, key, server = sys.argv[1:]
headers = {"content-type": "application/json", "authorization": key}
request = urllib.request.Request(url, open(body, "rb").read(), headers)
while True:
    try:
        status = urllib.request.urlopen(request).status
        break
    except OSError as error:
        if getattr(error, "code", None):
            raise
        time.sleep(0.2)
os.kill(int(server), signal.SIGTERM)
"""


def aws(folder: str, event: Any) -> int:
    """What Lambda calls."""
    from benchmarks.product import use
    from handlers.clouds import aws as cloud

    use(folder)
    status: int = cloud.api(event, None)["statusCode"]
    return status


def google(folder: str, event: Any) -> int:
    """What functions-framework calls, with a request of Flask's."""
    import io

    from flask import Request

    from benchmarks.product import use
    from handlers.clouds import google as cloud

    use(folder)
    body = event["body"].encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": event["rawPath"],
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": event["headers"]["authorization"],
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    return cloud.api(Request(environ))[1]


def azure(folder: str, event: Any) -> int:
    """What Azure's worker calls."""
    from azure.functions import HttpRequest

    from benchmarks.product import use
    from handlers.clouds import azure as cloud

    use(folder)
    headers = {name: event["headers"][name] for name in ("authorization", "content-type")}
    request = HttpRequest(
        "POST", f"http://localhost{event['rawPath']}", headers=headers, body=event["body"].encode()
    )
    context: Any = SimpleNamespace(invocation_id="benchmark")
    status: int = cloud.api(request, context).status_code
    return status


def local(folder: str, event: Any) -> int:
    """The laptop's server, up to its first answer; who asks is another process."""
    import socket

    from handlers.local.__main__ import main as serve

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    body = f"{folder}/first-body.json"
    with open(body, "w", encoding="utf-8") as file:
        file.write(event["body"])
    url = f"http://127.0.0.1:{port}{event['rawPath']}"
    asking = subprocess.Popen(
        [sys.executable, "-c", _ASK, url, body, event["headers"]["authorization"], str(os.getpid())]
    )
    serve(["--root", folder, "--port", str(port)])
    return 200 if asking.wait() == 0 else 500


SURFACES = {each.__name__: each for each in (aws, google, azure, local)}
# What each platform imports before the function: its runtime client, server or worker.
RUNTIMES = {
    "aws": "awslambdaric.bootstrap",
    "google": "functions_framework",
    "azure": "azure_functions_runtime",
}


def main(surface: str, folder: str = "", event_file: str = "") -> None:
    """Import the surface's runtime and answer the event, if there is one; fail unless that is a 200."""
    if surface in RUNTIMES:
        importlib.import_module(RUNTIMES[surface])
    if not event_file:
        return
    with open(event_file, encoding="utf-8") as file:
        event = json.load(file)
    status = SURFACES[surface](folder, event)
    if status != 200:
        raise SystemExit(f"{surface} answered {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
