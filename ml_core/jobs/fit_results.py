"""What a fit leaves in the store: an artifact and its manifest, each written once under the job's id."""

import hashlib
import json
from typing import Any

from ml_core.errors import ObjectExists, ObjectNotFound
from ml_core.jobs.fit_child import FittedArtifact
from ml_core.ports import ObjectStore
from ml_core.registry.registry import artifact_key, manifest_key


def store(place: ObjectStore, job_id: str, fitted: FittedArtifact) -> dict[str, Any]:
    """Write the artifact and then its manifest, each once: what an earlier attempt wrote is used as it is."""
    artifact = _put_once(place, artifact_key(job_id), fitted.artifact)
    described = {"job": job_id, "sha256": hashlib.sha256(artifact).hexdigest(), "size": len(artifact)}
    manifest = json.dumps({**fitted.manifest, **described}, allow_nan=False).encode()
    stored: dict[str, Any] = json.loads(_put_once(place, manifest_key(job_id), manifest))
    return stored


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
