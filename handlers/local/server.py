"""The laptop's HTTP server, and beside it a trainer that is started again when it dies."""

import os
import signal
import sys
from typing import TYPE_CHECKING

from handlers.local.gate import LoopbackGate, is_loopback
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import SettingInvalid, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handlers.local.listening import Server
    from handlers.rest.http import Request, Response
    from handlers.wsgi import Environ, StartResponse
    from providers.local.runtime.keys import FileKeyStore

# Threads beside those of requests that wait: however many wait, so many answer.
_ANSWERING = 12
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_EXAMPLE = (
    "curl {url}/v1/models/example:train -H 'Prefer: wait=20' "
    '-d \'{{"algorithm": "kmeans", "hyperparameters": {{"n_clusters": 2}}, '
    '"instances": [[0], [1], [2], [10], [11], [12]]}}\''
)


def serve(settings: Settings, host: str, port: int, keys_file: str | None) -> int:
    """Serve HTTP, with a trainer beside it, until SIGINT or SIGTERM; the exit code."""
    from handlers.local.site import PATH, site_folder
    from handlers.logs import forward_logging
    from providers.local.runtime.queue import WorkerProcess

    forward_logging()
    _make_root(settings.root)
    site = site_folder()
    if site and not settings.documentation:
        settings = settings._replace(documentation=PATH)
    keys = _keys(settings, host, keys_file)
    services = folder_services(settings, key_records=None if keys is None else keys.read)
    try:
        server = _server(services, host, port, site)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"serverless-ml cannot listen on {host}:{port}: {reason}", file=sys.stderr)
        return 1

    def end(*_: object) -> None:
        for again in _SIGNALS:  # whoever is in a hurry asks twice
            signal.signal(again, lambda *_: sys.exit(1))
        server.stop()

    for asked_to_end in _SIGNALS:  # a script's background process inherits no SIGINT
        signal.signal(asked_to_end, end)
    trainer = [sys.executable, "-m", "handlers.local", "--trainer", "--root", settings.root]
    trainer += [] if keys is None else ["--keys", keys.path]
    with WorkerProcess(trainer):
        url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
        print(f"serverless-ml answers at {url} (try it there: {url}/docs)")
        if site:
            print(f"the documentation is at {url}{PATH}/")
        print(f"models are kept in {os.path.abspath(settings.root)}; {_who(services)}")
        print(f"for example:\n  {_EXAMPLE.format(url=url)}", flush=True)
        server.run()  # returns on SIGINT and SIGTERM, requests under way being answered
    return 0


def _make_root(root: str) -> None:
    """Make the folder now rather than at the first write. Raises `SettingInvalid` where it cannot be."""
    try:
        os.makedirs(root, exist_ok=True)
    except OSError as error:
        reason = "it is not a folder" if os.path.exists(root) else error.strerror
        raise SettingInvalid(f"cannot keep models in {os.path.abspath(root)}: {reason}") from error


def _keys(settings: Settings, host: str, keys_file: str | None) -> "FileKeyStore | None":
    """Where the keys are; None where none is asked for: on loopback, until there is a file of keys."""
    from providers.local.runtime.keys import FILE, FileKeyStore

    store = FileKeyStore(keys_file or os.path.join(settings.root, FILE))
    asks = keys_file is not None or store.exists() or not is_loopback(host)
    return store if asks else None


def _waiting_for_graphs(services: "Services") -> int:
    """How many threads may wait for imported models."""
    if not services.settings.onnx:
        return 0
    from ml_core.running.own_graphs import MOST_AT_ONCE

    return MOST_AT_ONCE


def _server(services: Services, host: str, port: int, site_at: str = "") -> "Server":
    """A server that listens already; `site_at` is the folder of the documentation's site, empty for none."""
    from handlers.local.admission import REFUSED, Admission, RefusingGate, parser_of
    from handlers.local.downloads import Downloads
    from handlers.local.listening import Server
    from handlers.local.metrics import Metrics
    from handlers.local.pages import StorageCors, is_file
    from handlers.local.quick import Quick
    from handlers.local.refusals import Channel
    from handlers.local.signatures import unsigned
    from handlers.local.site import SiteFiles
    from handlers.local.uploads import Uploads
    from handlers.rest.api import Api
    from handlers.rest.cors import Cors
    from handlers.web import origins_of
    from handlers.wsgi import from_environ, to_wsgi
    from providers.local.runtime.signer import LocalSigner

    settings = services.settings
    gate = None if services.asks_for_keys else LoopbackGate(origins_of(settings.cors_origins))
    metrics = Metrics(services, gate, connections=lambda: server.connections)
    site = SiteFiles(site_at, gate or services.gate, settings.base_path)
    api = Api(services, metrics.count)
    cors = Cors(settings.cors_origins) if settings.cors_origins else None
    storage_cors = StorageCors(cors, settings.base_path) if cors else None
    signatures = LocalSigner(settings.root)
    uploads, downloads = Uploads(services, signatures), Downloads(services, signatures)

    def application(environ: "Environ", start_response: "StartResponse") -> "Iterable[bytes]":
        refused = environ[REFUSED]
        if storage_cors is not None and storage_cors.concerns(environ):
            start_response = storage_cors.telling(environ, start_response)
            if (preflight := storage_cors.preflight(environ)) is not None:
                return to_wsgi(preflight, start_response)
        if uploads.concerns(environ):
            answer = unsigned("upload") if refused else uploads.receive(environ)
            return to_wsgi(answer, start_response)
        if downloads.concerns(environ):
            return downloads.send(environ, start_response)
        return to_wsgi(answer_to(from_environ(environ), refused), start_response)

    def answer_to(request: "Request", refused: Exception | None) -> "Response":
        if refused:
            return api.handle(request, RefusingGate(refused))
        found = next((each for each in (metrics, site) if each.concerns(request)), None)
        return found.answer(request) if found else api.handle(request, gate)

    def is_file_at(path: str) -> bool:
        return is_file("/" + path.lstrip("/"), settings.base_path)

    admission = Admission(api, gate, uploads, services.settings.max_body_bytes)
    quick = Quick(imported=bool(services.settings.onnx))
    answering = {
        "parser_class": parser_of(admission),
        "cors": cors,
        "quick": quick,
        "answer": staticmethod(answer_to),
        "is_file": staticmethod(is_file_at),
    }
    server = Server(
        application,
        host,
        port,
        threads=_ANSWERING + services.settings.max_waiting + _waiting_for_graphs(services),
        channel=type("Channel", (Channel,), answering),
        quick=quick,
        on_stop=services.waiting.end,
    )
    if gate is not None:
        gate.port = server.port
    return server


def _who(services: Services) -> str:
    if not services.asks_for_keys:
        return "no API key is required on this machine"
    return "an API key is required: make one with `python -m providers keys new --cloud local --role admin`"
