"""Azure: a stand-in of its control plane, and Microsoft's worker library on what was published."""

from contextlib import ExitStack
from pathlib import Path

from providers.azure.runtime.connection import connection
from providers.azure.runtime.names import CONTAINER, KEYS_BLOB, QUEUE
from providers.azure.runtime.store import blob_store
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure
from tests.azure.function_host import FunctionHost
from tests.azurite import Azurite
from tests.pages.clouds.place import HEADER, STAGE
from tests.pages.marks import AZURE

_GROUP = f"serverless-ml-{STAGE}"


class OnAzure:
    """Azure on this machine."""

    name = AZURE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running, self._stack = ExitStack(), ExitStack()
        self._hosts: dict[str, FunctionHost] = {}
        self._published: dict[str, int] = {}

    def __enter__(self) -> "OnAzure":
        self._azure = FakeAzure()
        self._stack.callback(self._azure.close)
        # The platform finds in each package what `function_app.py` says; the trainer's is the larger one.
        self._azure.functions_in = self._functions_in
        self._azurite = self._stack.enter_context(Azurite())
        for container in (CONTAINER, "keys"):
            self._azurite.make_container(container)
        self._azurite.make_queue(QUEUE)
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()
        self._stack.close()

    @property
    def env(self) -> dict[str, str]:
        """See `Place`."""
        return {
            "CLOUD": "azure",
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_ENDPOINT_URL": self._azure.url,
        }

    def made(self, name: str) -> str:
        """See `Place`."""
        return {"subscription": SUBSCRIPTION, "header": HEADER}[name]

    def answering(self) -> str:
        """See `Place`."""
        self._mount_keys()
        published = {app: len(packages) for app, packages in self._azure.packages.items()}
        if published != self._published:
            self._running.close()
            for app in published:
                name = "api" if "-api-" in app else "train"
                self._hosts[name] = self._running.enter_context(self._host(app))
            self._published = published
        return self._hosts["api"].url

    def work(self) -> None:
        """See `Place`: what the host's listener of the queue does."""
        while (succeeded := self._hosts["train"].deliver("train", self._azurite)) is not None:
            assert succeeded, self._hosts["train"].lines[-20:]

    def _functions_in(self, package: bytes) -> list[str]:
        (app,) = (app for app, packages in self._azure.packages.items() if packages[-1] is package)
        return ["api"] if "-api-" in app else ["train", "sweep"]

    def _host(self, app: str) -> FunctionHost:
        """An app with its newest package and its settings; its storage is Azurite."""
        package = self._folder / f"{app}.zip"
        package.write_bytes(self._azure.packages[app][-1])
        own = {
            name: value
            for name, value in self._azure.settings[app].items()
            if name.startswith("ML_") and not name.startswith("ML_STORAGE__")
        }
        return FunctionHost(str(package), {**own, **self._azurite.env, "ML_KEY_TTL": "0"})

    def _mount_keys(self) -> None:
        """Bring the records that `keys` wrote to the account that the functions read."""
        for path, (content, _) in self._azure.written.items():
            if path.endswith(f"/keys/{KEYS_BLOB}"):
                store = blob_store(connection(self._azurite.env), "keys", self._azurite.env)
                store.delete(KEYS_BLOB)
                store.put_if_absent(KEYS_BLOB, content)
