"""How Google's management APIs are reached: who asks, where, and how patiently.

google-auth and the official clients are imported when they are first needed: a verb takes seconds enough.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from providers.deploying.plan import DeploymentFailed, Progress, patiently
from providers.google.runtime import endpoints

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.auth.transport.requests import AuthorizedSession

Json = dict[str, Any]

TIMEOUT = 60.0
# A control plane that is busy with another deploy is so for minutes.
BUSY = 600.0
LONGEST_OPERATION = 1200.0
LONGEST_CALL = 1800.0
PASSING = {429, 500, 502, 503, 504}
CONFLICT = 409
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Access:
    """Google's management APIs for one project and region, in the name of who deploys."""

    def __init__(
        self,
        project: str,
        region: str,
        env: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.project, self.region = project, region
        self._env = env
        self._sleep = sleep

    @property
    def location(self) -> str:
        """The parent of everything regional."""
        return f"projects/{self.project}/locations/{self.region}"

    @cached_property
    def credentials(self) -> "Credentials":
        """Application default credentials; nobody's, where an endpoint on this machine is asked.

        Raises:
            DeploymentFailed: when there are none.
        """
        import google.auth
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError

        if (endpoints.override("cloudfunctions", self._env) or "").startswith("http://"):
            return AnonymousCredentials()
        try:
            found: Credentials = google.auth.default(scopes=[SCOPE])[0]
        except DefaultCredentialsError as error:
            raise DeploymentFailed(
                "no Google credentials: run `gcloud auth application-default login`"
                " or set GOOGLE_APPLICATION_CREDENTIALS"
            ) from error
        return with_quota(found, self.project)

    @cached_property
    def session(self) -> "AuthorizedSession":
        """An HTTP session that signs."""
        from google.auth.transport.requests import AuthorizedSession

        return AuthorizedSession(self.credentials)

    def options(self, service: str) -> dict[str, str]:
        """An official client's `client_options`."""
        found = endpoints.override(service, self._env)
        return {"api_endpoint": found} if found else {}

    def rest(self, method: str, service: str, path: str, body: Json | None = None) -> Json:
        """One REST call, repeated while its failure is temporary.

        Raises:
            google.api_core.exceptions.GoogleAPICallError: as the official clients do.
        """
        return self.patiently(lambda: self.rest_once(method, service, path, body))

    def rest_or_none(self, method: str, service: str, path: str, body: Json | None = None) -> Json | None:
        """The same, None where there is no such thing."""
        from google.api_core.exceptions import NotFound

        try:
            return self.rest(method, service, path, body)
        except NotFound:
            return None

    def rest_once(self, method: str, service: str, path: str, body: Json | None = None) -> Json:
        """One REST call, tried once."""
        from google.api_core.exceptions import from_http_response

        url = endpoints.url(service, self._env) + path
        answer = self.session.request(method, url, json=body, timeout=TIMEOUT)
        if not answer.ok:
            raise from_http_response(answer)
        document: Json = answer.json() if answer.content else {}
        return document

    def pages(
        self, service: str, path: str, what: str, filtered: str = "", *, size: int = 1000
    ) -> Iterator[Json]:
        """Everything that a listing holds, `size` at a time."""
        fixed = f"pageSize={size}{'&filter=' + quote(filtered) if filtered else ''}"
        query = fixed
        while True:
            page = self.rest("GET", service, f"{path}?{query}")
            yield from page.get(what, [])
            if not page.get("nextPageToken"):
                return
            query = f"{fixed}&pageToken={page['nextPageToken']}"

    def http(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One plain HTTP request to a function: status, headers and body of its answer."""
        import requests

        answer = requests.request(method, url, headers=dict(headers), data=body, timeout=LONGEST_CALL)
        return answer.status_code, {n.lower(): value for n, value in answer.headers.items()}, answer.content

    def upload(self, url: str, data: bytes) -> None:
        """PUT a zip to a signed URL: the signature is in it, an Authorization header would be refused."""
        import requests
        from google.api_core.exceptions import from_http_response

        def once() -> None:
            answer = requests.put(url, data=data, headers={"Content-Type": "application/zip"}, timeout=600)
            if not answer.ok:
                raise from_http_response(answer)

        self.patiently(once)

    def identity_header(self, audience: str) -> dict[str, str]:
        """The header by which a private function knows who calls; none for an endpoint on this machine.

        Raises:
            DeploymentFailed: when the credentials bring no identity.
        """
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2.id_token import fetch_id_token

        if audience.startswith("http://"):
            return {}
        try:
            token = fetch_id_token(Request(), audience)
        except GoogleAuthError:
            # A person's own credentials bring a token of a general audience, which Cloud Run accepts.
            self.credentials.refresh(Request())
            token = getattr(self.credentials, "id_token", None)
        if not token:
            raise DeploymentFailed(
                "calling a private function needs a service account's credentials:"
                " set GOOGLE_APPLICATION_CREDENTIALS"
            )
        return {"authorization": f"Bearer {token}"}

    def patiently[Result](
        self, call: Callable[[], Result], *, conflict_passes: bool = False, patience: float = 120.0
    ) -> Result:
        """Call until it succeeds, while its failures are temporary (see `pause_after`)."""
        pause = partial(pause_after, conflict_passes=conflict_passes)
        return patiently(call, pause, patience=patience, sleep=self._sleep)

    def pause(self, seconds: float) -> float:
        """Wait; the seconds."""
        self._sleep(seconds)
        return seconds

    def turns(self, say: Progress, doing: str) -> Iterator[None]:
        """One turn at once, then with growing pauses, until the longest operation is over."""
        pause, waited, said = 0.1, 0.0, 0.0
        while waited < LONGEST_OPERATION:
            yield
            self._sleep(pause)
            waited += pause
            pause = min(pause * 2, 5.0)
            if waited - said >= 10:
                said = waited
                say(doing)


def pause_after(error: Exception, *, conflict_passes: bool) -> float | None:
    """Seconds to wait after a failure that may pass; None when it is final."""
    from google.api_core.exceptions import GoogleAPICallError
    from requests.exceptions import ConnectionError as Unreachable
    from requests.exceptions import Timeout

    if isinstance(error, Unreachable | Timeout):
        return 0.0
    if not isinstance(error, GoogleAPICallError):
        return None
    passing = error.code in PASSING or _unknown_account(error) or is_new_agent(str(error))
    if not (passing or (conflict_passes and error.code == CONFLICT)):
        return None
    asked = str((getattr(error.response, "headers", None) or {}).get("Retry-After", ""))
    return float(asked) if asked.isdigit() else 0.0


def with_quota(credentials: "Credentials", project: str) -> "Credentials":
    """A person's credentials with the project that their calls count towards (`x-goog-user-project`).

    Several APIs refuse a person's calls that name none. A service account's calls count towards its own
    project.
    """
    from google.oauth2.credentials import Credentials as PersonsCredentials

    if isinstance(credentials, PersonsCredentials) and not credentials.quota_project_id:
        counted: Credentials = credentials.with_quota_project(project)
        return counted
    return credentials


def is_new_agent(said: str) -> bool:
    """Whether an error says that Eventarc's own account is not ready yet, as in a project's first minutes."""
    return "eventarc service agent" in said.lower()


def lacks_rights(said: str) -> bool:
    """Whether a build ended because its account may not do something, or may not yet."""
    told = said.lower()
    return "permission" in told or "does not have" in told or "access denied" in told


def _unknown_account(error: Exception) -> bool:
    """A new service account is not known to every service at once."""
    said = str(error).lower()
    return "service account" in said and ("not exist" in said or "not found" in said)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the clients' errors into one clear line each."""
    from google.api_core.exceptions import Forbidden, GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except Forbidden as error:
        raise DeploymentFailed(
            f"Google refuses: {one_line(error)} (docs/google.md lists the rights)"
        ) from error
    except GoogleAPICallError as error:
        raise DeploymentFailed(f"Google answers {error.code}: {one_line(error)}") from error
    except GoogleAuthError as error:
        raise DeploymentFailed(f"Google does not accept the credentials: {one_line(error)}") from error
    except RequestException as error:
        raise DeploymentFailed(f"Google cannot be reached: {one_line(error)}") from error


def one_line(error: object) -> str:
    """An error's message, shortened to a line."""
    message = getattr(error, "message", None) or str(error)
    return " ".join(str(message).split())[:500]
