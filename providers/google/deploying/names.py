"""How everything of a service and stage is called on Google Cloud."""

import hashlib
import re
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service

_LONGEST_ACCOUNT, _LONGEST_FUNCTION, _LONGEST_BUCKET = 30, 63, 63


class GoogleNames(NamedTuple):
    """The names of one deployment: a service at a stage in a region of a project.

    `shared` names are those that deployments had before names carried the region: two regions of one stage
    used the same bucket, secret, topic and accounts. What is deployed under them keeps them.
    """

    service: str
    stage: str
    project: str
    region: str
    shared: bool = False

    @property
    def base(self) -> str:
        """Before the own part of what belongs to a region anyway."""
        return f"{self.service}-{self.stage}"

    @property
    def place(self) -> str:
        """Before the own part of what belongs to the project."""
        return self.base if self.shared else f"{self.base}-{self.region}"

    @property
    def location(self) -> str:
        """The parent of everything regional."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def owner(self) -> dict[str, str]:
        """The labels by which every verb finds a deployment in any region."""
        return {"service": self.service, "stage": self.stage}

    @property
    def labels(self) -> dict[str, str]:
        """What is written on everything that takes labels; what two regions share names none."""
        return self.owner if self.shared else {**self.owner, "region": self.region}

    @property
    def secret(self) -> str:
        """The secret that holds the records of the keys."""
        return f"{self.place}-keys"

    @property
    def topic(self) -> str:
        """The topic that wakes the sweep."""
        return f"{self.place}-sweep"

    @property
    def bucket(self) -> str:
        """The bucket, where no parameter names another. Its name is global: the project's id is in it."""
        name = f"{self.project}-{self.place}"
        if self.shared or len(name) <= _LONGEST_BUCKET:
            return name
        return f"{name[: _LONGEST_BUCKET - 9].rstrip('-')}-{self._digest(name, 8)}"

    def account(self, role: str) -> str:
        """A service account's id: 6 to 30 characters, so it holds a digest of what has no room in it."""
        if self.shared:
            name = f"{self.base}-{role}"
            if len(name) > _LONGEST_ACCOUNT:
                name = f"{name[:17].rstrip('-')}-{self._digest(name, 6)}-{role}"[:_LONGEST_ACCOUNT]
            return name
        digest = self._digest(f"{self.service}/{self.stage}/{self.region}/{role}", 6)
        room = _LONGEST_ACCOUNT - len(digest) - len(role) - 2
        if room < 1:
            return f"{self.service[:8].rstrip('-')}-{digest}-{role}"[:_LONGEST_ACCOUNT].rstrip("-")
        return f"{self.base[:room].rstrip('-')}-{digest}-{role}"

    def email(self, role: str) -> str:
        """A service account's address."""
        return f"{self.account(role)}@{self.project}.iam.gserviceaccount.com"

    def member(self, role: str) -> str:
        """A service account as policies name it."""
        return f"serviceAccount:{self.email(role)}"

    def function(self, function: str) -> str:
        """A function's name."""
        return f"{self.base}-{function}"

    def url(self, function: str) -> str:
        """A function's address that is known before the function is."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{self.function(function)}"

    @staticmethod
    def _digest(text: str, digits: int) -> str:
        return hashlib.sha256(text.encode()).hexdigest()[:digits]


def names_of(service: Service) -> GoogleNames:
    """The names of a service's resources.

    Raises:
        DeploymentFailed: when a part is missing or cannot be in a name.
    """
    project, region = service.provider.get("project") or "", service.provider.get("region") or ""
    if not project:
        raise DeploymentFailed(
            "no Google Cloud project: set GOOGLE_CLOUD_PROJECT or pass --param project=<project id>"
        )
    for what, value in (("service", service.name), ("stage", service.stage), ("project", project)):
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", value):
            raise DeploymentFailed(
                f"{what}: expected a lower-case letter, then at most 29 letters, digits and inner hyphens"
                f" on Google Cloud, got {value!r}"
            )
    names = GoogleNames(service.name, service.stage, project, region)
    for function in service.functions:
        if len(names.function(function)) > _LONGEST_FUNCTION:
            raise DeploymentFailed(
                f"service and stage: expected a function's name of at most {_LONGEST_FUNCTION} characters"
                f" on Google Cloud, got {names.function(function)!r} ({len(names.function(function))})"
            )
    return names
