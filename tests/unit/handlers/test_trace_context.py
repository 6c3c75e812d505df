"""Where a request belongs to in a trace: what comes in, what is answered and what is logged."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.settings import SettingInvalid
from handlers.tracing.context import below, incoming, share_of
from tests.unit.handlers.conftest import IRIS, services_over

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
ANSWERED = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")

# As the recommendation's own tests have them: https://github.com/w3c/trace-context
MALFORMED = {
    "empty": "",
    "a word": "yes",
    "no flags": f"00-{TRACE}-{SPAN}",
    "short flags": f"00-{TRACE}-{SPAN}-1",
    "more behind version 00": f"{PARENT}-what",
    "more behind version 00, without a hyphen": f"{PARENT}.what",
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "a later version that goes on without a hyphen": f"cc-{TRACE}-{SPAN}-01.what",
    "no version": f".0-{TRACE}-{SPAN}-01",
    "upper case": f"00-{TRACE.upper()}-{SPAN}-01",
    "a trace of zeros": f"00-{'0' * 32}-{SPAN}-01",
    "a span of zeros": f"00-{TRACE}-{'0' * 16}-01",
    "a short trace": f"00-{TRACE[:-1]}-{SPAN}-01",
    "a long trace": f"00-{TRACE}0-{SPAN}-01",
    "no hex": f"00-{TRACE[:-1]}g-{SPAN}-01",
    "digits of other scripts": f"00-{TRACE[:-1]}\u0663-{SPAN}-01",
    "two of them": f"{PARENT}, {PARENT}",
    "a line more": f"{PARENT}\nx: y",
}


@pytest.mark.parametrize("told", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_ignored(told: str) -> None:
    assert incoming({"traceparent": told, "tracestate": "a=1"}) is None


READ = ("00-{}-{}-01", " 00-{}-{}-01 ", "00-{}-{}-00", "00-{}-{}-ff", "cc-{}-{}-01", "cc-{}-{}-01-what")


@pytest.mark.parametrize("told", [form.format(TRACE, SPAN) for form in READ])
def test_what_can_be_read_is(told: str) -> None:
    found = incoming({"traceparent": told})
    assert found is not None
    assert (found.trace_id, found.span_id, found.state) == (TRACE, SPAN, "")


STATES = {
    "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    "foo=1 , \tbar=2": "foo=1,bar=2",
    "foo=1,,bar=2": "foo=1,bar=2",
    "fw529a3039@dt=FfffFfff": "fw529a3039@dt=FfffFfff",
    "foo@=1": "",
    "@foo=1": "",
    "foo@@bar=1": "",
    "foo bar=1": "",
    "FOO=1": "",
    "foo": "",
    "foo=": "",
    "foo=bar=baz": "",
    "foo=1,foo=2": "",
    "foo=caf\u00e9": "",
    "foo=1\r\nset-cookie: x": "",
    ",".join(f"k{number}=1" for number in range(32)): ",".join(f"k{number}=1" for number in range(32)),
    ",".join(f"k{number}=1" for number in range(33)): "",
    "a=" + "x" * 256: "a=" + "x" * 256,
    "a=" + "x" * 257: "",
    "a" * 257 + "=1": "",
    "a" * 241 + "@" + "b" * 14 + "=1": "a" * 241 + "@" + "b" * 14 + "=1",
    "a" * 242 + "@b=1": "",
    "": "",
}


@pytest.mark.parametrize(("came", "passed"), STATES.items())
def test_the_state_is_passed_on_whole_or_not_at_all(came: str, passed: str) -> None:
    found = incoming({"traceparent": PARENT, "tracestate": came})
    assert found is not None
    assert found.state == passed


def test_a_place_below_is_a_new_one_in_the_same_trace() -> None:
    above = incoming({"traceparent": PARENT, "tracestate": "a=1"})
    one, other = below(above), below(above)
    assert {one.trace_id, other.trace_id} == {TRACE}
    assert len({one.span_id, other.span_id, SPAN}) == 3
    assert one.state == "a=1"
    assert below(None).trace_id != below(None).trace_id


@pytest.mark.parametrize(("text", "share"), [("off", None), ("0", 0.0), ("0.25", 0.25), ("1", 1.0)])
def test_the_setting_is_a_share(text: str, share: float | None) -> None:
    assert share_of(text) == share


@pytest.mark.parametrize("text", ["on", "-0.1", "1.1", "nan", "inf", "OFF", "10%"])
def test_another_setting_is_one_clear_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingInvalid, match=r"ML_TRACES is .*: `off` or a number from 0 to 1 is expected"):
        services_over(tmp_path, ML_TRACES=text)


def _asked(api: Api, **headers: Any) -> Response:
    body = json.dumps({"instances": IRIS}).encode()
    told = {"content-type": "application/json", **headers}
    return api.handle(Request("POST", "/v1/models/iris:predict", {}, told, body, "r1"))


def _logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return line


def test_where_traces_are_off_nothing_is_answered_or_logged(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _asked(Api(services_over(trained)), traceparent=PARENT, tracestate="a=1", baggage="user=me")
    assert answer.status == 200
    assert not {"traceparent", "tracestate", "baggage"} & set(answer.headers)
    assert "trace_id" not in _logged(capsys)


def test_an_answer_and_its_line_in_the_log_say_which_trace(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(services_over(trained, ML_TRACES="0"))
    answer = _asked(api, traceparent=PARENT, tracestate="a=1", baggage="user=me")
    found = ANSWERED.fullmatch(answer.headers["traceparent"])
    assert found is not None
    assert found[1] == TRACE
    assert found[2] != SPAN
    assert found[3] == "00"  # whatever the caller's flag is
    assert answer.headers["tracestate"] == "a=1"
    assert "baggage" not in answer.headers
    assert _logged(capsys)["trace_id"] == TRACE


def test_a_request_without_a_trace_begins_one(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api = Api(services_over(trained, ML_TRACES="0"))
    answers = [_asked(api, traceparent="00-nonsense", tracestate="a=1") for _ in range(2)]
    traces = [answer.headers["traceparent"].split("-")[1] for answer in answers]
    assert traces[0] != traces[1]
    assert "tracestate" not in answers[0].headers
    assert _logged(capsys)["trace_id"] == traces[1]


@pytest.mark.parametrize("headers", [None, {"traceparent": 7}, {"traceparent": None}, ["traceparent"]])
def test_an_event_of_no_gateway_is_refused_all_the_same(trained: Path, headers: Any) -> None:
    api = Api(services_over(trained, ML_TRACES="0"))
    assert api.handle(Request("GET", "/", {}, headers, b"", "r1")).status == 400


def test_nothing_of_it_is_imported_where_traces_are_off(trained: Path) -> None:
    program = """
import sys
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request
from handlers.settings import read_settings
api = Api(folder_services(read_settings({"ML_ROOT": sys.argv[1]}), None))
headers = {"traceparent": sys.argv[2], "content-type": "application/json"}
body = b'{"instances": [[1, 2, 3, 4]]}'
assert api.handle(Request("POST", "/v1/models/iris:predict", {}, headers, body, "r")).status == 200
assert not [name for name in sys.modules if name.startswith(("handlers.tracing", "opentelemetry"))]
"""
    subprocess.run(
        [sys.executable, "-c", program, str(trained), PARENT],
        check=True, timeout=60, cwd=Path(__file__).parents[3],
    )  # fmt: skip
