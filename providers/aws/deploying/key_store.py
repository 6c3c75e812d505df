"""Where `python -m providers keys` finds a deployment's keys on AWS: SecureStrings of Parameter Store."""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ml_core.errors import AccessRefused, Conflict
from providers.aws.deploying import stack
from providers.aws.deploying.identity import AwsIdentity, aws_errors, identify, region_of
from providers.aws.runtime.keys import EARLIER, REVOKED, Records, combined, records_in

if TYPE_CHECKING:
    from providers.deploying.keys import KeyStore, Target

OPTIONS = ("region", "profile")


def key_store(target: "Target", env: Mapping[str, str]) -> "KeyStore":
    """The parameters that the deployed function reads; without a deployment, those that it will.

    Raises `Unavailable` when there are no credentials or AWS does not answer.
    """
    region = target.options.get("region") or region_of(env)
    identity = identify(env, region, stage=target.stage, profile=target.options.get("profile"))
    name = f"{target.service}-{target.stage}"
    configured = f"/{target.service}/{target.stage}/keys"  # as config.yml has it
    try:
        found = stack.find(identity, name)
    except AccessRefused as error:
        warning = f"could not check whether a function reads these parameters: {error}"
        return SsmKeys(identity, configured, warning)
    if found is None:
        missing = f"nothing is deployed as {name} in {identity}"
        return SsmKeys(identity, configured, f"{missing}: if it is elsewhere, pass --region or --service")
    if found.keys_path is not None:
        # Tags need a right of their own, so nobody has to have it who asked for none.
        tags = {"service": target.service, "stage": target.stage, **found.tags} if found.tags else None
        return SsmKeys(identity, found.keys_path, encryption_key=found.encryption_key, tags=tags)
    if found.keys is not None:
        return OneParameter(identity, found.keys)
    said = f"the stack {name} does not name its keys parameter; this is the one that config.yml names"
    return OneParameter(identity, configured, said)


class SsmKeys:
    """The key store of one deployment, for the command line: a parameter for each key.

    Args:
        identity: whose parameters they are, and in which region.
        path: below which they are.
        warning: why no deployed function reads there; None when one does.
        encryption_key: the KMS key that encrypts new ones; None for the account's own.
        tags: of new ones.
    """

    def __init__(
        self,
        identity: AwsIdentity,
        path: str,
        warning: str | None = None,
        *,
        encryption_key: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._path = path
        self._client = identity.client("ssm")
        self._more: dict[str, Any] = {"KeyId": encryption_key} if encryption_key else {}
        if tags:
            self._more["Tags"] = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._earlier: str | None = None
        self._read: Records | None = None
        self.place = f"parameters below {path}, {identity}"
        self.warning = warning

    def read(self) -> Records | None:
        """The records, or None when there are none. Raises `Unavailable`."""
        with aws_errors("the keys cannot be read"):
            own = below(self._client, self._path)
            self._earlier = _value(self._client, self._path)
        records = combined(self._path, own, lambda: self._earlier)
        self._read = records or []
        return records

    def write(self, records: Records) -> None:
        """Add what is new since `read`, and revoke what is left out. What others did in between stays.

        Raises:
            Conflict: a key has the id already.
            Unavailable: AWS refuses, or does not answer.
        """
        if self._read is None:
            self.read()
        before, after = ({each["id"]: each for each in side} for side in (self._read or [], records))
        of_earlier = [] if self._earlier is None else _ids(self._path, self._earlier)
        with aws_errors("the keys cannot be written"):
            if of_earlier and before.keys() != after.keys():
                # First: from here on functions look below the path, and have to know that this is not all.
                self._create(EARLIER, {EARLIER: self._path})
            for name in after.keys() - before.keys():
                if not self._create(name, after[name]):
                    raise Conflict(f"there is a key {name} already: make another")
            for name in before.keys() - after.keys():
                if name in of_earlier:
                    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                    self._create(name, {"id": name, REVOKED: when})
                else:
                    delete_parameters(self._client, [f"{self._path}/{name}"])
            if of_earlier:
                self._forget_earlier([f"{self._path}/{name}" for name in of_earlier])
        self._read = list(records)

    def clear(self) -> None:
        """Delete every parameter, the one of earlier versions included. Raises `Unavailable`."""
        with aws_errors(f"deleting the parameters below {self._path}"):
            delete_parameters(self._client, [self._path, *below(self._client, self._path)])

    def _create(self, name: str, document: dict[str, Any]) -> bool:
        """Make a parameter; False when there is one of that name."""
        try:
            self._client.put_parameter(
                Name=f"{self._path}/{name}",
                Value=json.dumps(document, separators=(",", ":")),
                Type="SecureString",
                **self._more,
            )
        except self._client.exceptions.ParameterAlreadyExists:
            return False
        return True

    def _forget_earlier(self, notes: list[str]) -> None:
        """Remove the one parameter of earlier versions once each of its keys is revoked, then the notes."""
        now = below(self._client, self._path)
        if all(REVOKED in json.loads(now.get(note, "{}")) for note in notes):
            # In this order: a note that went first would give its key back.
            delete_parameters(self._client, [self._path])
            delete_parameters(self._client, [*notes, f"{self._path}/{EARLIER}"])


class OneParameter:
    """The key store of a deployment of an earlier version, whose function reads one parameter.

    Parameter Store cannot compare before it writes: of two keys that are made at once one may be lost.

    Args:
        identity: whose parameter it is, and in which region.
        parameter: its name.
        warning: why no deployed function reads there; None when one does.
    """

    def __init__(self, identity: AwsIdentity, parameter: str, warning: str | None = None) -> None:
        self._parameter = parameter
        self._client = identity.client("ssm")
        self.place = f"parameter {parameter}, {identity}"
        self.warning = warning

    def read(self) -> Records | None:
        """The records, or None when there are none. Raises `Unavailable`."""
        with aws_errors("the keys cannot be read"):
            value = _value(self._client, self._parameter)
        return None if value is None else records_in(self._parameter, value)

    def write(self, records: Records) -> None:
        """Replace the records; an empty list leaves no parameter behind. Raises `Unavailable`."""
        with aws_errors("the keys cannot be written"):
            if records:
                # Intelligent tiering: past 4 KB, some thirty keys, the parameter costs five cents a month.
                self._client.put_parameter(
                    Name=self._parameter,
                    Value=json.dumps(records, separators=(",", ":")),
                    Type="SecureString",
                    Tier="Intelligent-Tiering",
                    Overwrite=True,
                )
            else:
                delete_parameters(self._client, [self._parameter])


def below(client: Any, path: str) -> dict[str, str]:  # noqa: ANN401 - boto3's clients are untyped
    """The values of the parameters below a path, by their names."""
    pages = client.get_paginator("get_parameters_by_path").paginate(Path=path, WithDecryption=True)
    return {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}


def delete_parameters(client: Any, names: Iterable[str]) -> None:  # noqa: ANN401
    """Delete parameters, of which some may be gone already."""
    for name in names:
        with suppress(client.exceptions.ParameterNotFound):
            client.delete_parameter(Name=name)


def _ids(parameter: str, value: str) -> list[str]:
    return [each["id"] for each in records_in(parameter, value)]


def _value(client: Any, parameter: str) -> str | None:  # noqa: ANN401
    try:
        answer = client.get_parameter(Name=parameter, WithDecryption=True)
    except client.exceptions.ParameterNotFound:
        return None
    value: str = answer["Parameter"]["Value"]
    return value
