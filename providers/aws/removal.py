"""What `serverless remove` leaves: the models' bucket, while it holds any, and the keys.

CloudFormation retains the bucket, because nothing could bring the models back. plugin.js asks for its name
before the stack is gone, and has it removed afterwards if it is empty or the person says so.
docs/decisions/0003-models-outlive-the-stack.md has the reasons.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

OUTPUT = "ModelsBucket"  # as config.yml names it


def bucket_of(stack: str, region: str) -> str | None:
    """The bucket that the stack made, or None without such a stack."""
    client = _client("cloudformation", region)
    try:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
    except client.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    return outputs.get(OUTPUT)


def remove_keys(parameter: str, region: str) -> None:
    """Delete the keys' parameter, if there is one."""
    client = _client("ssm", region)
    client.delete_parameters(Names=[parameter])


def remove_bucket(bucket: str, region: str, *, delete_models: bool) -> str:
    """Delete the bucket if it is empty or if that is wanted; what was done, in a line."""
    client = _client("s3", region)
    held = _held(_count(client, bucket, "models/"), _count(client, bucket, "datasets/"))
    if held and not (delete_models or _confirmed(bucket, held)):
        return (
            f"the bucket {bucket} stays, for it holds {held}; to delete it: .venv/bin/python -m "
            f"providers.aws.removal --region {region} remove {bucket} --delete-models"
        )
    for page in _versions(client, bucket):
        client.delete_objects(Bucket=bucket, Delete={"Objects": page, "Quiet": True})
    client.delete_bucket(Bucket=bucket)
    return f"the bucket {bucket} is deleted" + (f" with {held}" if held else "")


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


def _count(client: Any, bucket: str, prefix: str) -> int:  # noqa: ANN401 - boto3's clients are untyped
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(page.get("KeyCount", 0) for page in pages)


def _versions(client: Any, bucket: str) -> Iterator[list[dict[str, str]]]:  # noqa: ANN401
    """Every version and delete marker, in pages as `delete_objects` takes them."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def _client(service: str, region: str) -> Any:  # noqa: ANN401
    import boto3

    return boto3.client(service, region_name=region)


def main(arguments: list[str] | None = None) -> int:
    """`bucket` prints the name of a stack's bucket; `remove` removes what a stack left."""
    parser = argparse.ArgumentParser(prog="python -m providers.aws.removal")
    parser.add_argument("--region", required=True)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("bucket").add_argument("stack")
    remove = steps.add_parser("remove")
    remove.add_argument("bucket")
    remove.add_argument("--keys", help="the name of the keys' parameter")
    remove.add_argument("--delete-models", action="store_true")
    given = parser.parse_args(arguments)
    if given.step == "bucket":
        sys.stdout.write(bucket_of(given.stack, given.region) or "")
        return 0
    if given.keys:
        remove_keys(given.keys, given.region)
    said = remove_bucket(given.bucket, given.region, delete_models=given.delete_models)
    sys.stderr.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
