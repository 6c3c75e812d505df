"""What `serverless remove` removes beside the stack: the keys, and the models' bucket unless it holds any.

CloudFormation retains the bucket, because nothing could bring the models back. plugin.js has everything
looked up, said and asked before the framework deletes the stack, and has the rest removed afterwards. Nothing
is touched with the credentials of another account than the one that is named.
docs/decisions/0003-models-outlive-the-stack.md and 0025-one-identity-for-a-run.md have the reasons.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from ml_core.errors import AccessRefused, Conflict, ServerlessMLError, Unavailable
from providers.aws.deploying import stack
from providers.aws.deploying.identity import AwsIdentity, aws_errors, identify
from providers.aws.deploying.key_store import SsmKeys
from providers.deploying.plan import DeploymentRun, held_in_words


class Removal(NamedTuple):
    """What goes, once the stack is gone. `go` is False where there is nothing to do, or it was only asked."""

    go: bool = False
    bucket: str | None = None
    keys: str | None = None
    delete_models: bool = False
    tasks: str | None = None


class ModelsBucket(NamedTuple):
    """The models' bucket as it is found: what nothing could bring back, in words, and why it has to stay."""

    held: str = ""
    gone: bool = False
    refused: str = ""


def plan(
    identity: AwsIdentity, name: str, configured_keys: str, run: DeploymentRun, *, delete_models: bool
) -> Removal:
    """Say what will be removed, and ask. Nothing is deployed, nothing to do: that is no error.

    Args:
        identity: of the run.
        name: the stack's.
        configured_keys: the keys' path, for a stack that does not say it.
        run: where to say it, and how to ask.
        delete_models: what was said of the models in advance.

    Raises:
        DeploymentFailed: the answer is no, or there is nobody to ask.
        Unavailable: AWS cannot be asked.
    """
    found = stack.find(identity, name)
    if found is None:
        run.say(f"nothing is deployed as {name} in {identity}")
        if left := _keys(identity, configured_keys):
            run.say(f"still there: {left}; to delete: {command(identity, '--keys', configured_keys)}")
        return Removal()
    keys = found.keys_path or found.keys or configured_keys
    bucket = look_into(identity, found.bucket) if found.bucket else ModelsBucket(gone=True)
    run.say(f"to be removed in {identity}:")
    run.say(f"  stack      {name}")
    run.say(f"  functions  {', '.join(stack.functions(identity, name)) or 'none'}")
    run.say(f"  bucket     {found.bucket or 'none'}{_fate(bucket, delete_models=delete_models)}")
    if found.tasks:
        run.say(f"  bucket     {found.tasks}, of Lithops")
    run.say(f"  keys       {_keys(identity, keys) or 'none'}")
    if run.dry:
        run.say("nothing was removed: this was a dry run")
        return Removal()
    run.confirm(f"Remove {name}?")
    if bucket.held and not delete_models:
        delete_models = run.agrees(f"Delete {bucket.held} for good, too?")
    return Removal(True, found.bucket, keys, delete_models, found.tasks)


def look_into(identity: AwsIdentity, bucket: str) -> ModelsBucket:
    """What the models' bucket holds. Raises `Unavailable`."""
    client = identity.client("s3")
    whose = _whose(identity, bucket)
    try:
        with aws_errors(f"looking into the bucket {bucket}"):
            try:
                held = held_in_words(
                    _count(client, whose, "models/", Delimiter="/"), _count(client, whose, "datasets/")
                )
            except client.exceptions.NoSuchBucket:
                return ModelsBucket(gone=True)
    except AccessRefused as error:
        return ModelsBucket(refused=str(error))
    return ModelsBucket(held)


def remove(
    identity: AwsIdentity,
    bucket: str | None,
    keys: str | None,
    *,
    delete_models: bool,
    tasks: str | None = None,
) -> None:
    """Remove what a stack left. `Unavailable` says the command that goes on, for the stack is gone by now."""
    try:
        if keys:
            remove_keys(identity, keys)
        if tasks:
            _empty_and_delete(identity, tasks)
        if bucket:
            print(remove_bucket(identity, bucket, delete_models=delete_models), file=sys.stderr)
    except Unavailable as error:
        left = [
            *([bucket] if bucket else []),
            *(["--keys", keys] if keys else []),
            *(["--tasks", tasks] if tasks else []),
        ]
        again = command(identity, *left, *(["--delete-models"] if delete_models else []))
        raise Unavailable(f"{error}; to try again: {again}") from error


def remove_keys(identity: AwsIdentity, parameter: str) -> None:
    """Delete the keys: the parameters below a path, and the one of earlier versions that is called so."""
    SsmKeys(identity, parameter).clear()


