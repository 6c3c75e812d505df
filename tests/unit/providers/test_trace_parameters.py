"""What may be said of traces when a service is deployed: the same on every cloud."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from providers.deploying import packages
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Function
from providers.deploying.tracing import LOCK, TraceParameters, records, trace_parameters

COLLECTOR = "https://otlp.example.com:4318"
SHARES = ["0.5", "1", "0.000001", "1.0", "0.10"]
NO_SHARES = ["1.5", "-1", "yes", "off", ".5", "0,5", "1e-3", "nan", "0.0000001", "\u0661"]
COLLECTORS = [COLLECTOR, "http://127.0.0.1:4318", "http://collector/v1", "https://a-b.example.com/otlp/x_~.y"]
NO_COLLECTORS = [
    *["otlp.example.com", "ftp://a.example.com", "https://", "https://u:p@example.com", "https://a.example.com?q"],
    *["https://a.example.com:0", "https://a.example.com/ü", "https://a.example.com/a b", "https://-a", "https://a#b"],
]  # fmt: skip
HEADERS = ["api-key=secret", "a=1,b=2", "authorization=Basic%20eA=="]
NO_HEADERS = ["secret", "a=1,,b=2", "=1", "a=\x7f", f"a={'x' * 2000}"]
FAULTS = """
const { faultOf } = require('./providers/aws/options.js');
const good = { region: 'eu-central-1', architecture: 'x86_64', apiConcurrency: '20', trainConcurrency: '3',
  requestsPerSecond: '50', requestBurst: '100', trainHours: '12', monitoringDays: '90', auditDays: '365' };
const none = { alarms: '', alarmEmail: '', dashboard: '', accessLogs: '', warmInstances: '0',
  access: 'public', ingress: 'all', subnets: '', securityGroups: '', encryptionKey: '', dataKeys: '',
  tags: '', engines: '', onnx: '', onnxMemory: '2048',
  onnxConcurrency: '10', engineMemory: '1769', engineWorkers: '100', runtimeClient: 'aws' };
const given = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(given.map((each) => faultOf({ ...none, ...each }, good) || null)));
"""


class Provider:
    """A service, of which only its provider's members are looked at."""

    def __init__(self, **provider: Any) -> None:
        self.provider = provider


def said(traces: object, to: object = "", headers: object = "") -> TraceParameters:
    return trace_parameters(Provider(traces=traces, tracesTo=to, tracesHeaders=headers))  # type: ignore[arg-type]


def on_aws(*given: tuple[str, str], headers: str = "") -> list[str | None]:
    """What the plugin has against pairs of parameters."""
    texts = [{"traces": share, "tracesTo": to} for share, to in given]
    ran = subprocess.run(
        ["node", "-e", FAULTS], cwd=packages.ROOT, input=json.dumps(texts), capture_output=True, text=True,
        check=True, timeout=60, env={**os.environ, "OTEL_EXPORTER_OTLP_HEADERS": headers},
    )  # fmt: skip
    return [each and ": ".join(each) for each in json.loads(ran.stdout)]


def elsewhere(share: str, to: str, headers: str = "") -> str | None:
    """What the other clouds have against a pair of parameters."""
    try:
        said(share, to, headers)
    except DeploymentFailed as error:
        return str(error)
    return None


def alike(text: str | None) -> str | None:
    """A sentence as both languages say it: they quote what they got in ways of their own."""
    return text and text.partition("got ")[0]


def test_off_and_ids_alone_take_no_collector() -> None:
    assert said("") == said(None) == TraceParameters()
    assert (said("").settings, said("").recording) == ({}, {})
    assert said("0") == said(0) == TraceParameters("0")
    assert (said("0").settings, said(0).recording) == ({"ML_TRACES": "0"}, {})
    assert not said("").are_recorded
    assert not said("0", "", "api-key=x").settings.keys() - {"ML_TRACES"}


