"""The service on a laptop, where the cloud is a folder: `python -m handlers.local --help`.

One process serves HTTP, another trains; the second is started again when it dies, and ends with the first.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from handlers.rest.auth import ADMIN, OPEN, Caller, Records
from handlers.services import Services
from handlers.settings import SettingInvalid, Settings, read_settings
from ml_core.errors import ServerlessMLError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from handlers.wsgi import Environ, StartResponse
    from ml_core.ports import DataStore, JobQueue, ObjectStore, UploadSigner

_THREADS = 16
# Past this many bytes waitress hangs up by itself; up to them the answer to a long body is ours.
_LONGEST_READ = 64 * 1024 * 1024
_EXAMPLE = (
    "curl {url}/v1/models/example:train -H 'Prefer: wait=20' "
    '-d \'{{"algorithm": "kmeans", "hyperparameters": {{"n_clusters": 2}}, '
    '"instances": [[0], [1], [2], [10], [11], [12]]}}\''
)


class LoopbackGate:
    """Lets in whoever is on this machine, but no page of another site in a browser that is.

    Such a page reaches a loopback address too, under a name of its own (DNS rebinding) or with the user's
    browser as its messenger; the headers Host and Origin give it away.
    """

    def admit(self, headers: Mapping[str, str], access: str) -> Caller:
        """Anyone is an admin. Raises `ForeignOrigin`."""
        host = headers.get("host", "")
        if access != OPEN and not is_loopback(host.rpartition(":")[0] if _has_port(host) else host):
            raise _foreign(f"the name {host[:80]!r}")
        origin = headers.get("origin")
        if access != OPEN and origin is not None and origin != f"http://{host}":
            raise _foreign(f"a page of {origin[:80]!r}")
        return Caller("", ADMIN)


def folder_services(settings: Settings, key_records: Callable[[], Records | None] | None) -> Services:
    """The services over the folder of the settings.

    Args:
        settings: the settings.
        key_records: reads the records of the keys; None lets everyone in.
    """

    def store() -> "ObjectStore":
        from providers.local.folder_store import FolderStore

        return FolderStore(settings.root)

    def queue() -> "JobQueue":
        from providers.local.worker_queue import FolderQueue

        return FolderQueue(settings.root)

    def data_folder() -> "DataStore":
        from providers.local.data_folder import DataFolder

        return DataFolder(settings.data_root or os.path.join(settings.root, "data"))

    def signer() -> "UploadSigner":
        from providers.local.upload_signer import LocalSigner

        return LocalSigner(settings.root)

    return Services(
        settings,
        store=store,
        queue=queue,
        key_records=key_records,
        data_folder=data_folder,
        signer=signer,
    )


def serve(settings: Settings, host: str, port: int, keys_file: str | None) -> int:
    """Serve HTTP, with a trainer beside it, until SIGINT or SIGTERM; the exit code."""
    import signal

    from handlers.logs import forward_logging
    from providers.local.worker_queue import WorkerProcess

    forward_logging()
    _make_root(settings.root)
    services = folder_services(settings, key_records=_key_records(settings, host, keys_file))
    try:
        server = _server(services, host, port)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"serverless-ml cannot listen on {host}:{port}: {reason}", file=sys.stderr)
        return 1
    for asked_to_end in (signal.SIGTERM, signal.SIGINT):  # a script's background process inherits no SIGINT
        signal.signal(asked_to_end, lambda *_: sys.exit(0))
    trainer = [sys.executable, "-m", "handlers.local", "--trainer", "--root", settings.root]
    with WorkerProcess(trainer):
        url = f"http://{f'[{host}]' if ':' in host else host}:{server.effective_port}"
        print(f"serverless-ml answers at {url} (try it there: {url}/docs)")
        print(f"models are kept in {os.path.abspath(settings.root)}; {_who(services)}")
        print(f"for example:\n  {_EXAMPLE.format(url=url)}", flush=True)
        server.run()  # returns on SIGINT and SIGTERM, requests under way being answered
    return 0


def _make_root(root: str) -> None:
    """Make the folder now rather than at the first write. Raises `SettingInvalid` where it cannot be."""
    try:
        os.makedirs(root, exist_ok=True)
    except OSError as error:
        reason = "it is no folder" if os.path.exists(root) else error.strerror
        raise SettingInvalid(f"models cannot be kept in {os.path.abspath(root)}: {reason}") from error


def train_until_stopped(settings: Settings) -> int:
    """Work off the folder's queue until SIGTERM, or until the process that started this one is gone."""
    import threading

    from handlers.deliveries import Run, sweep_once, work_off
    from handlers.logs import forward_logging
    from ml_core.jobs.trainer import Pace
    from providers.local.presence import Presence
    from providers.local.worker_queue import FolderQueue, stop_on_request, work

    forward_logging()
    services = folder_services(settings, key_records=None)
    queue, stopping, presence = FolderQueue(settings.root), threading.Event(), Presence(settings.root)
    stop_on_request(stopping, queue)
    pace = Pace(lease=15.0, renewal=2.0, glance=0.25)  # writing to a folder costs nothing

    def handle(job_id: str, failures: int) -> float | None:
        run = Run(_deadline(settings), stopping, pace, presence)
        return work_off(services, job_id, failures=failures, run=run)

    def sweep() -> None:
        sweep_once(services)
        presence.stay()
        presence.forget_the_dead()

    work(queue, handle, sweep, stopping)
    return 0


