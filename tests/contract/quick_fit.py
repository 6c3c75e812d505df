"""Stands in for the fitting process where a test is about what surrounds it: starts in a few milliseconds.

The request, or the first line of the data, says what to do:

    {"phase": name, "sleep": seconds, "say": text, "kill": signal, "status": n, "error": {...},
     "print": text, "allocate": bytes}

and {"victim": "fit" or "trainer", "at": step, "marker": path} kills one of the two at a step: the first time,
or every time without a marker.
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
artifact = b"artifact of " + request + digest
with open(os.path.join(folder, "artifact"), "wb") as made:
    made.write(artifact[:10])
    made.flush()
    reach("half")
    made.write(artifact[10:])
reach("artifact")
with open(os.path.join(folder, "manifest.json"), "w") as told:
    json.dump({"algorithm": "quick", "metrics": {"training": {"loss": 0.5}}, "warnings": ["quick"]}, told)
reach("manifest")
