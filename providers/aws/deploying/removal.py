"""What `serverless remove` leaves: the models' bucket, while it holds any, and the keys.

CloudFormation retains the bucket, because nothing could bring the models back. plugin.js has the stack looked
up before it is gone, and what it named removed afterwards: the keys at once, the bucket if it is empty or the
person says so. Nothing is touched with the credentials of another account than the one that is named.
docs/decisions/0003-models-outlive-the-stack.md and 0025-one-identity-for-a-run.md have the reasons.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from ml_core.errors import Conflict, NotFound, ServerlessMLError, Unavailable
from providers.aws.deploying import stack
from providers.aws.deploying.identity import AwsIdentity, aws_errors, identify
from providers.aws.deploying.key_store import SsmKeys


def look(identity: AwsIdentity, name: str, configured_keys: str) -> dict[str, str | None]:
    """What is to be removed after the stack, by name. Raises `NotFound` when there is no such stack.

    Args:
        identity: of the run.
        name: the stack's.
        configured_keys: the keys' parameter, for a stack that does not say it.
    """
    found = stack.find(identity, name)
    if found is None:
        raise NotFound(f"nothing is deployed as {name} in {identity}, so nothing is removed")
    return {"bucket": found.bucket, "keys": found.keys or configured_keys}


def remove(identity: AwsIdentity, bucket: str | None, keys: str | None, *, delete_models: bool) -> None:
    """Remove what `look` found. `Unavailable` says the command that goes on, for the stack is gone by now."""
    try:
        if keys:
            remove_keys(identity, keys)
        if bucket:
            print(remove_bucket(identity, bucket, delete_models=delete_models), file=sys.stderr)
    except Unavailable as error:
        left = [*([bucket] if bucket else []), *(["--keys", keys] if keys else [])]
        again = command(identity, *left, *(["--delete-models"] if delete_models else []))
        raise Unavailable(f"{error}; to try again: {again}") from error


def remove_keys(identity: AwsIdentity, parameter: str) -> None:
    """Delete the keys: the parameters below a path, and the one of earlier versions that is called so."""
    SsmKeys(identity, parameter).clear()


def remove_bucket(identity: AwsIdentity, bucket: str, *, delete_models: bool) -> str:
    """Delete the bucket if it is empty or if that is wanted; what was done, in a line."""
    client = identity.client("s3")
    # A bucket's name says nothing of its account: S3 refuses when it is another's.
    whose = {"Bucket": bucket, "ExpectedBucketOwner": identity.account}
    with aws_errors(f"deleting the bucket {bucket}"):
        try:
            held = _held(_count(client, whose, "models/"), _count(client, whose, "datasets/"))
            if held and not (delete_models or _confirmed(bucket, held)):
                again = command(identity, bucket, "--delete-models")
                return f"the bucket {bucket} was kept because it holds {held}; to delete it: {again}"
            for page in _versions(client, whose):
                client.delete_objects(**whose, Delete={"Objects": page, "Quiet": True})
            client.delete_bucket(**whose)
        except client.exceptions.NoSuchBucket:
            return f"the bucket {bucket} was already gone"
    return f"the bucket {bucket} was deleted" + (f" with {held}" if held else "")


def command(identity: AwsIdentity, *parameters: str) -> str:
    """What a person types to remove something later; it works in this account and region alone."""
    where = ["--region", identity.region, "--account", identity.account]
    return shlex.join(
        [".venv/bin/python", "-m", "providers.aws.deploying.removal", *where, "remove", *parameters]
    )


def _held(models: int, uploads: int) -> str:
    """What nothing could bring back, in words; empty where there is none."""
    return " and ".join(
        f"{count} {what}" for count, what in ((models, "models"), (uploads, "uploads")) if count
    )


def _confirmed(bucket: str, held: str) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"The bucket {bucket} holds {held}. Delete them for good? [y/N] ")
    return input().strip().lower() in {"y", "yes"}


def _count(client: Any, whose: dict[str, str], prefix: str) -> int:  # noqa: ANN401 - boto3's clients are untyped
    pages = client.get_paginator("list_objects_v2").paginate(**whose, Prefix=prefix)
    return sum(page.get("KeyCount", 0) for page in pages)


def _versions(client: Any, whose: dict[str, str]) -> Iterator[list[dict[str, str]]]:  # noqa: ANN401
    """Every version and delete marker, in pages as `delete_objects` takes them."""
    for page in client.get_paginator("list_object_versions").paginate(**whose):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def _identity(given: argparse.Namespace) -> AwsIdentity:
    """The credentials at hand, which have to be the named account's."""
    if given.account is None:
        raise Conflict("expected an account, got none: add --account with its 12 digits")
    identity = identify(os.environ, given.region, profile=given.profile)
    if identity.account != given.account:
        raise Conflict(
            f"expected credentials of account {given.account}, got those of account {identity.account}: "
            "nothing is removed; name a profile of that account with --profile"
        )
    return identity


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m providers.aws.deploying.removal")
    parser.add_argument("--region", required=True)
    parser.add_argument("--account", help="the account's 12 digits; credentials of another are refused")
    parser.add_argument("--profile", help="whose credentials to use (default: as the framework does)")
    steps = parser.add_subparsers(dest="step", required=True)
    looking = steps.add_parser("look", help="print as JSON what a stack will leave")
    looking.add_argument("stack")
    looking.add_argument(
        "--keys", required=True, help="the keys' parameter, for a stack that does not name it"
    )
    removing = steps.add_parser("remove", help="remove what a stack left")
    removing.add_argument("bucket", nargs="?")
    removing.add_argument("--keys", help="the name of the keys' parameter")
    removing.add_argument("--delete-models", action="store_true")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """`look` prints what a stack will leave; `remove` removes it. A failure is one line and exit code 1."""
    given = _parser().parse_args(arguments)
    try:
        identity = _identity(given)
        if given.step == "look":
            print(json.dumps(look(identity, given.stack, given.keys)))
            return 0
        remove(identity, given.bucket, given.keys, delete_models=given.delete_models)
    except ServerlessMLError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
