"""Where `keys` and `remove` act on AWS: two accounts, two regions, two stages and two services in one shell.

What is deployed are small stacks with the names, outputs and buckets of real ones, on the emulator that
checks signatures and rights. `test_aws_deployment.py` deploys the real one.
"""

import io
import json
import os
import pty
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ml_core.errors import Conflict, Unavailable
from providers.aws.deploying import removal, stack
from providers.aws.deploying.identity import AwsIdentity
from providers.aws.deploying.key_store import below, delete_parameters
from tests.framework import Project, Ran
from tests.ministack import Ministack

HERE, ELSEWHERE = "eu-central-1", "us-east-1"
OURS, STAGING = "111111111111", "222222222222"  # to the emulator a key id of 12 digits is its account's
NAME = "serverless-ml-dev"
KEYS = "/serverless-ml/dev/keys"


class Place:
    """An account's region, and what is deployed there."""

    def __init__(self, aws: Ministack, account: str, region: str) -> None:
        self.account, self.region = account, region
        self._session = boto3.Session(account, "secret", region_name=region)
        self._url = aws.url

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url)

    def deploy(self, name: str = NAME, keys: str | None = KEYS) -> str:
        """A stack with a model in its bucket and a record in its parameter; the bucket."""
        outputs = {"ModelsBucket": {"Value": {"Ref": "Models"}}}
        if keys:
            outputs["KeysParameter"] = {"Value": keys}  # type: ignore[dict-item]
        template = {
            "Resources": {
                "ServerlessDeploymentBucket": {"Type": "AWS::S3::Bucket"},
                "Models": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"},
            },
            "Outputs": outputs,
        }
        client = self.client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=json.dumps(template))
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
        bucket = next(each["OutputValue"] for each in found["Outputs"] if each["OutputKey"] == "ModelsBucket")
        # One model, with older versions in an object of their own.
        for key in ("models/churn.json", "models/-versions/churn/000000001"):
            self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}")
        self.keep(keys or KEYS)
        return str(bucket)

    def keep(self, parameter: str) -> None:
        """A parameter with keys."""
        records = '[{"id": "1", "role": "admin"}]'
        self.client("ssm").put_parameter(Name=parameter, Value=records, Type="SecureString", Overwrite=True)

    @property
    def stacks(self) -> set[str]:
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {each["StackName"] for each in found if each["StackStatus"] != "DELETE_COMPLETE"}

    @property
    def parameters(self) -> dict[str, int]:
        """How many records there are at each path, in the one parameter of earlier versions or below it."""
        client = self.client("ssm")
        found = client.get_parameters_by_path(Path="/", Recursive=True, WithDecryption=True)["Parameters"]
        counts: Counter[str] = Counter()
        for each in found:
            value = json.loads(each["Value"])
            path = each["Name"] if isinstance(value, list) else each["Name"].rpartition("/")[0]
            counts[path] += len(value) if isinstance(value, list) else "role" in value
        return dict(counts)

    @property
    def models(self) -> set[str]:
        """The buckets that hold one."""
        client = self.client("s3")
        return {
            each["Name"]
            for each in client.list_buckets()["Buckets"]
            if client.list_objects_v2(Bucket=each["Name"], Prefix="models/").get("KeyCount")
        }

    @property
    def state(self) -> tuple[object, ...]:
        return self.stacks, self.parameters, self.models

    def empty(self) -> None:
        """Delete all of it."""
        for name in self.stacks:
            self.client("cloudformation").delete_stack(StackName=name)
        client = self.client("ssm")
        for path in self.parameters:
            delete_parameters(client, [path, *below(client, path)])
        client = self.client("s3")
        for each in client.list_buckets()["Buckets"]:
            for item in client.list_objects_v2(Bucket=each["Name"]).get("Contents", []):
                client.delete_object(Bucket=each["Name"], Key=item["Key"])
            client.delete_bucket(Bucket=each["Name"])


@pytest.fixture
def ours(guarded_aws: Ministack) -> Iterator[Place]:
    """The account whose keys are exported."""
    place = Place(guarded_aws, OURS, HERE)
    yield place
    place.empty()


