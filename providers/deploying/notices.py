"""The parameters `webhooks` and `topic`, and the secret of webhooks, checked before anything is deployed.

`ml_core/notices/hooks.py` and `signing.py` say what the first and the last may be; the same texts test both.
"""

import base64
import binascii
import re
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service

_MOST, _LONGEST = 10, 500
_LEAST_SECRET, _MOST_SECRET = 24, 64  # bytes
_SECRET = f"whsec_ and {_LEAST_SECRET} to {_MOST_SECRET} random bytes in base64"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_WEBHOOK = re.compile(
    rf"https://(?=[^/:]{{1,253}}(?:[/:]|$))(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])"
    r"(?::([1-9][0-9]{0,4}))?(?:/[!\"$-\[\]^-~]*)?"
)


class Notices(NamedTuple):
    """Who is told of what happens."""

    webhooks: str = ""
    secret: str = ""
    topic: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the function that answers HTTP: it writes down what others tell."""
        return {
            name: value for name, value in (("ML_WEBHOOKS", self.webhooks), ("ML_TOPIC", self.topic)) if value
        }

    @property
    def telling(self) -> dict[str, str]:
        """The variables of the functions that tell."""
        return {**self.settings, **({"ML_WEBHOOK_SECRET": self.secret} if self.webhooks else {})}


def notices_of(service: Service, topic: "re.Pattern[str]", expected: str) -> Notices:
    """What the service's parameters say.

    Args:
        service: as it is deployed.
        topic: what the cloud's topics are called.
        expected: the same in words.

    Raises:
        DeploymentFailed: for an entry that is no address of a webhook, a secret or a topic that is none.
    """
    said = {
        name: str(service.provider.get(name) or "").strip() for name in ("webhooks", "topic", "webhookSecret")
    }
    webhooks = list(dict.fromkeys(each.strip() for each in said["webhooks"].split(",") if each.strip()))
    if len(webhooks) > _MOST:
        raise DeploymentFailed(f"webhooks: expected at most {_MOST} addresses, got {len(webhooks)}")
    for each in webhooks:
        found = _WEBHOOK.fullmatch(each)
        if not found or len(each) > _LONGEST or int(found[1] or 443) > 65_535:
            raise DeploymentFailed(
                "webhooks: expected https://, the name of a host, and a path, such as "
                f"https://hooks.example.com/ml, got {each[:80]!r}"
            )
    if webhooks and not _is_secret(said["webhookSecret"]):
        raise DeploymentFailed(
            f"webhooks: expected their secret in the variable ML_WEBHOOK_SECRET: {_SECRET} "
            "(echo whsec_$(openssl rand -base64 32))"
        )
    if said["topic"] and not topic.fullmatch(said["topic"]):
        raise DeploymentFailed(f"topic: expected {expected}, got {said['topic'][:80]!r}")
    return Notices(",".join(webhooks), said["webhookSecret"], said["topic"])


def _is_secret(text: str) -> bool:
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith("whsec_") and _LEAST_SECRET <= len(secret) <= _MOST_SECRET
