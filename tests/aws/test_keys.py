"""Keys that are changed by several people at once, on the emulator that checks signatures and rights."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from handlers.auth import is_record
from providers.aws.deploying.identity import AwsIdentity
from providers.aws.deploying.key_store import OneParameter, SsmKeys, below
from providers.aws.runtime.keys import read_records
from providers.deploying.keys import LONGEST_RECORD, KeyLimits, new_key
from tests.ministack import REGION, Ministack

ACCOUNT = "333333333333"
NAME = "serverless-ml-keys"
PATH = "/serverless-ml/keys/keys"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def env(guarded_aws: Ministack) -> dict[str, str]:
    return {**guarded_aws.env, "AWS_ACCESS_KEY_ID": ACCOUNT}


@pytest.fixture
def identity(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsIdentity]:
    """The account, which is empty before and after."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
    found = AwsIdentity(boto3.Session(ACCOUNT, "test", region_name=REGION), ACCOUNT, REGION)
    yield found
    SsmKeys(found, PATH).clear()


@pytest.fixture
def deployed(identity: AwsIdentity) -> Iterator[None]:
    """A stack that says that its function reads below the path."""
    client = identity.client("cloudformation")
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"KeysParameter": {"Value": PATH}, "KeysPath": {"Value": PATH}},
    }
    client.create_stack(StackName=NAME, TemplateBody=json.dumps(template))
    client.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    yield
    client.delete_stack(StackName=NAME)


