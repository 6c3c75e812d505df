"""A function that serves one model, whose artifact lies beside the code: what `deploy_model` makes.

The event is a `:predict` body and the answer is what `:predict` would answer, or a problem. The function has
no address but its own: whoever may invoke it was let in by the cloud.
"""

import json
import os
from typing import Any, NoReturn

from handlers.rest.api import Api
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.errors import AliasNotFound, NotFound, VersionNotFound
from ml_core.model.model import Model
from ml_core.serving import Served

ARTIFACT = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "model.safetensors"
)
VERSION = 1


class OneModel:
    """The one model there is, under the function's name, as its version 1.

    Args:
        name: what answers call it.
        path: its artifact's file.
    """

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._path = path
        self._model: Model | None = None

    def resolve(
        self,
        name: str,  # noqa: ARG002 (the function's own name is told)
        version: int | None = None,
        alias: str | None = None,
        key: str | None = None,  # noqa: ARG002 (there is nothing to choose)
    ) -> Served:
        """The model, read by the first call. Raises `VersionNotFound`, `AliasNotFound`, `ArtifactInvalid`."""
        if alias is not None:
            raise AliasNotFound("a function with one model has no aliases")
        if version not in (None, VERSION):
            raise VersionNotFound(f"a function with one model has version {VERSION} alone")
        cold = self._model is None
        if self._model is None:
            with open(self._path, "rb") as file:
                self._model = Model.from_bytes(file.read())
        return Served(self._model, self._name, VERSION, None, cold, None)

    def look_again(self, name: str) -> None:
        """There is one version, for good."""

    def ready(self, name: str, version: int | None = None) -> Served:
        """See `resolve`."""
        return self.resolve(name, version)


def read_event(body: bytes) -> Any:
    """A body's JSON; None where it is none, which no model answers."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def api_of(model: OneModel) -> Api:
    """An api that can predict with the model, and do nothing else."""
    settings = read_settings(os.environ)._replace(monitoring_days=0, audit_days=0)  # it has no store
    return Api(
        Services(settings, store=_nothing, queue=_nothing, key_records=lambda: None, models=lambda: model)
    )


def _nothing() -> NoReturn:
    raise NotFound("a function with one model predicts and explains, and nothing else")
