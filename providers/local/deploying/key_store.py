"""Where `python -m providers keys` finds the laptop's keys: beside the models."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from providers.local.runtime.keys import FILE, FileKeyStore

if TYPE_CHECKING:
    from providers.deploying.keys import Target

OPTIONS: tuple[str, ...] = ()


def key_store(target: "Target", env: Mapping[str, str]) -> FileKeyStore:  # noqa: ARG001 (one stage)
    """The keys of the folder that the local server uses."""
    return FileKeyStore(os.path.join(env.get("ML_ROOT") or ".serverless-ml", FILE))
