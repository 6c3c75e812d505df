"""What every command is given: which service to ask, and how to speak."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serverless_ml import Client


_RETRIES = 2
"""A person waits for the answer, and may give the command again."""


@dataclass(frozen=True)
class Session:
    """The options that every command takes, before its name or after."""

    url: str | None = None
    key: str | None = None
    profile: str | None = None
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def over(self, other: "Session") -> "Session":
        """These options, and the other's where these say nothing."""
        return Session(
            self.url if self.url is not None else other.url,
            self.key if self.key is not None else other.key,
            self.profile if self.profile is not None else other.profile,
            self.json or other.json,
            self.quiet or other.quiet,
            self.debug or other.debug,
        )

    @contextmanager
    def client(self, *, timeout: float = 60.0) -> Iterator["Client"]:
        """The service. Raises `NotConnected`, `ProfileError` and what else the client does."""
        from serverless_ml import Client

        with Client(
            self.url,
            key=self.key,
            profile=self.profile,
            timeout=timeout,
            retries=_RETRIES,
            progress=False if self.quiet else None,  # for uploads, on a terminal
        ) as client:
            yield client

    def say(self, line: str) -> None:
        """A line for a person, on stderr."""
        if not self.quiet and sys.stderr is not None:
            print(line, file=sys.stderr, flush=True)

    def warn(self, line: str) -> None:
        """A line that also `--quiet` shows."""
        replace(self, quiet=False).say(line)
