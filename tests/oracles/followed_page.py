"""A page for who comes from elsewhere, followed in the environment of what they come from."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from documenting.pages import ROOT
from tests.pages.marks import KINDS
from tests.pages.reading import PYTHON, Block, blocks
from tests.pages.session import Session

HERE = "run by tests/oracles/test_coming_from.py"
_FILE = re.compile(r"# \w+: (\w+\.py)\n")  # the first line of a program that is a file of its own
_LONG = 120  # seconds until a server of theirs answers
_OWN_SETTINGS = ("MLFLOW_", "BENTOML_", "SERVERLESS_ML_")


class Source(NamedTuple):
    """Where a reader comes from.

    Args:
        page: written for them.
        tool: the environment in .tools/ that has what they come from, and our client.
        serves: how the command begins that starts their server.
        port: which the page says; another one is taken here.
        health: where that server says that it is ready.
    """

    page: str
    tool: str
    serves: str
    port: int
    health: str


class FollowedPage:
    """The page's blocks of theirs, and ours that take their library; leaving the `with` ends their server.

    Args:
        source: the page, and what it takes.
        folder: where to work; it also stands for the reader's home.
        service: the address of ours.
    """

    def __init__(self, source: Source, folder: Path, service: str) -> None:
        self._source = source
        self._folder = folder / "work"
        self._port = _free_port()
        self._log = folder / "their-server.log"
        self._server: subprocess.Popen[bytes] | None = None
        programs = ROOT / ".tools" / source.tool / "bin"
        assert (programs / "serverless-ml").exists(), (
            f"make .tools/{source.tool}.ready, with the client in it"
        )
        kept = {name: each for name, each in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
        self._environment = {
            **kept,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "SERVERLESS_ML_URL": service,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "BENTOML_DO_NOT_TRACK": "True",
        }

    def __enter__(self) -> "FollowedPage":
        self._folder.mkdir()
        (self._folder / "examples").symlink_to(ROOT / "examples")
        found = [
            each
            for each in blocks(self._source.page)
            if each.mark == HERE or each.mark.startswith(KINDS["theirs"])
        ]
        assert {each.mark == HERE for each in found} == {True, False}, f"{self._source.page} lacks blocks"
        try:
            with Session(self._folder, self._environment) as session:
                for block in found:
                    self._run(block, session)
            assert self._server is not None, f"{self._source.page} starts no server of theirs"
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, path: str, body: Any) -> Any:
        """What their server answers to JSON."""
        url = f"http://127.0.0.1:{self._port}{path}"
        headers = {"Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url} {body}: {error.read().decode()}") from None

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """The bodies of JSON that the page's own commands send to a path."""
        sent = [
            shlex.split(command.text)
            for block in blocks(self._source.page)
            if not block.mark and block.language != PYTHON
            for command in block.commands
            if path in command.text
        ]
        return [json.loads(words[words.index("-d") + 1]) for words in sent]

    def _run(self, block: Block, session: Session) -> None:
        text = re.sub(rf"localhost:{self._source.port}\b", f"127.0.0.1:{self._port}", block.text)
        moved = block._replace(text=text)
        if block.language != PYTHON:
            for command in moved.commands:
                if command.text.startswith(self._source.serves):
                    self._serve(command.text)
                else:
                    session.run(command.text)
        elif named := _FILE.match(text):
            (self._folder / named[1]).write_text(text, encoding="utf-8")
        else:
            session.execute(text, str(block))

    def _serve(self, command: str) -> None:
        said = shlex.split(command)
        said[said.index(str(self._source.port))] = str(self._port)
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                said,
                cwd=self._folder,
                env=self._environment,
                executable=_first(said[0], self._environment["PATH"]),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _LONG
        while time.monotonic() < until and self._server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{self._source.health}", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"{command}: no answer\n{self._log.read_text(errors='replace')[-4000:]}")

    def _end(self) -> None:
        """Its workers are processes of its own group."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGTERM)
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self._server.pid, signal.SIGKILL)
                self._server.wait(30)


def _first(program: str, path: str) -> str:
    return next(
        place for folder in path.split(os.pathsep) if os.access(place := f"{folder}/{program}", os.X_OK)
    )


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])
