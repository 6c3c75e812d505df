"""Stands in for the fitting process where a test is about what surrounds it: starts in a few milliseconds.

The request, or the first line of the data, says what to do:

    {"phase": name, "sleep": seconds, "say": text, "kill": signal, "status": n, "error": {...},
     "print": text, "allocate": bytes}

A request to score ends with a result, and leaves no artifact.

And {"victim": "fit" or "trainer", "at": step, "marker": path} kills one of the two at a step: the first time,
or every time without a marker.

With {"steps": n} it fits in so many steps, each of which has a checkpoint, as a longer fit does:

    {"steps": n, "per_delivery": steps after which it leaves the rest to another fit,
     "hang": a step after whose checkpoint it goes on for ever, "stuck": whether no step is saved}

Its places to be killed are then "step" and "saved" with the step's number, too, and "each": after the first
step of every delivery but the last.
"""

import hashlib
import json
import os
import signal
import sys
import time

folder = sys.argv[1]
with open(os.path.join(folder, "request"), "rb") as file:
    request = file.read()
table = os.path.join(folder, "data")
wanted = json.loads(request)
digest = b""
if os.path.exists(table):
    with open(table, "rb") as file:
        wanted = json.loads(file.readline())
        file.seek(0)
        digest = hashlib.sha256(file.read()).hexdigest().encode()


def reach(step: str) -> None:
    """Kill who is to be killed at this step."""
    if wanted.get("at") == step and not os.path.exists(wanted.get("marker", "")):
        if "marker" in wanted:
            with open(wanted["marker"], "w"):
                pass
        os.kill(os.getpid() if wanted["victim"] == "fit" else os.getppid(), signal.SIGKILL)


reach("start")
print(json.dumps({"phase": wanted.get("phase", "fitting"), "percentage": 50.0}), flush=True)
reach("fitting")
if "print" in wanted:
    print(wanted["print"], flush=True)
time.sleep(wanted.get("sleep", 0))
if "allocate" in wanted:
    try:
        held = b"x" * wanted["allocate"]
    except MemoryError:
        wanted["error"] = {"code": "out_of_memory"}
if "say" in wanted:
    print(wanted["say"], file=sys.stderr, flush=True)
if "kill" in wanted:
    os.kill(os.getpid(), wanted["kill"])
if "status" in wanted:
    sys.exit(wanted["status"])
if "error" in wanted:
    with open(os.path.join(folder, "error.json"), "w") as told:
        json.dump(wanted["error"], told)
    sys.exit()


def take_steps(steps: int) -> str:
    """What is computed is a chain of digests, which tells whether a step was left out or done twice."""
    path, step, told = os.path.join(folder, "checkpoint"), 0, []
    chain = hashlib.sha256(request).hexdigest()
    if os.path.exists(path):
        with open(path, "rb") as file:
            told, (step, chain) = json.loads(file.readline())["history"], json.loads(file.read())
    began = step
    while step < steps:
        if step - began == wanted.get("per_delivery"):
            with open(os.path.join(folder, "error.json"), "w") as out:
                json.dump({"code": "unfinished", "message": f"continues at step {step} of {steps}"}, out)
            sys.exit()
        step += 1
        reach(f"step{step}")
        chain = hashlib.sha256(f"{chain}{step}".encode()).hexdigest()
        told.append({"done": step, "of": steps, "loss": 1 / step})
        said = {"phase": "fitting", "percentage": 100 * step / steps, "reached": told[-1]}
        print(json.dumps(said), flush=True)
        if not wanted.get("stuck"):
            with open(f"{path}~", "wb") as unfinished:
                unfinished.write(json.dumps({"history": told}).encode() + b"\n")
                unfinished.write(json.dumps([step, chain]).encode())
            os.replace(f"{path}~", path)
        reach(f"saved{step}")
        if step == began + 1 < steps:
            reach("each")
        time.sleep(wanted.get("pause", 0))
        if step == wanted.get("hang"):
            time.sleep(600)
    metrics["history"] = told
    return chain


metrics: dict[str, object] = {"training": {"loss": 0.5}}
if "steps" in wanted:
    digest += take_steps(wanted["steps"]).encode()
if "score" in wanted:
    with open(os.path.join(folder, "scored.json"), "w") as told:
        json.dump({"result": {"rows": 1}}, told)
    sys.exit()
artifact = b"artifact of " + request + digest
with open(os.path.join(folder, "artifact"), "wb") as made:
    made.write(artifact[:10])
    made.flush()
    reach("half")
    made.write(artifact[10:])
reach("artifact")
with open(os.path.join(folder, "manifest.json"), "w") as told:
    json.dump({"algorithm": "quick", "metrics": metrics, "warnings": ["quick"]}, told)
reach("manifest")
