"""The clouds under conformance: what each one's module in clouds/ gives, and which there have to be."""

import importlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, cast

import pytest

from ml_core.ports import ObjectStore
from tests.conformance.case import Answer, Request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAPTOP = "local"

Records = list[dict[str, Any]]


class Running(NamedTuple):
    """A cloud whose functions run.

    Args:
        ask: asks `api`, which knows the keys.
        ask_closed: asks an `api` for which no key was ever made.
        ask_web: asks an `api` that knows the keys, with the settings `web` besides.
        deliver: hands `train` every message that is in the queue, and returns when there is none left. No
            message reaches it otherwise, so that a job waits on every cloud until the cases want it to run.
        sweep: has `sweep` look around once, as it does every few minutes. It comes at no other time.
        store: what the functions of `ask` store things in.
        lake: the address of a folder of tables that jobs may read: of `LAKE` in cases/scoring.py.
        out: the address of a folder that jobs may write to.
    """

    ask: Callable[[Request], Answer]
    ask_closed: Callable[[Request], Answer]
    ask_web: Callable[[Request], Answer]
    deliver: Callable[[], None]
    sweep: Callable[[], None]
    store: ObjectStore
    lake: str
    out: str


class Cloud(Protocol):
    """What clouds/<cloud>.py gives."""

    def started(
        self,
        request: pytest.FixtureRequest,
        folder: str,
        keys: Records,
        settings: dict[str, str],
        web: dict[str, str],
    ) -> AbstractContextManager[Running]:
        """The cloud with no model and no job, from its built packages under its real runtime.

        Args:
            request: brings the fixtures that it shares with other tests.
            folder: an empty folder of its own.
            keys: the records of the keys that it has to know.
            settings: variables of `handlers.settings` for every function.
            web: more of them, for the `api` of `ask_web`.
        """
        ...


def clouds() -> list[str]:
    """The laptop, and every folder of providers/ that can be deployed to: it has a config.yml."""
    providers = os.path.join(ROOT, "providers")
    deployable = [
        name for name in os.listdir(providers) if os.path.exists(os.path.join(providers, name, "config.yml"))
    ]
    return [LAPTOP, *sorted(deployable)]


def cloud(name: str) -> Cloud:
    """A cloud's module; without one the suite fails."""
    return cast("Cloud", importlib.import_module(f"tests.conformance.clouds.{name}"))