@pytest.fixture
def ours_elsewhere(guarded_aws: Ministack) -> Iterator[Place]:
    """The same account's other region."""
    place = Place(guarded_aws, OURS, ELSEWHERE)
    yield place
    place.empty()


@pytest.fixture
def staging(guarded_aws: Ministack) -> Iterator[Place]:
    """The account that the profile `staging` is of."""
    place = Place(guarded_aws, STAGING, HERE)
    yield place
    place.empty()


@pytest.fixture(scope="module")
def shell(guarded_aws: Ministack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell in which our keys are exported, and where there are profiles of another account."""
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "credentials").write_text(
        f"[staging]\naws_access_key_id = {STAGING}\naws_secret_access_key = secret\n"
    )
    (folder / "config").write_text(
        "[profile operator]\nsource_profile = staging\n"
        f"role_arn = arn:aws:iam::{STAGING}:role/operator\nregion = us-west-2\n"
    )
    role = boto3.client(
        "iam",
        endpoint_url=guarded_aws.url,
        region_name=HERE,
        aws_access_key_id=STAGING,
        aws_secret_access_key="secret",
    )
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STAGING}:root"},
        "Action": "sts:AssumeRole",
    }
    role.create_role(RoleName="operator", AssumeRolePolicyDocument=json.dumps(document(trusted)))
    role.put_role_policy(RoleName="operator", PolicyName="all", PolicyDocument=json.dumps(document(allowed)))
    return {
        "AWS_ENDPOINT_URL": guarded_aws.url,
        "AWS_REGION": HERE,
        "AWS_ACCESS_KEY_ID": OURS,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="module")
def project(shell: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project in that shell."""
    return Project(str(tmp_path_factory.mktemp("places")), shell)


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def python(shell: dict[str, str], *arguments: str, **env: str) -> Ran:
    """A module of this project, run in the shell."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**bare, **shell, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout + done.stderr)


def keys(shell: dict[str, str], *arguments: str, **env: str) -> Ran:
    return python(shell, "providers", "keys", "new", "--role", "admin", "--cloud", "aws", *arguments, **env)


# --- remove --------------------------------------------------------------------------------------


def test_remove_acts_in_the_account_of_its_profile_and_in_no_other(
    project: Project, ours: Place, staging: Place
) -> None:
    """Our keys and their token are exported, and the profile is another account's."""
    ours.deploy()
    before = ours.state
    bucket = staging.deploy()
    staging.deploy("serverless-ml-prod", "/serverless-ml/prod/keys")
    said = project.serverless(
        *["remove", "--yes", "--stage", "dev", "--aws-profile", "staging", "--param", "deleteModels=yes"],
        AWS_SESSION_TOKEN="ours",
    )
    assert f"the bucket {bucket} was deleted with 1 model" in said
    assert staging.stacks == {"serverless-ml-prod"}
    assert staging.parameters == {"/serverless-ml/prod/keys": 1}
    assert len(staging.models) == 1
    assert ours.state == before


def test_what_stays_is_deleted_by_its_own_accounts_credentials_alone(
    project: Project, shell: dict[str, str], ours: Place, staging: Place
) -> None:
    """The profile is a role's: its credentials are asked for at the time, and come with a token."""
    ours.deploy()
    before = ours.state
    bucket = staging.deploy()
    said = project.serverless(
        *["remove", "--yes", "--stage", "dev", "--aws-profile", "operator", "--param", "deleteModels=no"]
    )
    assert f"the bucket {bucket} was kept because it holds 1 model; to delete it: " in said
    assert (staging.stacks, staging.parameters, staging.models) == (set(), {}, {bucket})
    typed = next(line for line in said.splitlines() if "to delete it: " in line).rpartition(": ")[2].split()
    assert typed[:3] == [".venv/bin/python", "-m", "providers.aws.deploying.removal"]

    refused = python(shell, *typed[2:])
    assert refused.status == 1
    assert f"expected credentials of account {STAGING}, got those of account {OURS}" in refused.said
    assert staging.models == {bucket}
    typed.insert(3, "--profile=staging")
    assert f"the bucket {bucket} was deleted with 1 model" in python(shell, *typed[2:]).said
    assert staging.models == set()
    assert ours.state == before


def test_where_nothing_is_deployed_nothing_is_removed(
    project: Project, ours: Place, ours_elsewhere: Place
) -> None:
    ours.deploy()
    ours_elsewhere.keep(KEYS)
    before = ours.state, ours_elsewhere.state
    said = project.serverless("remove", "--stage", "dev", "--region", ELSEWHERE)
    assert f"nothing is deployed as {NAME} in {ELSEWHERE} of account {OURS}" in said
    assert "still there: 1 key in the parameters of /serverless-ml/dev/keys; to delete: " in said
    assert (ours.state, ours_elsewhere.state) == before


def test_removing_twice_is_no_error(project: Project, ours: Place) -> None:
    bucket = ours.deploy()
    assert f"the bucket {bucket} was kept" in project.serverless("remove", "--yes")
    assert (ours.stacks, ours.parameters, ours.models) == (set(), {}, {bucket})
    said = project.serverless("remove", "--yes")
    assert said.splitlines()[-1] == f"nothing is deployed as {NAME} in {HERE} of account {OURS}"


def test_without_a_terminal_and_without_yes_nothing_is_removed(project: Project, ours: Place) -> None:
    """A dry run says the same, and is no failure."""
    bucket = ours.deploy()
    before = ours.state
    refused = project.try_serverless("remove", "--param", "deleteModels=yes")
    assert refused.status == 1
    assert "nothing was removed: answer y to the question, or pass --yes" in refused.said
    dry = project.serverless("remove", "--dry-run")
    assert (
        f"  bucket     {bucket}: kept, because it holds 1 model (--param deleteModels=yes deletes them)"
        in dry
    )
    assert f"  stack      {NAME}\n" in dry
    assert "  keys       1 key in the parameters of /serverless-ml/dev/keys\n" in dry
    assert ours.state == before


def test_what_was_deleted_by_hand_does_not_stop_a_removal(project: Project, ours: Place) -> None:
    bucket = ours.deploy()
    client = ours.client("s3")
    for found in client.list_objects_v2(Bucket=bucket)["Contents"]:
        client.delete_object(Bucket=bucket, Key=found["Key"])
    client.delete_bucket(Bucket=bucket)
    ours.client("ssm").delete_parameter(Name=KEYS)
    said = project.serverless("remove", "--yes")
    assert f"  bucket     {bucket} (gone already)\n" in said
    assert "Traceback" not in said
    assert ours.state == (set(), {}, set())


@pytest.mark.parametrize(
    ("answers", "goes", "models"),
    [("n\n", False, True), ("y\nn\n", True, True), ("y\ny\n", True, False), ("\n", False, True)],
)
def test_a_person_is_asked_before_anything_is_deleted(
    shell: dict[str, str], ours: Place, answers: str, goes: bool, models: bool
) -> None:
    """Of the models apart: they are deleted only for a yes of their own."""
    bucket = ours.deploy()
    ours_side, terminal = pty.openpty()
    os.write(ours_side, answers.encode())
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    where = ["--region", HERE, "--account", OURS]
    ran = subprocess.run(
        [sys.executable, "-m", "providers.aws.deploying.removal", *where, "plan", NAME, "--keys", KEYS],
        env={**bare, **shell},
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    os.close(ours_side)
    os.close(terminal)
    assert f"Remove {NAME}? [y/N] " in ran.stderr
    assert ("Delete 1 model for good, too? [y/N] " in ran.stderr) == goes
    assert ran.returncode == (0 if goes else 1)
    if goes:
        assert json.loads(ran.stdout) == {
            "go": True,
            "bucket": bucket,
            "keys": KEYS,
            "delete_models": not models,
            "tasks": None,
        }


def test_a_removal_in_another_account_than_the_runs_is_refused(shell: dict[str, str], ours: Place) -> None:
    bucket = ours.deploy()
    before = ours.state
    where = ["providers.aws.deploying.removal", "--region", HERE]
    for step in (
        ["plan", NAME, "--keys", KEYS, "--yes"],
        ["remove", bucket, "--keys", KEYS, "--delete-models"],
    ):
        ran = python(shell, *where, "--account", STAGING, *step)
        assert (ran.status, ran.said.count("\n")) == (1, 1), ran.said
        assert f"expected credentials of account {STAGING}, got those of account {OURS}" in ran.said
    # As earlier versions printed it.
    ran = python(shell, *where, "remove", bucket, "--delete-models")
    assert (ran.status, ran.said.count("\n")) == (1, 1), ran.said
    assert "expected an account, got none: add --account with its 12 digits" in ran.said
    assert ours.state == before


def identity(place: Place, account: str, region: str) -> AwsIdentity:
    """The place's credentials, taken for those of an account and region."""
    return AwsIdentity(boto3.Session(place.account, "secret"), account, region)


@pytest.fixture
def emulated(shell: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This process finds the emulator."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", shell["AWS_ENDPOINT_URL"])


@pytest.mark.usefixtures("emulated")
def test_a_stack_of_another_account_than_the_runs_is_refused(ours: Place) -> None:
    ours.deploy()
    with pytest.raises(
        Conflict, match=f"in {HERE} of account {STAGING}, got one in {HERE} of account {OURS}"
    ):
        stack.find(identity(ours, STAGING, HERE), NAME)


class Denied(io.BytesIO):
    """The body of S3's refusal, as botocore reads it."""

    def __init__(self) -> None:
        super().__init__(b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@pytest.mark.usefixtures("emulated")
def test_a_bucket_that_became_another_accounts_is_left_alone(ours: Place, staging: Place) -> None:
    """The emulator knows no expected owner; what S3's documentation says of it is added here."""
    bucket = staging.deploy()
    mine = identity(ours, OURS, HERE)
    asked: list[str] = []

    def refuse_other_owners(request: Any, **_: object) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.compat import HTTPHeaders

        owner = request.headers.get("x-amz-expected-bucket-owner", b"").decode()
        asked.append(owner)
        if owner in ("", STAGING):
            return None
        return AWSResponse(request.url, 403, HTTPHeaders(), Denied())

    mine.session.events.register("before-send.s3", refuse_other_owners)
    said = removal.remove_bucket(mine, bucket, delete_models=True)
    assert f"the bucket {bucket} was kept because it cannot be read" in said
    assert asked == [OURS]
    assert bucket in staging.models

    theirs = identity(staging, STAGING, HERE)
    theirs.session.events.register("before-send.s3", refuse_other_owners)
    removal.remove_bucket(theirs, bucket, delete_models=True)
    assert set(asked[1:]) == {STAGING}


@pytest.mark.usefixtures("emulated")
def test_a_removal_that_fails_half_way_says_how_to_go_on(
    ours: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack is gone by then, and could not tell any more what it left."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
    mine = identity(ours, OURS, HERE)
    with pytest.raises(Unavailable) as raised:
        removal.remove(mine, "a-bucket", KEYS, delete_models=False)
    again = f"--region {HERE} --account {OURS} remove a-bucket --keys {KEYS}"
    assert str(raised.value).endswith(
        f"to try again: .venv/bin/python -m providers.aws.deploying.removal {again}"
    )


def test_a_bucket_that_is_gone_already_ends_in_a_line(shell: dict[str, str], ours: Place) -> None:
    ours.keep(KEYS)
    where = ["providers.aws.deploying.removal", "--region", HERE, "--account", OURS]
    ran = python(shell, *where, "remove", "serverless-ml-dev-models-gone", "--keys", KEYS)
    assert ran == Ran(0, "the bucket serverless-ml-dev-models-gone was already gone\n")
    assert ours.parameters == {}


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_goes_where_the_deployed_function_reads(
    shell: dict[str, str], ours: Place, ours_elsewhere: Place
) -> None:
    """The stack says it: it need not be the name that this version would choose."""
    ours.deploy(keys="/chosen/otherwise")
    made = keys(shell, "--region", HERE, AWS_REGION=ELSEWHERE)
    assert made.status == 0, made.said
    assert f"parameter /chosen/otherwise, {HERE} of account {OURS}" in made.said
    assert "warning" not in made.said
    assert ours.parameters == {"/chosen/otherwise": 2}
    assert ours_elsewhere.parameters == {}


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("--region", ELSEWHERE), f"{NAME} in {ELSEWHERE}"),
        (("--stage", "prod"), f"serverless-ml-prod in {HERE}"),
        (("--service", "renamed"), f"renamed-dev in {HERE}"),
    ],
)
def test_a_key_for_a_place_without_a_deployment_is_warned_of(
    shell: dict[str, str], ours: Place, ours_elsewhere: Place, arguments: tuple[str, str], missing: str
) -> None:
    ours.deploy()
    made = keys(shell, *arguments)
    assert made.status == 0, made.said
    assert (
        f"warning: nothing is deployed as {missing} of account {OURS}: if it is elsewhere, pass --region"
        in made.said
    )
    assert ours.parameters[KEYS] == 1
    assert len({**ours.parameters, **ours_elsewhere.parameters}) == (1 if "--region" in arguments else 2)


def test_a_renamed_service_has_its_own_keys(shell: dict[str, str], ours: Place) -> None:
    ours.deploy()
    ours.deploy("renamed-dev", "/renamed/dev/keys")
    made = keys(shell, "--service", "renamed")
    assert "warning" not in made.said
    assert ours.parameters == {KEYS: 1, "/renamed/dev/keys": 2}


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(("--profile", "staging"), {}), (("--aws-profile", "operator"), {}), ((), {"AWS_PROFILE": "staging"})],
)
def test_a_profile_wins_over_exported_keys_as_in_a_deployment(
    shell: dict[str, str], ours: Place, staging: Place, arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    """And a profile's own region counts for neither."""
    ours.deploy()
    staging.deploy()
    made = keys(shell, *arguments, **env)
    assert made.status == 0, made.said
    assert f"{HERE} of account {STAGING}" in made.said
    assert "warning" not in made.said
    assert (ours.parameters, staging.parameters) == ({KEYS: 1}, {KEYS: 2})


def test_a_deployment_that_does_not_say_where_its_keys_are_is_asked_by_its_function(
    shell: dict[str, str], ours: Place
) -> None:
    """Stacks had no such output once. `remove` finds the parameter in the same way."""
    ours.deploy(keys=None)
    assert "warning: the stack serverless-ml-dev does not name its keys parameter" in keys(shell).said
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("api.py", "")
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = ours.client("iam").create_role(
        RoleName="api", AssumeRolePolicyDocument=json.dumps(document(trusted))
    )["Role"]
    client = ours.client("lambda")
    client.create_function(
        FunctionName=f"{NAME}-api",
        Role=role["Arn"],
        Runtime="python3.13",
        Handler="api.api",
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"ML_KEYS_PARAMETER": "/earlier/keys"}},
    )
    made = keys(shell)
    client_said = python(
        shell,
        *["providers.aws.deploying.removal", "--region", HERE, "--account", OURS],
        *["plan", NAME, "--keys", KEYS, "--yes"],
    )
    client.delete_function(FunctionName=f"{NAME}-api")
    assert "parameter /earlier/keys," in made.said
    assert "warning" not in made.said
    assert '"keys": "/earlier/keys"' in client_said.said