def remove_bucket(identity: AwsIdentity, bucket: str, *, delete_models: bool) -> str:
    """Delete the bucket if it is empty or if that is wanted; what was done. Raises `Unavailable`."""
    found = look_into(identity, bucket)
    if found.gone:
        return f"the bucket {bucket} was already gone"
    again = command(identity, bucket, "--delete-models")
    if found.refused:
        return (
            f"the bucket {bucket} was kept because it cannot be read ({found.refused}); to delete it: {again}"
        )
    if found.held and not delete_models:
        return f"the bucket {bucket} was kept because it holds {found.held}; to delete it: {again}"
    if not _empty_and_delete(identity, bucket):
        return f"the bucket {bucket} was already gone"
    return f"the bucket {bucket} was deleted" + (f" with {found.held}" if found.held else "")


def _empty_and_delete(identity: AwsIdentity, bucket: str) -> bool:
    """Delete a bucket with whatever it holds; whether it was there. Raises `Unavailable`."""
    client = identity.client("s3")
    whose = _whose(identity, bucket)
    with aws_errors(f"deleting the bucket {bucket}"):
        try:
            for page in _versions(client, whose):
                client.delete_objects(**whose, Delete={"Objects": page, "Quiet": True})
            client.delete_bucket(**whose)
        except client.exceptions.NoSuchBucket:
            return False
    return True


def command(identity: AwsIdentity, *parameters: str) -> str:
    """What a person types to remove something later; it works in this account and region alone."""
    where = ["--region", identity.region, "--account", identity.account]
    return shlex.join(
        [".venv/bin/python", "-m", "providers.aws.deploying.removal", *where, "remove", *parameters]
    )


def _fate(bucket: ModelsBucket, *, delete_models: bool) -> str:
    """What becomes of the bucket, and why."""
    if bucket.gone:
        return " (gone already)"
    if bucket.refused:
        return f": kept, because it cannot be read ({bucket.refused})"
    if not bucket.held:
        return ", which is empty"
    if delete_models:
        return f" with {bucket.held}"
    return f": kept, because it holds {bucket.held} (--param deleteModels=yes deletes them)"


def _keys(identity: AwsIdentity, path: str) -> str:
    """How many keys there are, and where; empty where there are none."""
    count = len(SsmKeys(identity, path).read() or [])
    return f"{count} {'key' if count == 1 else 'keys'} in the parameters of {path}" if count else ""


def _whose(identity: AwsIdentity, bucket: str) -> dict[str, str]:
    """A bucket's name says nothing of its account: S3 refuses when it is another's."""
    return {"Bucket": bucket, "ExpectedBucketOwner": identity.account}


def _count(client: Any, whose: dict[str, str], prefix: str, **how: str) -> int:  # noqa: ANN401 - boto3's
    pages = client.get_paginator("list_objects_v2").paginate(**whose, Prefix=prefix, **how)
    return sum(len(page.get("Contents", [])) for page in pages)


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
    planning = steps.add_parser("plan", help="say what will be removed, ask, and print the answer as JSON")
    planning.add_argument("stack")
    planning.add_argument("--keys", required=True, help="the keys' path, for a stack that does not name it")
    planning.add_argument("--delete-models", action="store_true")
    planning.add_argument("--dry-run", action="store_true", help="ask nothing and remove nothing")
    planning.add_argument("--yes", action="store_true", help="do not ask")
    removing = steps.add_parser("remove", help="remove what a stack left")
    removing.add_argument("bucket", nargs="?")
    removing.add_argument("--keys", help="the keys' path")
    removing.add_argument("--tasks", help="the bucket of Lithops")
    removing.add_argument("--delete-models", action="store_true")
    return parser


def _ask(question: str) -> str:
    """The answer of the person at the terminal; empty where there is none."""
    if not sys.stdin.isatty():
        return ""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()


def main(arguments: list[str] | None = None) -> int:
    """`plan` says what will go and asks; `remove` removes it. A failure is one line and exit code 1."""
    given = _parser().parse_args(arguments)
    try:
        identity = _identity(given)
        if given.step == "plan":
            run = DeploymentRun(dry=given.dry_run, yes=given.yes, out=sys.stderr, ask=_ask)
            removal = plan(identity, given.stack, given.keys, run, delete_models=given.delete_models)
            print(json.dumps(removal._asdict()))
            return 0
        remove(identity, given.bucket, given.keys, delete_models=given.delete_models, tasks=given.tasks)
    except ServerlessMLError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
