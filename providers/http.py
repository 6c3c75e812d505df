"""One HTTP call, for the small protocols of the clouds that are not worth an SDK at cold start."""

from typing import NamedTuple

from ml_core.errors import Unavailable

TIMEOUT_SECONDS = 10.0
TRIES = 4
# 408, 429 and the 5xx ask to come again; everything else is an answer.
PASSING = (408, 429, 500, 502, 503, 504)


class Answer(NamedTuple):
    """Status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes


def call(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
    """Send a request that may be repeated, again while the answer is of the passing kind.

    Raises:
        Unavailable: when nothing answers, or the last try is still refused with a passing status.
    """
    import random
    import time

    for attempt in range(1, TRIES + 1):
        try:
            answer = _once(method, url, headers, body)
        except OSError as error:
            refusal = f"no answer from {url.partition('?')[0]}: {error}"
        else:
            if answer.status not in PASSING:
                return answer
            refusal = f"{url.partition('?')[0]} answered {answer.status}"
        if attempt < TRIES:
            time.sleep(0.1 * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
    raise Unavailable(refusal)


def _once(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    except http.client.HTTPException as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
