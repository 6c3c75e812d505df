"""A program of children that write down what they find in their process, and leave nothing as it was."""

import gc
import json
import locale
import os
import random
import resource
import signal
import sys
import threading
import time
import warnings


def prepare(kind: str) -> None:
    """Import what children use; of kind `slow` it takes for ever."""
    import numpy.random  # noqa: F401 - for the children

    if kind == "slow":
        time.sleep(600)


def main(folder: str, module_paths: list[str]) -> None:
    """Tell, then spoil."""
    if module_paths:
        sys.path[:] = module_paths
    prepare("")
    found = _found()
    with open(os.path.join(folder, "found"), "w", encoding="utf-8") as file:
        json.dump(found, file)
    _spoil(folder)
    if os.path.exists(os.path.join(folder, "hang")):
        print("hanging", flush=True)
        time.sleep(600)


def _found() -> dict[str, object]:
    import numpy as np

    umask = os.umask(0)
    os.umask(umask)
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": umask,
        "paths": [path for path in sys.path if path],
        "locale": locale.setlocale(locale.LC_ALL),
        "filters": [repr(each) for each in warnings.filters],
        "files": sorted(
            os.readlink(f"/proc/self/fd/{each}").partition(":")[0]
            for each in os.listdir("/proc/self/fd")
            if os.path.lexists(f"/proc/self/fd/{each}")
        ),
        "inherited": [os.get_inheritable(each) for each in range(3)],
        "threads": threading.active_count(),
        "tasks": len(os.listdir("/proc/self/task")),
        "signals": [repr(signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)],
        "masked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "limits": [resource.getrlimit(each) for each in (resource.RLIMIT_DATA, resource.RLIMIT_NOFILE)],
        "leads": os.getsid(0) == os.getpid() == os.getpgid(0),
        "collects": gc.isenabled(),
        "recursion": sys.getrecursionlimit(),
        "errors": np.geterr(),
        "spoilt": hasattr(np, "spoilt"),
        "random": [random.random(), float(np.random.rand()), os.urandom(8).hex()],  # noqa: S311
    }


def _spoil(folder: str) -> None:
    import numpy as np

    os.environ["SPOILT"] = "yes"
    os.environ.pop("PATH", None)
    os.umask(0o777 if os.umask(0) else 0)
    sys.path.append("/spoilt")
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    warnings.simplefilter("error")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 500)
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    gc.disable()
    sys.setrecursionlimit(5_000)
    np.seterr(all="ignore")
    np.spoilt = True  # type: ignore[attr-defined]
    random.seed(1)
    np.random.seed(1)
    os.chdir("/")
    os.open(os.path.join(folder, "found"), os.O_RDONLY)
