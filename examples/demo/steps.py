"""A step of the story: a request is shown, sent, and its answer shown."""

from typing import Any

from examples.demo import display
from examples.demo.service import Answer, Service


def asked(service: Service, method: str, path: str, body: object = None) -> Answer:
    """Ask, and show what was asked and answered."""
    display.request(method, path, body)
    answer = checked(service.call(method, path, body))
    display.answer(answer.status, answer.seconds, answer.body)
    return answer


def trained(service: Service, model: str, body: dict[str, Any]) -> Answer:
    """Ask for a training and follow its job to the end."""
    path = f"/v1/models/{model}:train"
    display.request("POST", path, body)
    accepted = checked(service.call("POST", path, body))
    location = accepted.headers["location"]
    display.answer(accepted.status, accepted.seconds)
    display.note(f"  Location: {location}")
    display.request("GET", location)
    with display.console.status("queued") as status:
        for answer in service.follow(location):
            status.update(_so_far(answer.body))
    job = checked(answer)
    display.answer(
        job.status,
        job.seconds,
        {key: job.body[key] for key in ("id", "state", "version", "warnings") if key in job.body},
    )
    if job.body["state"] != "succeeded":
        raise SystemExit(f"the job ended as {job.body['state']}: {job.body.get('error')}")
    return job


def _so_far(job: dict[str, Any]) -> str:
    """A job's state and phase, and how far it is where that is counted."""
    parts = [job["state"], job.get("phase"), job.get("percentage") and f"{job['percentage']:.0f} %"]
    epochs = (job.get("metrics") or {}).get("history") or []
    if job["state"] == "running" and epochs and "loss" in epochs[-1]:
        parts.append(f"epoch {epochs[-1]['done']}, loss {epochs[-1]['loss']:.4g}")
    return " · ".join(str(part) for part in parts if part)


def checked(answer: Answer) -> Answer:
    """The answer, or the end of the story with what the service said."""
    if answer.status >= 400:
        raise SystemExit(f"{answer.status}: {answer.body}")
    return answer
