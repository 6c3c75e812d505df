"""What a fit leaves in the store: an artifact and its manifest, each written once under the job's id."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ml_core.errors import ObjectExists, ObjectNotFound
from ml_core.jobs.fit_child import FittedArtifact
from ml_core.ports import ObjectStore
from ml_core.registry.registry import artifact_key, manifest_key

UNMEASURED = (
    "the attempt that trained this version died before it had told its metrics, and another attempt's are of "
    "another model: train again for metrics, or measure it on rows of your own"
)


def store(place: ObjectStore, job_id: str, fitted: FittedArtifact) -> dict[str, Any]:
    """Write the artifact and then its manifest, each once: what an earlier attempt wrote is used as it is.

    Attempts at a private training give different models: the figures of one are not told of another's.
    """
    artifact = _put_once(place, artifact_key(job_id), fitted.artifact)
    told = fitted.manifest
    if artifact != fitted.artifact and told.get("privacy"):
        told = _unmeasured(told)
    described = {"job": job_id, "sha256": hashlib.sha256(artifact).hexdigest(), "size": len(artifact)}
    manifest = json.dumps({**told, **described}, allow_nan=False).encode()
    stored: dict[str, Any] = json.loads(_put_once(place, manifest_key(job_id), manifest))
    return stored


def _unmeasured(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a private training's manifest holds for another attempt's model too."""
    privacy = {**manifest["privacy"], "count_deviation": None}
    return {**manifest, "metrics": {}, "test_rows": None, "warnings": [UNMEASURED], "privacy": privacy}


def remove(place: ObjectStore, job_id: str) -> None:
    """Remove what a job has left, which has no version. Raises `Unavailable`."""
    place.delete(manifest_key(job_id))
    place.delete(artifact_key(job_id))


def _put_once(place: ObjectStore, key: str, data: bytes) -> bytes:
    try:
        place.put_if_absent(key, data)
    except ObjectExists:
        return place.get(key).data
    return data


def read_manifest(place: ObjectStore, job_id: str) -> dict[str, Any] | None:
    """The manifest of a job whose artifact is stored; it is written after the artifact."""
    try:
        manifest: dict[str, Any] = json.loads(place.get(manifest_key(job_id)).data)
    except ObjectNotFound:
        return None
    return manifest
