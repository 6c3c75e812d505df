"""AWS on this machine: ministack in an environment and a process of its own, on a free loopback port."""

import os
import signal
import socket
import subprocess
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMMAND = os.path.join(ROOT, ".tools", "ministack", "bin", "python")
PROGRAM = os.path.join(ROOT, "tests", "ministack_as_documented.py")
REGION = "eu-central-1"
_READY = 60.0  # seconds


class Ministack:
    """A running emulator; leaving the `with` ends it. `env` is what a process needs to take it for AWS."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings

    def __enter__(self) -> "Ministack":
        assert os.path.exists(COMMAND), "ministack is missing: run `make .tools/ministack.ready`"
        self._folder = tempfile.TemporaryDirectory(prefix="ministack-")
        self.log = os.path.join(self._folder.name, "log")
        for _ in range(5):  # another process may take the free port before ministack does
            self.url = f"http://127.0.0.1:{_free_port()}"
            if self._start():
                return self
        with open(self.log, encoding="utf-8") as log:
            raise AssertionError(f"ministack did not start:\n{log.read()[-4000:]}")

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._folder.cleanup()

    @property
    def env(self) -> dict[str, str]:
        """The variables by which SDKs, functions and the framework find the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def _start(self) -> bool:
        own = {
            "GATEWAY_PORT": self.url.rpartition(":")[2],
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",  # would listen on port 8883
            "SFTP_ENABLED": "0",
            "TMPDIR": self._folder.name,
            "S3_DATA_DIR": os.path.join(self._folder.name, "s3"),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            [COMMAND, "-P", PROGRAM],  # -P: this folder has a module of that name too
            env={**inherited, **self.env, **own, **self._settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that the functions it runs end with it
        )
        self._told, self._running = threading.Event(), False
        threading.Thread(target=self._listen, daemon=True).start()
        if self._told.wait(_READY) and self._running:
            return True
        self._stop()
        return False

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with open(self.log, "a", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                if "Running on" in line:
                    self._running = True
                    self._told.set()
        self._told.set()  # it ended

    def _stop(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(10)
        except ProcessLookupError:
            self._process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