def test_who_may_only_change_parameters_is_warned_and_writes_where_config_says(
    shell: dict[str, str], ours: Place
) -> None:
    ours.deploy()
    iam = ours.client("iam")
    iam.create_user(UserName="narrow")
    actions = ["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter"]
    allowed = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:ssm:*:*:parameter{KEYS}*"}
    iam.put_user_policy(UserName="narrow", PolicyName="keys", PolicyDocument=json.dumps(document(allowed)))
    made = iam.create_access_key(UserName="narrow")["AccessKey"]
    ran = keys(shell, AWS_ACCESS_KEY_ID=made["AccessKeyId"], AWS_SECRET_ACCESS_KEY=made["SecretAccessKey"])
    assert ran.status == 0, ran.said
    assert (
        "warning: could not check whether a function reads these parameters: looking for the stack"
        in ran.said
    )
    assert ours.parameters == {KEYS: 2}


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (("--profile", "nobody"), {}, "there is no AWS profile 'nobody'"),
        ((), {"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, "security token"),
        ((), {"AWS_ACCESS_KEY_ID": ""}, "there are no AWS credentials"),
        ((), {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "Could not connect"),
    ],
)
def test_what_hinders_is_one_line(
    shell: dict[str, str], arguments: tuple[str, ...], env: dict[str, str], message: str
) -> None:
    ran = keys(shell, *arguments, **env)
    assert (ran.status, ran.said.count("\n")) == (1, 1), ran.said
    assert message in ran.said
