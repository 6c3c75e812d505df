"""What ends a process with its parent."""

import signal
from contextlib import suppress


def be_killed_with_parent() -> None:
    """Have the system kill this process when its parent ends: no long calculation can hold that up."""
    import ctypes

    set_parent_death_signal = 1
    with suppress(AttributeError, OSError):  # Linux has it
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