def started(env: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    """`keys` in a process of its own, as a person has it."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "providers", "keys", *arguments, "--cloud", "aws", "--stage", "keys"],
        cwd=ROOT,
        env={**bare, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(processes: "list[subprocess.Popen[str]]") -> list[str]:
    said = [each.communicate(timeout=120) for each in processes]
    assert [each.returncode for each in processes] == [0] * len(processes), said
    return [out.strip() for out, _ in said]


def ids(env: dict[str, str]) -> set[str]:
    """The keys that a function lets in."""
    return {each["id"] for each in read_records(PATH, env) or []}


def made_before(identity: AwsIdentity, count: int) -> list[str]:
    """Keys as earlier versions kept them."""
    records = [new_key("predict").record for _ in range(count)]
    OneParameter(identity, PATH).write(records)
    return [each["id"] for each in records]


@pytest.mark.usefixtures("deployed")
def test_of_six_keys_that_are_made_at_once_none_is_lost(env: dict[str, str]) -> None:
    keys = ended([started(env, "new", "--role", "predict") for _ in range(6)])
    assert len(set(keys)) == 6
    assert ids(env) == {key.split("_")[1] for key in keys}


@pytest.mark.usefixtures("deployed")
def test_what_earlier_versions_kept_survives_changes_made_at_once_and_no_revoked_key_comes_back(
    env: dict[str, str], identity: AwsIdentity
) -> None:
    first, second, third = made_before(identity, 3)
    assert ids(env) == {first, second, third}
    made, others = [], []
    for revoked in (first, second):
        made.append(started(env, "new", "--role", "admin"))
        others.append(started(env, "revoke", revoked))
        made.append(started(env, "new", "--role", "train"))
    keys = ended(made)
    ended(others)
    assert ids(env) == {third, *(key.split("_")[1] for key in keys)}

    ended([started(env, "revoke", third)])
    assert ids(env) == {key.split("_")[1] for key in keys}
    names = below(identity.client("ssm"), PATH)
    assert set(names) == {f"{PATH}/{each}" for each in ids(env)}, "and the notes are gone with it"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        identity.client("ssm").get_parameter(Name=PATH)


@pytest.mark.usefixtures("deployed")
def test_more_keys_than_a_page_holds_are_all_read_and_each_can_be_revoked(
    env: dict[str, str], identity: AwsIdentity
) -> None:
    store = SsmKeys(identity, PATH)
    records = [new_key("predict").record for _ in range(23)]
    store.write(records)
    assert ids(env) == {each["id"] for each in records}
    store.write(records[:1])
    assert ids(env) == {records[0]["id"]}
    assert ended([started(env, "list")])[0].split()[0] == records[0]["id"]


@pytest.mark.usefixtures("deployed")
def test_the_longest_record_fits_and_a_longer_one_would_not(
    env: dict[str, str], identity: AwsIdentity
) -> None:
    """A standard parameter holds 4 KB: that is why no record is longer."""
    limits = KeyLimits(models=[f"{number:03d}-{'x' * 50}" for number in range(68)])
    made = new_key("predict", limits=limits).record
    made["models"].append("x" * (LONGEST_RECORD - len(json.dumps(made, separators=(",", ":"))) - len('"",')))
    SsmKeys(identity, PATH).write([made])
    assert read_records(PATH, env) == [made]
    client = identity.client("ssm")
    assert (
        len(client.get_parameter(Name=f"{PATH}/{made['id']}", WithDecryption=True)["Parameter"]["Value"])
        == 4096
    )
    with pytest.raises(ClientError, match="ValidationException"):
        client.put_parameter(Name=f"{PATH}/longer", Value="x" * 4097, Type="SecureString")


@pytest.mark.usefixtures("deployed")
def test_a_key_with_limits_is_made_read_and_listed(env: dict[str, str]) -> None:
    options = ["--role", "predict", "--role", "feedback", "--models", "churn,fraud-*", "--days", "1"]
    (key,) = ended([started(env, "new", *options)])
    (record,) = read_records(PATH, env) or []
    assert is_record(record)
    assert record["id"] == key.split("_")[1]
    (listed,) = ended([started(env, "list")])
    assert listed.split("\t")[:4] == [record["id"], "predict,feedback", "churn,fraud-*", "*"]


def test_a_stack_of_an_earlier_version_keeps_its_one_parameter(
    env: dict[str, str], identity: AwsIdentity
) -> None:
    """Its function would not look anywhere else."""
    client = identity.client("cloudformation")
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"KeysParameter": {"Value": PATH}},
    }
    client.create_stack(StackName=NAME, TemplateBody=json.dumps(template))
    client.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    (earlier,) = made_before(identity, 1)
    (key,) = ended([started(env, "new", "--role", "admin")])
    value = identity.client("ssm").get_parameter(Name=PATH, WithDecryption=True)["Parameter"]["Value"]
    assert {each["id"] for each in json.loads(value)} == {earlier, key.split("_")[1]}
    assert below(identity.client("ssm"), PATH) == {}
    client.delete_stack(StackName=NAME)


# --- what this rests on, as AWS's documents say it of Parameter Store -----------------------------


def test_one_of_many_who_create_a_parameter_at_once_wins(identity: AwsIdentity) -> None:
    """PutParameter without Overwrite: ParameterAlreadyExists."""
    client = identity.client("ssm")

    def create(value: int) -> bool:
        try:
            client.put_parameter(Name=f"{PATH}/same", Value=str(value), Type="SecureString")
        except client.exceptions.ParameterAlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(24))) == 1


def test_by_path_is_what_is_below_it_in_pages_of_ten(identity: AwsIdentity) -> None:
    """Not the parameter that has the path for its name, and nothing whose name only begins with it."""
    client = identity.client("ssm")
    inside = [f"{PATH}/{number}" for number in range(12)]
    for name in [PATH, f"{PATH}-other", *inside]:
        client.put_parameter(Name=name, Value="{}", Type="SecureString")
    first = client.get_parameters_by_path(Path=PATH)
    assert len(first["Parameters"]) == 10
    assert first["NextToken"]
    assert set(below(client, PATH)) == set(inside)
    client.delete_parameter(Name=f"{PATH}-other")


def test_by_path_is_allowed_by_a_right_on_the_path(env: dict[str, str], identity: AwsIdentity) -> None:
    """And neither by one on what is below it nor by one on another path."""
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{PATH}"
    iam = identity.client("iam")
    iam.create_user(UserName="function")
    made = iam.create_access_key(UserName="function")["AccessKey"]
    client = boto3.client(
        "ssm",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )

    def with_right_on(resource: str) -> Any:
        allowed = {"Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="function", PolicyName="keys", PolicyDocument=document)
        return client.get_parameters_by_path(Path=PATH)["Parameters"]

    assert with_right_on(arn) == []
    for other in (f"{arn}/*", f"{arn}-other"):
        with pytest.raises(ClientError, match="AccessDenied"):
            with_right_on(other)