def _deadline(settings: Settings) -> float | None:
    """When a training that begins now has to be done; None where nobody bounded it."""
    return time.time() + settings.train_seconds if settings.train_seconds else None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that name or address."""
    from ipaddress import ip_address

    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def main(arguments: "Sequence[str] | None" = None) -> int:
    """The command line; returns the exit code."""
    given = _parsed(arguments)
    try:
        settings = read_settings({**os.environ, **({"ML_ROOT": given.root} if given.root else {})})
        if given.trainer:
            return train_until_stopped(settings)
        return serve(settings, given.host, given.port, given.keys)
    except ServerlessMLError as error:
        print(f"serverless-ml: {error}", file=sys.stderr)
        return 1


def _parsed(arguments: "Sequence[str] | None") -> "argparse.Namespace":
    import argparse

    def port(text: str) -> int:
        number = int(text)
        if not 0 <= number <= 65535:
            raise argparse.ArgumentTypeError(f"{number} is no port: 0 to 65535 are")
        return number

    parser = argparse.ArgumentParser(
        prog="python -m handlers.local",
        description="Serve serverless-ml on this machine; models are kept in a folder.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1); one that other machines reach demands keys",
    )
    parser.add_argument("--port", type=port, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--root", help="the folder (default: ML_ROOT, else .serverless-ml)")
    parser.add_argument(
        "--keys", metavar="FILE", help="demand a key of this file (default: <root>/keys.json)"
    )
    parser.add_argument("--trainer", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _key_records(settings: Settings, host: str, keys_file: str | None) -> Callable[[], Records | None] | None:
    """How the keys are read; None where none is asked for: on loopback, until there is a file of keys."""
    from providers.local.key_store import FILE, FileKeyStore

    store = FileKeyStore(keys_file or os.path.join(settings.root, FILE))
    asks = keys_file is not None or store.exists() or not is_loopback(host)
    return store.read if asks else None


def _server(services: Services, host: str, port: int) -> Any:
    """A waitress server that listens already."""
    from waitress.server import create_server

    from handlers.rest.api import Api
    from handlers.unreadable import Channel
    from handlers.uploads import Uploads, parser_of
    from handlers.wsgi import from_environ, to_wsgi
    from providers.local.upload_signer import LocalSigner

    api = Api(services)
    gate = None if services.asks_for_keys else LoopbackGate()
    uploads = Uploads(services, LocalSigner(services.settings.root))

    def application(environ: "Environ", start_response: "StartResponse") -> "Iterable[bytes]":
        if uploads.concerns(environ):
            return to_wsgi(uploads.receive(environ), start_response)
        return to_wsgi(api.handle(from_environ(environ), gate), start_response)

    server: Any = create_server(
        application,
        host=host,
        port=port,
        ipv6=":" in host,
        threads=_THREADS,
        ident="serverless-ml",
        max_request_body_size=_LONGEST_READ,
    )
    server.channel_class = type("Channel", (Channel,), {"parser_class": parser_of(uploads)})
    return server


def _who(services: Services) -> str:
    if not services.asks_for_keys:
        return "no key is asked for on this machine"
    return "a key is asked for: `python -m providers keys new --cloud local --role admin` makes one"


def _has_port(host: str) -> bool:
    """Whether a Host header ends in a port: an IPv6 address has colons of its own, in brackets."""
    return ":" in host.rpartition("]")[2]


def _foreign(who: str) -> ServerlessMLError:
    from handlers.rest.errors import ForeignOrigin

    return ForeignOrigin(f"{who} is not let in: without keys this server is for its own machine alone")


if __name__ == "__main__":
    sys.exit(main())
