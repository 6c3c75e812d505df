"""The program of the process in which a package is measured: its own folders are all that Python looks in.

    python -S measuring.py CLOUD < job.json

It imports what the cloud calls, asks for predictions, and writes to the job's `result` what that took. The
laptop's folder stands for the cloud's store: nothing is written to it, and what is asked of it is counted.
What of the project the package has not, to read that folder, is found beside the package, after its start was
measured.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_ATTEMPTS = 400  # at most, for each number of rows
_ENOUGH = 0.4  # seconds of processor time, for each number of rows
_SLOW = 2.0  # seconds, from which on a request is not repeated, and none with more rows is made


def main(cloud: str) -> None:
    """Measure, and write the result."""
    if cloud == "google":
        import functions_framework  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401

    module = __import__(f"handlers.clouds.{cloud}", fromlist=["api"])
    loaded = time.process_time()
    import functools
    import json

    job = json.loads(sys.stdin.read())
    store = _stand_in(job)
    result: dict[str, Any] = {
        "load": loaded,
        "load_memory": _peak_memory(),
        "rows": {},
    }
    ask = ASKING[cloud]
    for count in job["counts"]:
        body = json.dumps({**job["rest"], "instances": (job["instances"] * count)[:count]})
        before = time.process_time()
        if not result["rows"]:
            for part in ("store", "keys"):  # what the cloud's own store and keys take to import
                __import__(f"providers.{cloud}.runtime.{part}")
        status, answer = ask(module, job, body)
        spent = time.process_time() - before
        if not result["rows"]:
            result |= {"first": spent, "first_reads": store.reads, "first_writes": store.writes}
        if status != 200:
            result["refused"] = {"rows": count, "status": status, "answer": answer[:2000].decode()}
            break
        result["rows"][str(count)] = {
            "seconds": _warm(functools.partial(ask, module, job, body)) if spent < _SLOW else spent,
            "request_bytes": len(body.encode()),
            "answer_bytes": len(answer),
            "memory": _peak_memory(),
        }
        if spent > _SLOW:
            break
    with open(job["result"], "w", encoding="utf-8") as file:
        json.dump(result, file)


def describe() -> None:
    """Answer what the model takes, from the project's own code."""
    import json

    job = json.loads(sys.stdin.read())
    module = __import__("handlers.clouds.aws", fromlist=["api"])
    _stand_in(job)
    status, answer = _ask_aws(module, job, "", "GET", f"/v1/models/{job['model']}")
    told = {"status": status, "model": json.loads(answer)}
    if status == 200:
        # Which one :predict asks: the alias production names it, else it is the newest.
        production = told["model"]["aliases"].get("production", {}).get("version")
        newest = [each["version"] for each in told["model"]["versions"][-1:]]
        chosen = production or (newest[0] if newest else 0)
        status, answer = _ask_aws(module, job, "", "GET", f"/v1/models/{job['model']}/versions/{chosen}")
        told = {"status": status, "model": json.loads(answer)}
    with open(job["result"], "w", encoding="utf-8") as file:
        json.dump(told, file)


def _stand_in(job: dict[str, Any]) -> CountedStore:
    """Let the handlers find the folder where they look for the cloud's store; what counts its requests."""
    for package in ("handlers", "providers"):
        module = __import__(package)
        beside = os.path.join(job["project"], package)
        if beside not in module.__path__:
            module.__path__.append(beside)
    bootstrap = __import__("handlers.clouds.bootstrap", fromlist=["_SERVICES"])
    services = __import__("handlers.services", fromlist=["Services"])
    settings = __import__("handlers.settings", fromlist=["read_settings"])
    folder = __import__("providers.local.runtime.store", fromlist=["FolderStore"])
    store = CountedStore(folder.FolderStore(job["root"]))
    bootstrap._SERVICES.append(  # noqa: SLF001 - what stands for the cloud
        services.Services(
            settings.read_settings({"ML_ROOT": job["root"]}),
            store=lambda: store,
            queue=lambda: None,
            key_records=lambda: [job["record"]],
        )
    )
    return store


class CountedStore:
    """A store that is only read: it counts what it is asked, and forgets what it is told to write."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.reads = self.writes = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """What reads, counted."""
        found = getattr(self._store, name)

        def read(*arguments: object, **named: object) -> object:
            self.reads += 1
            return found(*arguments, **named)

        return read

    def put_if_absent(self, *_: object) -> str:
        """Write nothing."""
        self.writes += 1
        return "0" * 32

    put_if_unchanged = put_if_absent

    def delete(self, *_: object) -> None:
        """Delete nothing."""
        self.writes += 1

    write_stream = delete


def _warm(ask: Callable[[], Any]) -> float:
    """The median of the processor time that a request takes, once all is loaded."""
    for _ in range(3):
        ask()
    taken: list[int] = []
    end = time.process_time() + _ENOUGH
    while len(taken) < 5 or (time.process_time() < end and len(taken) < _ATTEMPTS):
        before = time.process_time_ns()
        ask()
        taken.append(time.process_time_ns() - before)
    return sorted(taken)[len(taken) // 2] / 1e9


def _peak_memory() -> int:
    """The most memory (bytes) that this process had so far."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _ask_aws(
    module: ModuleType, job: dict[str, Any], body: str, method: str = "POST", path: str = ""
) -> tuple[int, bytes]:
    path = path or f"/v1/models/{job['model']}:predict"
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {job['key']}"},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "advise"},
        "body": body,
        "isBase64Encoded": False,
    }
    answer = module.api(event, None)
    return answer["statusCode"], answer["body"].encode()


def _ask_google(module: ModuleType, job: dict[str, Any], body: str) -> tuple[int, bytes]:
    import io

    from flask import Request  # type: ignore[import-not-found,unused-ignore]

    sent = body.encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/v1/models/{job['model']}:predict",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(sent)),
        "HTTP_AUTHORIZATION": f"Bearer {job['key']}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(sent),
    }
    answer, status, _ = module.api(Request(environ))
    return status, answer if isinstance(answer, bytes) else b"".join(answer)


def _ask_azure(module: ModuleType, job: dict[str, Any], body: str) -> tuple[int, bytes]:
    from types import SimpleNamespace

    from azure.functions import HttpRequest

    headers = {"content-type": "application/json", "authorization": f"Bearer {job['key']}"}
    url = f"http://localhost/v1/models/{job['model']}:predict"
    request = HttpRequest("POST", url, headers=headers, body=body.encode())
    answer = module.api(request, SimpleNamespace(invocation_id="advise"))
    return answer.status_code, answer.get_body()


ASKING: dict[str, Callable[..., tuple[int, bytes]]] = {
    "aws": _ask_aws,
    "google": _ask_google,
    "azure": _ask_azure,
}

if __name__ == "__main__":
    if sys.argv[1] == "describe":
        describe()
    else:
        main(sys.argv[1])
