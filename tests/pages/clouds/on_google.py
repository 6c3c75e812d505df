"""Google Cloud: a stand-in of its APIs, and functions-framework on what was uploaded."""

from base64 import b64decode
from contextlib import ExitStack
from pathlib import Path

from tests.google import cloud, gcs, tasks
from tests.pages.clouds.place import HEADER, STAGE
from tests.pages.marks import GOOGLE
from tests.runtime.google_runtime import CloudRunFunction

PROJECT, REGION = "demo-1", "europe-west1"
_LOCKS = {"api": "requirements/google-api.txt", "train": "requirements/google-train.txt"}


class OnGoogle:
    """Google Cloud on this machine."""

    name = GOOGLE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cloud, self._buckets = cloud.Cloud(), gcs.Buckets(implicit=False)
        self._running, self._stack = ExitStack(), ExitStack()
        self._functions: dict[str, CloudRunFunction] = {}
        self._sources: dict[str, str] = {}

    def __enter__(self) -> "OnGoogle":
        self._url = self._stack.enter_context(cloud.running(self._cloud))
        self._storage = self._stack.enter_context(gcs.running(self._buckets))
        self._beside = self._stack.enter_context(tasks.running())
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()
        self._stack.close()

    @property
    def env(self) -> dict[str, str]:
        """See `Place`."""
        return {
            "CLOUD": "google",
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GOOGLE_ENDPOINT_URL": self._url,
            "GOOGLE_ENDPOINT_URL_STORAGE": self._storage,
        }

    def made(self, name: str) -> str:
        """See `Place`."""
        return {"project": PROJECT, "header": HEADER}[name]

    def answering(self) -> str:
        """See `Place`."""
        deployed = {
            name: self._cloud.functions[
                f"projects/{PROJECT}/locations/{REGION}/functions/serverless-ml-{STAGE}-{name}"
            ]
            for name in _LOCKS
        }
        sources = {name: str(found["buildConfig"]) for name, found in deployed.items()}
        if sources != self._sources:
            self._running.close()
            for name, lock in _LOCKS.items():
                self._functions[name] = self._running.enter_context(self._started(name, lock, deployed[name]))
            self._sources = sources
        for name, found in deployed.items():
            found["serviceConfig"]["uri"] = self._functions[name].url
        self._mount_keys()
        return self._functions["api"].url

    def work(self) -> None:
        """See `Place`: what Cloud Tasks does."""
        waiting, self._beside.tasks[:] = list(self._beside.tasks), []
        for task in waiting:
            assert self._functions["train"].call("POST", "/", task.body).status == 204

    def _started(self, name: str, lock: str, found: cloud.Json) -> CloudRunFunction:
        package = self._folder / f"{name}.zip"
        package.write_bytes(self._cloud.uploads[found["buildConfig"]["source"]["storageSource"]["object"]])
        env = {**found["serviceConfig"]["environmentVariables"], **self._beside.env}
        env |= {"STORAGE_EMULATOR_HOST": self._storage, "ML_KEY_TTL": "0"}
        if "ML_KEYS_FILE" in env:
            env["ML_KEYS_FILE"] = str(self._folder / "records.json")
        folder = self._folder / f"{name}-{len(self._cloud.operations)}"
        return CloudRunFunction(
            found["buildConfig"]["entryPoint"],
            package=str(package),
            requirements=lock,
            folder=str(folder),
            env=env,
        )

    def _mount_keys(self) -> None:
        """What the platform does when the function reads the file: the newest version."""
        secret = f"projects/{PROJECT}/secrets/serverless-ml-{STAGE}-{REGION}-keys"
        newest = next(each for each in self._cloud.versions[secret] if each["state"] == "ENABLED")
        (self._folder / "records.json").write_bytes(b64decode(newest["data"]))
