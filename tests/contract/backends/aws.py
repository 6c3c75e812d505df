"""S3, as ministack has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from ml_core.ports import ObjectStore, OtherBucket, Signer
from providers.aws.runtime.signer import S3Signer
from providers.aws.runtime.store import s3_store
from providers.aws.runtime.wiring import data_bucket
from tests import signed_s3
from tests.contract.backend import Address, Below
from tests.ministack import Ministack


@contextmanager
def started() -> Iterator[Address]:
    """The address of a bucket in an emulator that runs meanwhile."""
    with Ministack() as ministack:
        client = boto3.client(
            "s3",
            endpoint_url=ministack.url,
            region_name=ministack.env["AWS_REGION"],
            aws_access_key_id=ministack.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ministack.env["AWS_SECRET_ACCESS_KEY"],
        )
        for name in ("contract", "lake"):
            client.create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": ministack.env["AWS_REGION"]}
            )
        yield {"bucket": "contract", **ministack.env}


def empty(address: Address) -> Address:
    """The address of a store beside all others at that address, with nothing in it."""
    return {**address, "prefix": os.urandom(8).hex()}


def dead(address: Address) -> Address:
    """The address of a store that does not answer."""
    return {**address, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


def open_store(address: Address) -> ObjectStore:
    """The store at the address."""
    return s3_store(address["bucket"], address.get("prefix", ""), env=address)


@contextmanager
def signing(address: Address) -> Iterator[Signer]:
    """What signs addresses of the store; their addresses are answered meanwhile."""
    with signed_s3.running(address["AWS_ENDPOINT_URL"]) as url:
        yield Below(S3Signer(address["bucket"], {**address, "AWS_ENDPOINT_URL": url}), address["prefix"])


def lake(address: Address, objects: dict[str, bytes]) -> OtherBucket:
    """Somebody's bucket of data, with these objects in it, as the trainer opens it."""
    bucket = s3_store("lake", env=address)
    for key, data in objects.items():
        bucket.write_stream(key, [data])
    return data_bucket(address, "s3", "lake")


def lake_address(_address: Address) -> str:
    """How addresses of what is in it begin."""
    return "s3://lake/"
