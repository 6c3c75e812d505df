"""The parameters `traces` and `tracesTo`: which share of requests and jobs is recorded, and where spans go.

What records them is in packages only where that share is above 0. Of AWS `providers/aws/traces.js` says the
same.
"""

import os
import re
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Function, Service

LOCK = os.path.join("requirements", "traces.txt")

_SHARE = re.compile(r"0(\.[0-9]{1,6})?|1(\.0{1,6})?")
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_COLLECTOR = re.compile(rf"(https?)://({_HOST})(?::[1-9][0-9]{{0,4}})?(?:/[A-Za-z0-9._~/-]{{0,200}})?")
_ITSELF = ("localhost", "127.0.0.1")
_HEADERS = re.compile(r"[!-~]+=[ -~]*")
_LONGEST_HEADERS = 2_000


class TraceParameters(NamedTuple):
    """What a deployment says of traces.

    Args:
        share: of requests and jobs, those that are recorded; empty where traces are off.
        collector: the address to which OTLP is sent over HTTP.
        headers: what the collector wants to know of who sends: `name=value`, separated by commas.
    """

    share: str = ""
    collector: str = ""
    headers: str = ""

    @property
    def are_recorded(self) -> bool:
        """Whether some are: then packages hold what records."""
        return bool(self.share) and float(self.share) > 0

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the function that answers HTTP: none where traces are off."""
        if not self.share:
            return {}
        sent = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector,
            "OTEL_EXPORTER_OTLP_HEADERS": self.headers,
        }
        return {"ML_TRACES": self.share, **{name: value for name, value in sent.items() if value}}

    @property
    def recording(self) -> dict[str, str]:
        """The variables of the function that works jobs off, which have no ids to answer."""
        return self.settings if self.are_recorded else {}


def trace_parameters(service: Service) -> TraceParameters:
    """What the service's parameters say.

    Raises:
        DeploymentFailed: for a share or an address that is none, or one of them without the other.
    """
    given = (service.provider.get(name) for name in ("traces", "tracesTo", "tracesHeaders"))
    # 0 may come as a number.
    share, collector, headers = ("" if each is None else str(each).strip() for each in given)
    if share and not _SHARE.fullmatch(share):
        raise DeploymentFailed(f"traces: expected a share from 0 to 1, such as 0.1, got {share[:80]!r}")
    parameters = TraceParameters(share, collector)
    found = _COLLECTOR.fullmatch(collector)
    if collector and not found:
        raise DeploymentFailed(
            "tracesTo: expected the address of a collector, such as https://otlp.example.com:4318, "
            f"got {collector[:80]!r}"
        )
    if parameters.are_recorded != bool(collector):
        expected, got = (
            ("the address of a collector beside traces", "none")
            if parameters.are_recorded
            else ("a share above 0 in traces beside it", share or "none")
        )
        raise DeploymentFailed(f"tracesTo: expected {expected}, got {got}")
    if found and headers:
        _check_headers(headers, encrypted=found[1] == "https" or found[2] in _ITSELF)
        return parameters._replace(headers=headers)
    return parameters


def _check_headers(headers: str, *, encrypted: bool) -> None:
    if len(headers) > _LONGEST_HEADERS or not all(map(_HEADERS.fullmatch, headers.split(","))):
        raise DeploymentFailed(
            "tracesTo: expected name=value, separated by commas, in the variable OTEL_EXPORTER_OTLP_HEADERS"
        )
    if not encrypted:
        raise DeploymentFailed(
            "tracesTo: expected https:// beside OTEL_EXPORTER_OTLP_HEADERS, which may be secret, got http://"
        )


def records(function: Function) -> bool:
    """Whether that function records where anything is: it answers, or works jobs off."""
    return not all("schedule" in event for event in function.settings.get("events") or [])
