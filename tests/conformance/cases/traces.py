"""Which trace a request belongs to, of a service that records none of them (`ML_TRACES=0`)."""

from typing import Any

from tests.conformance.case import NOBODY, Case, call, get, post
from tests.conformance.comparison import PARENT, TRACE

HERE = f"00-{TRACE}-{PARENT}"
BAGGAGE = "user=somebody,secret=of-somebody"
MOST_STATE = ",".join(f"k{number}=v" for number in range(32))


def traced(name: str, traceparent: str = f"{HERE}-00", *, state: str = "", **headers: str) -> Case:
    """A request whose answer is in the caller's trace."""
    told = {"traceparent": traceparent, **headers}
    return get(name, "/v1/algorithms", headers=told, web=True, traced=True, state=state)


def untraced(name: str, **headers: str) -> Case:
    """A request whose answer begins a trace."""
    return get(name, "/v1/algorithms", headers=headers, web=True)


def within(**more: Any) -> Any:
    return {"headers": {"traceparent": f"{HERE}-01"}, "web": True, "traced": True, **more}


BROKEN = {
    "of no form": "nonsense",
    "empty": "",
    "without flags": HERE,
    "with a short trace": f"00-{TRACE[1:]}-{PARENT}-01",
    "with a short span": f"00-{TRACE}-{PARENT[1:]}-01",
    "with one flag": f"{HERE}-1",
    "in capitals": f"00-{TRACE.upper()}-{PARENT}-01",
    "of no trace": f"00-{'0' * 32}-{PARENT}-01",
    "of no span": f"00-{TRACE}-{'0' * 16}-01",
    "of the version that there is none of": f"ff-{TRACE}-{PARENT}-01",
    "of this version with more behind it": f"{HERE}-01-more",
    "of another version with more that is not set off": f"01-{TRACE}-{PARENT}-01more",
    "with other signs": f"00-{TRACE[1:]}g-{PARENT}-01",
    "that comes twice": f"{HERE}-01,{HERE}-01",
}
BROKEN_STATES = {
    "without a value": "a",
    "with an upper key": "A=1",
    "with a key twice": "a=1,a=2",
    "with more members than there may be": f"{MOST_STATE},k32=v",
    "that is too long": f"a={'x' * 256},b={'x' * 254}",
    "with an equals sign in a value": "a=b=c",
}

CASES = [
    untraced("a request of no trace"),
    traced("a request of a trace"),
    traced("the flag of a stranger", f"{HERE}-01"),
    traced("all flags of a stranger", f"{HERE}-ff"),
    traced("a later version", f"01-{TRACE}-{PARENT}-01"),
    traced("a later version with more", f"cc-{TRACE}-{PARENT}-01-what-comes"),
    traced("the state goes on", tracestate="congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", state=
           "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
    traced("the state's spaces and empty members do not", tracestate="a=1 ,, b=2", state="a=1,b=2"),
    traced("a state of many tenants", tracestate="fw529a3039@dt=FfAiAA", state="fw529a3039@dt=FfAiAA"),
    traced("as many members as there may be", tracestate=MOST_STATE, state=MOST_STATE),
    traced("an empty state", tracestate=""),
    *[traced(f"a state {what}", tracestate=state) for what, state in BROKEN_STATES.items()],
    traced("baggage is dropped", baggage=BAGGAGE),
    untraced("baggage of no trace is dropped", baggage=BAGGAGE),
    untraced("a state of no trace", tracestate="a=1"),
    *[untraced(f"a trace {what}", traceparent=told, tracestate="a=1") for what, told in BROKEN.items()],
    get("no model", "/v1/models/nobody", 404, code="model_not_found", **within()),
    get("no path", "/nowhere", 404, code="route_not_found", **within()),
    get("no key", "/v1/models", 401, code="unauthenticated", **within(key=NOBODY)),
    call("no method", "PATCH", "/v1/models", 405, {}, code="method_not_allowed", **within()),
    call("the head", "HEAD", "/v1/algorithms", 200, **within()),
    call("OPTIONS", "OPTIONS", "/v1/models", 204, **within(key=NOBODY)),
    get("health", "/", **within(key=NOBODY)),
    get("below the base path", "/ml/v1/algorithms", **within()),
    post("a prediction of no model", "/v1/models/nobody:predict", {"instances": [[1]]}, 404,
         code="model_not_found", **within()),
    post("what cannot be read", "/v1/models/nobody:train", b"{", 400, code="malformed_input", **within()),
    get("a service without traces", "/v1/algorithms", headers={"traceparent": f"{HERE}-01"}),
]  # fmt: skip
