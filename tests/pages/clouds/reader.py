"""A reader who has done `make setup` in a clone and has a service on one cloud, which pages then act on."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from documenting.pages import ROOT
from tests.pages.clone import environment_of
from tests.pages.clouds.place import STAGE, Deployed, Place
from tests.pages.following import Follower, answers
from tests.pages.placeholders import filled
from tests.pages.reading import Block, without_remark
from tests.pages.session import Session

# What `make setup` installed, and the cache of built layers.
_LINKED = (".venv", ".tools", "node_modules", "build")
_MODELS = ("churn", "fruit")


class CloudReader:
    """A reader of pages about one cloud.

    The service is deployed once, and again only if a page removed it.
    """

    def __init__(self, place: Place, folder: Path) -> None:
        self._place = place
        self._folder = folder / "serverless-ml"
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, self._folder], check=True)
        (ROOT / "build").mkdir(exist_ok=True)
        for name in _LINKED:
            (self._folder / name).symlink_to(ROOT / name)
        (folder / "home").mkdir(exist_ok=True)
        unset = {"CLOUD", "IS_LOCAL", "SERVERLESS_ML_URL", "SERVERLESS_ML_KEY"}
        kept = {name: value for name, value in environment_of(folder / "home").items() if name not in unset}
        self._environment = {**kept, "NODE_NO_WARNINGS": "1"}
        self._is_deployed = False
        self._url = self._key = ""

    def follow(self, blocks: Sequence[Block]) -> None:
        """Type the blocks of a page, in a shell of its own."""
        environment = {**self._environment, **self._place.env}
        with Session(self._folder, environment) as session:
            self._session = session
            session.run("source .venv/bin/activate")
            if not self._is_deployed:
                self._deploy()
            session.run(f"export URL='{self._url}' KEY='{self._key}' ML_KEY='{self._key}'")
            follower = Follower(session, self._as_here, self._instead)
            for block in blocks:
                follower.follow(block)

    def _deploy(self) -> None:
        """Deploy as the cloud's page says, make a key, and train two models."""
        self._session.run(f"npx serverless deploy --stage {STAGE}")
        made = self._session.run(f"python -m providers keys new --stage {STAGE} --role admin{self._cloud}")
        self._is_deployed, self._url, self._key = True, self._place.answering(), made.split()[-1]
        service = Deployed(self._url, self._key)
        service.wait_until_open()
        for model in _MODELS:
            service.train(self._place, model)

    @property
    def _cloud(self) -> str:
        """The option by which `keys` is told the cloud."""
        cloud = self._place.env.get("CLOUD")
        return f" --cloud {cloud}" if cloud else ""

    def _as_here(self, text: str) -> str:
        if re.search(r"\$URL|https://….execute-api", text):
            self._url = self._place.answering()
            self._session.run(f"export URL='{self._url}'")
        return filled(text, self._place.made)

    def _instead(self, command: str, shown: str) -> str | None:
        """Answer what `remove` asks at its terminal; see that a new key is known before it is used."""
        bare = without_remark(command)
        if re.match(r"npx serverless remove\b(?!.*--(yes|dry-run))", bare):
            self._is_deployed = False
            return self._session.at_a_terminal(command, answers(shown) or ["y", "n"])
        if re.match(r"npx serverless deploy\b", command):
            printed = self._session.run(command)
            self._is_deployed = True
            return printed
        if re.match(r"KEY=\$\(python -m providers keys new\b", command):
            printed = self._session.run(command)
            self._key = self._session.run('printf %s "$KEY"').strip()
            self._url = self._place.answering()
            Deployed(self._url, self._key).wait_until_open()
            self._session.run("export ML_KEY=$KEY")
            return printed
        return None
