"""The resolved `serverless.yml`, as the framework's plugin hands it over."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from providers.deploying.parameters import Parameters, is_on
from providers.deploying.plan import DeploymentFailed


class Function(NamedTuple):
    """One function of the service: its handler, and the cloud's settings beside it."""

    name: str
    handler: str
    settings: dict[str, Any]


class Service(NamedTuple):
    """One service at one stage; `provider` is that block of `providers/<cloud>/config.yml`, resolved."""

    name: str
    stage: str
    cloud: str
    folder: str
    provider: dict[str, Any]
    functions: dict[str, Function]
    patterns: list[str]
    parameters: Parameters = Parameters()

    @classmethod
    def from_json(cls, text: str) -> "Service":
        """Read what the plugin writes.

        Raises:
            DeploymentFailed: when it is not such a document, or a parameter that switches a function on is
                neither yes nor no.
        """
        try:
            document = json.loads(text)
            functions = {
                name: Function(name, settings["handler"], settings)
                for name, settings in wanted(document["functions"], document["provider"]).items()
            }
            return cls(
                document["service"],
                document["stage"],
                document["provider"]["name"],
                document["folder"],
                document["provider"],
                functions,
                document.get("patterns") or [],
                Parameters(**document.get("parameters", {})),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeploymentFailed(
                f"expected a service as JSON on standard input ({error!r}): run `npx serverless`, "
                "which writes it"
            ) from error

    def function(self, name: str) -> Function:
        """The function of that name.

        Raises:
            DeploymentFailed: when the service has none.
        """
        if name not in self.functions:
            known = ", ".join(sorted(self.functions))
            raise DeploymentFailed(f"expected a function of the service ({known}), got {name!r}")
        return self.functions[name]


def wanted(functions: Mapping[str, Any], provider: Mapping[str, Any]) -> dict[str, Any]:
    """The functions that are to be deployed: of those that name a parameter in `only`, where that says yes.

    Raises:
        DeploymentFailed: where it says neither yes nor no.
    """
    return {
        name: settings
        for name, settings in functions.items()
        if "only" not in settings or is_on(settings["only"], _text(provider.get(settings["only"])))
    }


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
