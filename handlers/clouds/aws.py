"""AWS Lambda: events of the HTTP API, function URLs, `invoke`, SQS and EventBridge, and back."""

from __future__ import annotations

import os
import time

from handlers.clouds.bootstrap import answer, services_of
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.rest.router import below
from providers.aws.runtime import wiring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from handlers.services import Services


type Event = dict[str, Any]

# Lambda carries an answer of 6 MB as JSON, in which each quote and backslash of a text takes two bytes.
# Base64 takes a third more, whatever is in it.
_LONGEST_TEXT = 1024 * 1024

_API: list[Api] = []


def api(event: Event, context: Any) -> Any:
    """Answer a request.

    Args:
        event: of the HTTP API or a function URL (payload 2.0 or 1.0); or the bare event of `invoke`,
            `{"model": "iris", "instances": [[…]]}`, which is answered with the prediction itself.
        context: Lambda's.
    """
    if not _API:
        _API.append(Api(services()))
    request_id = getattr(context, "aws_request_id", "")
    if not isinstance(event, dict) or not ("requestContext" in event or "httpMethod" in event):
        from handlers.direct import predict_directly

        return predict_directly(_API[0], event, request_id)
    try:
        request = from_event(event, request_id)
    except (AttributeError, TypeError, ValueError) as error:  # no gateway sends it, but an `invoke` may
        return to_event(_unreadable(error, request_id))
    return to_event(answer(_API[0], request))


def train(event: Event, context: Any) -> Any:
    """Run the jobs that a batch of SQS messages names, or train on a bare event and answer the finished job.

    Of a batch, the messages that have to come again are reported: SQS deletes the others.
    """
    from handlers.logs import forward_logging

    forward_logging()
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    deadline = time.time() + remaining() / 1000 if remaining else None
    if "Records" not in event:
        from handlers.direct import train_directly

        return train_directly(services(), event, deadline)
    again = [record["messageId"] for record in event["Records"] if _comes_again(record, deadline)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in again]}


def sweep(_: Event, context: Any) -> Event:  # noqa: ARG001 (Lambda's signature)
    """Bring stray jobs back on their way; called by the schedule."""
    from handlers.jobs import sweep_once
    from handlers.logs import forward_logging

    forward_logging()
    return sweep_once(services())


def worker(event: Event, context: Any) -> Any:
    """Work on one part of a table, which an event of Lithops names, where that engine is deployed."""
    # Before numpy is imported: all workers add up alike, whatever processors they meet.
    from ml_core.networks.numerics import environment

    os.environ.update(environment())
    from providers.aws.runtime.lithops_functions import work

    return work(event, context)


def services() -> Services:
    """AWS's services; under `invoke local` the folder's, open to whoever runs it."""
    return services_of(wiring, platform_sets="AWS_LAMBDA_RUNTIME_API")


def from_event(event: Event, request_id: str = "") -> Request:
    """The request in an event of payload 2.0 or 1.0."""
    about = event.get("requestContext") or {}
    path = event.get("rawPath") or event.get("path") or "/"
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    # A stage with a name of its own is a part of an HTTP API's path, and of no REST API's or custom domain's.
    path = below(f"/{about.get('stage') or '$default'}", path)
    return Request(
        (about.get("http") or {}).get("method") or event.get("httpMethod") or "GET",
        path,
        _query(event),
        _headers(event),
        _body(event),
        about.get("requestId") or request_id or os.urandom(8).hex(),
    )


def to_event(response: Response) -> Event:
    """An answer as either payload version takes it."""
    answer: Event = {"statusCode": response.status, "headers": response.headers}
    kind = response.headers.get("content-type", "")
    is_text = kind.endswith("json") or kind.startswith("text/") or not kind
    if is_text and len(response.body) <= _LONGEST_TEXT and "content-encoding" not in response.headers:
        answer["body"], answer["isBase64Encoded"] = response.body.decode(), False
        return answer
    from binascii import b2a_base64

    return {**answer, "body": b2a_base64(response.body, newline=False).decode(), "isBase64Encoded": True}


def _unreadable(error: Exception, request_id: str) -> Response:
    from handlers.logs import log_unforeseen
    from handlers.rest.problems import problem_response
    from ml_core.errors import MalformedInput

    log_unforeseen(error, request_id=request_id)
    return problem_response(MalformedInput("the event is none of an HTTP gateway"), request_id=request_id)


def _query(event: Event) -> dict[str, str]:
    if event.get("rawQueryString"):
        from urllib.parse import parse_qsl

        return dict(parse_qsl(event["rawQueryString"], keep_blank_values=True))
    return dict(event.get("queryStringParameters") or ())


def _headers(event: Event) -> dict[str, str]:
    """Lower-case names; values that came several times joined, as HTTP means them."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if event.get("multiValueHeaders"):
        for name, values in event["multiValueHeaders"].items():
            headers[name.lower()] = ", ".join(values)
    if event.get("cookies"):
        headers["cookie"] = "; ".join(event["cookies"])
    return headers


def _body(event: Event) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    from binascii import a2b_base64

    return a2b_base64(body)


def _comes_again(record: Event, deadline: float | None) -> bool:
    """Whether SQS has to deliver a message once more."""
    from handlers.jobs import FAILED, job_of, receive
    from handlers.logs import log_unforeseen

    failures = int(record["attributes"]["ApproximateReceiveCount"]) - 1
    seconds: float | None = FAILED
    try:
        seconds = receive(services(), record["body"], failures=failures, deadline=deadline)
        if seconds is not None:
            services().queue.defer(job_of(record["body"]), seconds)
    except Exception as error:  # noqa: BLE001 (one message must not take the batch with it)
        log_unforeseen(error, message=record["messageId"])
    else:
        return False
    try:
        wiring.queue(os.environ).hide(record["receiptHandle"], FAILED if seconds is None else seconds)
    except Exception as error:  # noqa: BLE001 (it comes again all the same, but later)
        log_unforeseen(error, message=record["messageId"])
    return True
