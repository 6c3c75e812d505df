"""The Serverless Framework on a copy of this project: tests do not touch a person's .serverless/."""

import os
import shutil
import subprocess
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What a deployment reads. The rest is linked: installed tools, and the cache of built layers.
_COPIED = (
    *["serverless.yml", "cloud.js", "package.json", "requirements.txt", "requirements", "events"],
    *["ml_core", "handlers", "providers"],
)
_LINKED = (".venv", ".tools", "node_modules", "build")


class Ran(NamedTuple):
    """A command that ended: its exit code, and what it said on both streams."""

    status: int
    said: str


class Packages:
    """The zips that `serverless package` made in `folder`."""

    def __init__(self, folder: str) -> None:
        self.code = os.path.join(folder, "serverless-ml.zip")
        self.predict_layer = os.path.join(folder, "pythonRequirements.zip")
        self.training_layer = os.path.join(folder, "training.zip")

    @property
    def all(self) -> list[str]:
        """Every zip's path."""
        return [self.code, self.predict_layer, self.training_layer]


class Project:
    """A copy of the project in `folder`, with `env` on top of this process's environment."""

    def __init__(self, folder: str, env: dict[str, str]) -> None:
        self.folder = folder
        self._env = env
        os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
        for name in _COPIED:
            source, target = os.path.join(ROOT, name), os.path.join(folder, name)
            if os.path.isdir(source):
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        for name in _LINKED:
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))

    def set(self, **env: str) -> None:
        """Add to the environment of everything that is run from now on."""
        self._env = {**self._env, **env}

    def path(self, *names: str) -> str:
        """A path inside the copy."""
        return os.path.join(self.folder, *names)

    def try_serverless(self, *arguments: str, timeout: float = 300, **env: str) -> Ran:
        """Run `serverless` as a person who has done `make setup` and activated nothing."""
        command = [self.path("node_modules", ".bin", "serverless"), *arguments]
        return self._run(command, timeout, {**self._env, **env})

    def serverless(self, *arguments: str, timeout: float = 300, **env: str) -> str:
        """What `serverless` said; it has to succeed."""
        ran = self.try_serverless(*arguments, timeout=timeout, **env)
        assert ran.status == 0, f"serverless {' '.join(arguments)}:\n{ran.said}"
        return ran.said

    def python(self, *arguments: str, timeout: float = 60) -> str:
        """What the project's Python printed; it has to succeed."""
        ran = self._run([self.path(".venv", "bin", "python"), *arguments], timeout, self._env)
        assert ran.status == 0, f"python {' '.join(arguments)}:\n{ran.said}"
        return ran.said

    def _run(self, command: list[str], timeout: float, env: dict[str, str]) -> Ran:
        # An environment like a login's: nothing activated, nothing of another cloud.
        unset = {"VIRTUAL_ENV", "CLOUD", "PYTHONPATH", "IS_LOCAL"}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in unset and not name.startswith("AWS_")
        }
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**inherited, "NODE_NO_WARNINGS": "1", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout)
