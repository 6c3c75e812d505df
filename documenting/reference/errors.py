"""What can go wrong, by its code: answers that refuse, and jobs that fail."""

import json
from typing import Any

from documenting.client_source import client
from documenting.markdown import anchor, code, either, heading, link, prose, table, told_block
from documenting.markdown import page as whole
from handlers.rest.openapi import errors
from handlers.rest.problems import TITLES, problem_response
from ml_core.errors import ModelNotFound
from ml_core.jobs.job_errors import MEANINGS, SHARED


def page() -> str:
    """The page: a heading for each code."""
    told = errors()
    statuses = sorted({each["status"] for each in told})
    of_jobs = [each for each in MEANINGS if each not in {known["code"] for known in told}]
    return whole(
        "Errors",
        "Every code that an answer or a job can have: what it means, and what to do about it.",
        "A message by its words: [troubleshooting.md](../troubleshooting.md), and the index of all messages, "
        "[messages.md](messages.md).",
        table(
            ["code", "status", "meaning"],
            [
                *([_linked(each["code"]), str(each["status"]), prose(each["meaning"])] for each in told),
                *([_linked(each), "of a job", prose(MEANINGS[each])] for each in of_jobs),
            ],
        ),
        heading(2, "What an answer that refuses says"),
        "JSON, as RFC 9457 has it ([`Problem`](schemas.md#problem)). `code` is for programs and stays; "
        "`detail` is for people and may change.",
        told_block("json", _example()),
        "What is wrong with what was sent is in `faults`, each with the JSON path of its place, such as "
        "`$.instances[2][0]`. The log of the service knows the request by `request_id`.",
        *(text for status in statuses for text in _of_status(status, told)),
        heading(2, "Jobs"),
        "A job that failed has an `error` with a `code`, and a `message` that says what to do: "
        "[jobs.md](../jobs.md#how-a-job-fails).",
        f"These codes jobs have besides {either([_linked(each) for each in SHARED], 'and')}.",
        *(text for each in of_jobs for text in (heading(3, each), prose(MEANINGS[each]))),
        *_in_python(),
    )


def _example() -> str:
    """An answer as the service would give it."""
    answer = problem_response(ModelNotFound("there is no model 'pear'"), request_id="1f3870be274f6c49")
    return json.dumps(json.loads(answer.body), indent=2)


def _linked(name: str) -> str:
    return link(code(name), f"#{anchor(name)}")


def _of_status(status: int, told: list[dict[str, Any]]) -> list[str]:
    blocks = [heading(2, f"{status}: {TITLES[status]}")]
    for each in told:
        if each["status"] == status:
            blocks += [heading(3, each["code"]), prose(each["meaning"])]
            blocks += [f"Of a job: {prose(MEANINGS[each['code']])}"] if each["code"] in MEANINGS else []
            # What to do about it, once the description tells it.
            blocks += [prose(each["remedy"])] if "remedy" in each else []
    return blocks


def _in_python() -> list[str]:
    """The exceptions of the client, and what each ends the command with."""
    kinds = client("errors")
    names = [name for name in client().__all__ if isinstance(getattr(kinds, name, None), type)]
    exceptions = [getattr(kinds, name) for name in names if issubclass(getattr(kinds, name), Exception)]
    rows = [
        [
            link(code(each.__name__), f"client.md#{anchor(each.__name__)}"),
            ", ".join(map(str, _statuses(each))),
            code(int(client("command_line.exits").code_of(each))),
            prose((each.__doc__ or "").split("\n\n")[0]),
        ]
        for each in exceptions
    ]
    lead = (
        "The [Python client](client.md) raises an exception for each kind of answer, with the `code`; the "
        "[command](command-line.md) ends with a number."
    )
    more = (
        "An answer of another status is a `ServiceError`. The command has more "
        "[exit codes](command-line.md#exit-codes)."
    )
    header = ["exception", "statuses", "exit code", "when"]
    return [heading(2, "In Python and in the shell"), lead, table(header, rows), more]


def _statuses(kind: type) -> list[int]:
    return [status for status, known in client("problems").KINDS.items() if known is kind]
