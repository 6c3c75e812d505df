"""What Azure says when it refuses, as one line of ours."""

import json
import re
from collections.abc import Callable
from contextlib import suppress

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from providers.deploying.plan import DeploymentFailed

# What to do about what Azure said.
_ADVICE = {
    "RequestDisallowedByPolicy": "a policy of your organisation refuses this: ask for an exemption, or meet "
    "it with a parameter (tags, location, ingress, encryptionKey)",
    "MissingSubscriptionRegistration": "run `az provider register --wait --namespace` with that name, and "
    "deploy again",
    "AuthorizationFailed": "docs/azure.md says which rights deploying needs",
    "KeyVaultAuthenticationFailure": "give the identity that ends in -encryption the role Key Vault Crypto "
    "Service Encryption User on the key, and deploy again",
}


class AzureRefused(DeploymentFailed):
    """Azure said no; `codes` are all the codes in its answer, details included."""

    def __init__(self, message: str, codes: frozenset[str]) -> None:
        super().__init__(message)
        self.codes = codes


class AzureNotFound(AzureRefused):
    """Azure knows no such thing: the codes say what."""


def said[Result](call: Callable[[], Result]) -> Result:
    """The call's result; what Azure's SDK raises becomes one line of ours."""
    try:
        return call()
    except ClientAuthenticationError as error:
        raise DeploymentFailed(
            "no Azure credential was accepted: run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
            f"AZURE_CLIENT_SECRET{_verdict(error)}"
        ) from error
    except HttpResponseError as error:
        raise _refusal(error) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise AzureRefused(f"Azure did not answer: {_first_line(error)}", frozenset({"NoAnswer"})) from error
    except AzureError as error:
        raise DeploymentFailed(f"Azure: {_first_line(error)}") from error


def _refusal(error: HttpResponseError) -> DeploymentFailed:
    found = list(_reasons(_body(error)))
    codes = frozenset({code for code, _ in found} | {f"HTTP {error.status_code}"} | _storage_code(error))
    if error.status_code == 404:
        return AzureNotFound(_first_line(error), codes)
    # The innermost reason is the one that helps: the outer ones say that something inside went wrong.
    code, message = found[-1] if found else (f"HTTP {error.status_code}", _first_line(error))
    advice = next((f"; {text}" for known, text in _ADVICE.items() if known in codes), "")
    return AzureRefused(f"Azure refused: {code}: {message}{advice}", codes)


def _storage_code(error: HttpResponseError) -> set[str]:
    """What Storage calls it: its bodies are no JSON, and some answers have none."""
    headers = getattr(error.response, "headers", {})
    return {str(headers["x-ms-error-code"])} if "x-ms-error-code" in headers else set()


def _body(error: HttpResponseError) -> object:
    try:
        return json.loads(error.response.text()) if error.response is not None else {}
    except (ValueError, TypeError, AttributeError):
        return {}


def _reasons(body: object) -> list[tuple[str, str]]:
    """Codes and messages from the outermost to the innermost; `message` may be JSON again."""
    if not isinstance(body, dict):
        return []
    inner = body.get("error", body)
    if not isinstance(inner, dict):
        return []
    found = [(str(inner["code"]), _one_line(str(inner.get("message", ""))))] if inner.get("code") else []
    for detail in inner.get("details") or []:
        found += _reasons(detail)
    with suppress(ValueError):
        found += _reasons(json.loads(str(inner.get("message", ""))))
    return found


def _verdict(error: ClientAuthenticationError) -> str:
    """What Azure said of a credential; without one, the SDK's list of where it looked helps nobody."""
    found = re.search(r"AADSTS\d+[^\r\n]{0,200}", str(error))
    return f" ({found[0]})" if found else ""


def _first_line(error: Exception) -> str:
    return _one_line(str(getattr(error, "message", "") or error)).partition(" Content: ")[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
