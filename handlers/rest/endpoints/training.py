"""`POST …:train`: checks the request, hands it to the trainer as a job, and waits for it if asked to."""

from typing import Any

from handlers.auth import Caller
from handlers.rest.call import Call
from handlers.rest.endpoints.jobs import described_job
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema, check
from handlers.trainings import checked_training, prepared_training
from ml_core.datasets.private_reading import DataUse

# Described in full by `body_schema`, from what the request and the algorithms declare.
TRAIN_BODY: Schema = {"type": "object", "x-checked-by": "ml_core.training.request"}
IDEMPOTENCY_KEY: Schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}


def train(call: Call) -> Response:
    """Train a new version of a model. Answers with a job, after `Prefer: wait=N` with a finished one.

    An answer without `Preference-Applied` did not wait: too many did already. Where as many jobs as may be
    are queued or running, of this key or of all, it is a 429 (`too_many_jobs`) with `Retry-After`. A dataset
    with a privacy budget takes `privacy` (else 409, `budget`), as long as the budget pays for it (else 409,
    `budget_spent`).
    """
    body = call.body()
    call.note(private=True if isinstance(body, dict) and "privacy" in body else None)
    key = idempotency_key(call)
    request = checked_training(call.services, call.caller, body)
    call.services.registry.check_spelling(call.path["model"])
    data, summary, digest, use = prepared_training(call.services, request)
    return submitted(call, data, summary, key=key, body_digest=digest, use=use)


def idempotency_key(call: Call) -> str | None:
    """The Idempotency-Key that came; None without one. Raises `InvalidInput`."""
    key = call.header("idempotency-key") or None
    if key is not None:
        check(IDEMPOTENCY_KEY, key, "Idempotency-Key")
    return key


def submitted(
    call: Call,
    data: bytes,
    summary: dict[str, Any],
    *,
    key: str | None,
    body_digest: str | None,
    use: DataUse | None = None,
) -> Response:
    """Hand a checked request to the trainer as a job, and wait for it if that is asked; the job.

    Args:
        call: the call.
        data: the job's input.
        summary: what the job tells of its request.
        key: the Idempotency-Key, None without one.
        body_digest: tells whether two requests are the same; None where `data` does.
        use: the data that it reads, which may have a privacy budget; None where it reads none.

    Raises:
        IdempotencyMismatch, TooManyJobs, Unavailable: as `Jobs.submit`.
        BudgetRefused, BudgetSpent: as `PrivateReading.check`.
    """
    jobs = call.services.jobs
    uri = (summary.get("data") or {}).get("uri")
    job = jobs.submit(
        call.path["model"],
        data,
        summary,
        idempotency_key=key and _own(call.caller, key),
        body_digest=body_digest,
        submitter=call.caller.id or None,
        reads=None if uri is None else call.services.data.as_upload(uri),
        check=None if use is None else lambda: call.services.private_reading.check(use),
    )
    headers = {"location": f"{call.settings.base_path}/v1/jobs/{job.id}"}
    seconds = min(preferred_wait(call.header("prefer")), call.settings.max_wait)
    waited = False
    if seconds > 0:
        job_id = job.id
        job, waited = call.services.waiting.look(
            job, lambda: jobs.get(job_id), lambda seen: seen.over, seconds
        )
    if waited:
        headers["preference-applied"] = f"wait={seconds:g}"
    call.note(job=job.id, model=job.model)
    return json_response(described_job(job), status=200 if job.over and waited else 202, headers=headers)


def _own(caller: Caller, idempotency_key: str) -> str:
    """The key by which a retry is known: of a limited API key, which must not learn of others, its own."""
    return f"{caller.id}\n{idempotency_key}" if caller.limited else idempotency_key


def preferred_wait(prefer: str) -> float:
    """The seconds of `wait=N` in a Prefer header; 0 when there is none, or none that can be read."""
    for preference in prefer.replace(";", ",").split(","):
        name, _, value = preference.partition("=")
        digits = value.strip().strip('"')
        if name.strip().lower() == "wait" and digits.isascii() and digits.isdecimal():
            return float(digits[:6])
    return 0.0