@pytest.mark.parametrize("share", SHARES)
def test_a_share_is_recorded_and_sent(share: str) -> None:
    sent = {
        "ML_TRACES": share,
        "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret",
    }
    found = said(share, COLLECTOR, "api-key=secret")
    assert found.are_recorded
    assert found.settings == found.recording == sent
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in said(share, COLLECTOR).settings


@pytest.mark.parametrize("share", NO_SHARES)
def test_what_is_no_share_is_refused(share: str) -> None:
    with pytest.raises(DeploymentFailed, match="traces: expected a share from 0 to 1"):
        said(share, COLLECTOR)


@pytest.mark.parametrize("to", NO_COLLECTORS)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(DeploymentFailed, match="tracesTo: expected the address of a collector, such as"):
        said("0.5", to)


def test_one_does_not_go_without_the_other() -> None:
    with pytest.raises(DeploymentFailed, match="the address of a collector beside traces, got none"):
        said("0.5")
    for share in ("", "0", "0.0"):
        with pytest.raises(DeploymentFailed, match="a share above 0 in traces beside it"):
            said(share, COLLECTOR)


@pytest.mark.parametrize("headers", NO_HEADERS)
def test_headers_that_cannot_be_are_refused_and_not_shown(headers: str) -> None:
    with pytest.raises(DeploymentFailed, match="in the variable OTEL_EXPORTER_OTLP_HEADERS") as refused:
        said("1", COLLECTOR, headers)
    assert "secret" not in str(refused.value)


def test_headers_go_over_no_open_line() -> None:
    with pytest.raises(DeploymentFailed, match="expected https://"):
        said("1", "http://otlp.example.com:4318", HEADERS[0])
    assert said("1", "http://localhost:4318", HEADERS[0]).headers == HEADERS[0]


def test_the_plugin_of_aws_says_the_same() -> None:
    pairs = [
        *((share, COLLECTOR) for share in [*SHARES, *NO_SHARES]),
        *(("0.5", to) for to in [*COLLECTORS, *NO_COLLECTORS, ""]),
        *(("", ""), ("0", ""), ("", COLLECTOR), ("0", COLLECTOR)),
    ]
    assert [alike(each) for each in on_aws(*pairs)] == [alike(elsewhere(*pair)) for pair in pairs]
    assert on_aws(*((share, COLLECTOR) for share in SHARES)) == [None] * len(SHARES)
    for headers in [*HEADERS, *NO_HEADERS]:
        asked = [("1", COLLECTOR), ("1", "http://collector"), ("1", "http://127.0.0.1:4318"), ("0", "")]
        found = on_aws(*asked, headers=headers)
        assert [alike(each) for each in found] == [alike(elsewhere(*pair, headers)) for pair in asked]


def test_who_answers_and_who_works_jobs_off_records_and_no_sweep() -> None:
    events = {"api": [{"http": "public"}], "train": [{"queue": "tasks"}], "sweep": [{"schedule": "*"}]}
    found = {name: records(Function(name, "", {"events": each})) for name, each in events.items()}
    assert found == {"api": True, "train": True, "sweep": False}


@pytest.mark.parametrize("lock", ["requirements.txt", *(f"requirements/{name}.txt" for name in (
    *("train", "google-api", "google-train", "azure-api", "azure-train", "lithops-functions"),
))])  # fmt: skip
def test_what_packages_share_with_what_records_is_pinned_alike(lock: str) -> None:
    root = Path(packages.ROOT)
    held, traced = packages.locked(str(root / lock)), packages.locked(str(root / LOCK))
    shared = held.keys() & traced.keys()
    assert {name: _pin(held[name]) for name in shared} == {name: _pin(traced[name]) for name in shared}
    together = packages.combined(str(root / lock), str(root / LOCK))
    assert len([line for line in together.splitlines() if not line.startswith(" ")]) == len(held | traced)
    for name, entry in held.items():
        assert name in traced or entry in together, name
    for name, entry in traced.items():
        assert entry in together, name


def _pin(entry: str) -> str:
    return entry.partition(" ")[0]
