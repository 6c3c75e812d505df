"""A shell and a Python that stay open while a page is followed, as a reader's do."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

# `curl` fails where the service refuses: a reader would see the problem, a script must too.
_PRELUDE = """
set -u -o pipefail
curl() {
    case " $* " in
        *" -f "* | *" -sf "*) command curl "$@" ;;
        *) command curl --fail-with-body "$@" ;;
    esac
}
"""
_READER = """
import io, json, sys, traceback
names = {"__name__": "__main__"}
said = sys.stdout
for line in sys.stdin:
    where, program = json.loads(line)
    try:
        printed = sys.stdout = io.StringIO()
        exec(compile(program, where, "exec"), names)
        failure = ""
    except BaseException:
        failure = traceback.format_exc()
    said.write(json.dumps([failure, printed.getvalue()]) + "\\n")
    said.flush()
"""
_LIMIT = 300.0  # seconds for a command at a terminal
# A shell at a terminal of its own, also as /dev/tty: there commands ask, and print for people.
_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(["bash", "-c", sys.argv[1]])))
"""
_ASKS = re.compile(r"\[y/N\] ?$")


class Failed(AssertionError):
    """What a page says does not work."""


class Session:
    """A bash, and the first `python` on its path once a program comes. Leaving the `with` ends both."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._python: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Session":
        self._output = tempfile.TemporaryFile("w+")
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            text=True,
        )
        self._type(_PRELUDE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in filter(None, (self._python, self._shell)):
            process.kill()
            process.communicate()
        self._output.close()

    def run(self, command: str, *, may_fail: bool = False) -> str:
        """Type a command; what it printed. Raises `Failed` where its status is not 0."""
        status, output = self._type(command)
        if status and not may_fail:
            raise Failed(f"$ {command}\n{output}\n{self._errors()}\nended with {status}")
        return output

    def environment(self) -> dict[str, str]:
        """The variables that the shell exports by now."""
        _, written = self._type("env -0 | base64 -w 0")
        return dict(each.split("=", 1) for each in _decoded(written).split("\0") if "=" in each)

    def at_a_terminal(self, command: str, answers: Sequence[str] = ()) -> str:
        """Type a command at a terminal and answer what it asks; what is read there. Raises `Failed`."""
        with subprocess.Popen(
            [sys.executable, "-c", _TERMINAL, command],
            cwd=self._type("pwd")[1].strip(),
            env={**self.environment(), "TERM": "dumb"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            limit = threading.Timer(_LIMIT, running.kill)  # it may ask what nobody answers
            limit.start()
            waiting, printed = list(answers), ""
            while came := os.read(running.stdout.fileno(), 65536).decode(errors="replace"):
                printed += came
                if waiting and _ASKS.search(printed):
                    running.stdin.write(f"{waiting.pop(0)}\n".encode())
                    running.stdin.flush()
            limit.cancel()
        if running.returncode:
            raise Failed(f"$ {command}\n{printed}\nended with {running.returncode}")
        return printed.replace("\r", "")

    def execute(self, program: str, where: str) -> str:
        """Execute a program, with the names that those before it have made; what it printed.

        Raises `Failed`.
        """
        if self._python is None:
            environment = self.environment()
            self._python = subprocess.Popen(
                ["python", "-c", _READER],
                cwd=self._type("pwd")[1].strip(),
                env=environment,
                executable=_first("python", environment["PATH"]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._output,
                text=True,
            )
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps([where, program]) + "\n")
        self._python.stdin.flush()
        answer = self._python.stdout.readline()
        failure, printed = json.loads(answer) if answer else (f"Python ended: {self._errors()}", "")
        if failure:
            raise Failed(f"{where}\n{program}\n{failure}")
        return str(printed)

    def _type(self, command: str) -> tuple[int, str]:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        mark = "--that was it--"
        self._shell.stdin.write(f"{command}\n__status=$?; printf '\\n%s %s\\n' '{mark}' $__status\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(mark):
                return int(line.split()[-1]), "".join(lines)
            lines.append(line)
        raise Failed(f"the shell ended at: {command}\n{self._errors()}")

    def _errors(self) -> str:
        self._output.seek(0)
        return self._output.read()[-4000:]


def _first(program: str, path: str) -> str:
    for folder in path.split(os.pathsep):
        if os.access(os.path.join(folder, program), os.X_OK):
            return os.path.join(folder, program)
    raise Failed(f"there is no {program} on {path}")


def _decoded(written: str) -> str:
    import base64

    return base64.b64decode(written.strip()).decode()
