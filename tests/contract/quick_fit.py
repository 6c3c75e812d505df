"""Stands in for the fitting process where a test is about what surrounds it: starts in a few milliseconds.

The request says what to do: {"sleep": seconds, "kill": signal, "status": n, "error": {...}, "print": text}
"""

import json
import os
import sys
import time

folder = sys.argv[1]
with open(os.path.join(folder, "request"), "rb") as file:
    request = json.load(file)
print(json.dumps({"phase": "fitting", "percentage": 50.0}), flush=True)
if "print" in request:
    print(request["print"], flush=True)
time.sleep(request.get("sleep", 0))
if "kill" in request:
    os.kill(os.getpid(), request["kill"])
if "status" in request:
    sys.exit(request["status"])
if "error" in request:
    with open(os.path.join(folder, "error.json"), "w") as file:
        json.dump(request["error"], file)
    sys.exit()
with open(os.path.join(folder, "artifact"), "wb") as file:
    file.write(b"artifact of " + json.dumps(request).encode())
with open(os.path.join(folder, "manifest.json"), "w") as file:
    json.dump({"algorithm": "quick", "metrics": {"training": {"loss": 0.5}}, "warnings": ["quick"]}, file)
