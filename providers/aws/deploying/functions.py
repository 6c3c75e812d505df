"""A fitted model as a Lambda function of its own, on boto3."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from ml_core.errors import Conflict, InvalidInput, NotFound, TooLarge, Unavailable
from providers.aws.deploying.identity import aws_errors
from providers.aws.deploying.packaging import MOST_DIRECT_ZIP_BYTES, model_function
from providers.deploying import packages
from providers.deploying.functions import DeployedFunction
from providers.deploying.plan import Progress

HANDLER = "handlers.single.aws.predict"
_TIMEOUT = 30  # seconds
_MEMORY = range(128, 10_241)
_MOST_PAYLOAD_BYTES = 6 * 1024 * 1024
_LOG_DAYS = 30
_OURS = {"made-by": "serverless-ml deploy_model"}
# A new role takes some seconds until Lambda may assume it.
_ROLE_PAUSES = (1, 2, 3, 5, 8, 13)


def deploy(
    artifact: bytes, function_name: str, *, memory_mb: int, region: str | None, progress: Progress
) -> DeployedFunction:
    """Create the function with a role and a log group of its own, or update what differs."""
    if memory_mb not in _MEMORY:
        raise InvalidInput.at(
            "memory_mb", f"expected {_MEMORY[0]} to {_MEMORY[-1]} (MiB) on Lambda, got {memory_mb}"
        )
    progress(f"packaging {function_name}")
    package = model_function(artifact)
    if len(package) > MOST_DIRECT_ZIP_BYTES:
        raise TooLarge(
            f"expected a package of at most {MOST_DIRECT_ZIP_BYTES:,} bytes on Lambda, "
            f"got {len(package):,} with this model"
        )
    with aws_errors("AWS"):
        return _Deployment(function_name, memory_mb, region, progress).bring(package)


def invoke(function_name: str, payload: bytes, *, region: str | None) -> bytes:
    """What the function answers to `payload`."""
    if len(payload) > _MOST_PAYLOAD_BYTES:
        raise TooLarge(
            f"expected a payload of at most {_MOST_PAYLOAD_BYTES:,} bytes on Lambda, got {len(payload):,}"
        )
    with aws_errors("AWS"):
        client = _client("lambda", region)
        try:
            answer = client.invoke(FunctionName=function_name, Payload=payload)
        except client.exceptions.ResourceNotFoundException as error:
            raise NotFound(f"there is no function {function_name!r} in {client.meta.region_name}") from error
        said: bytes = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise Unavailable(f"the function {function_name!r} failed: {_reason(said)}")
    return said


class _Deployment:
    """One function on its way to what it should be."""

    def __init__(self, name: str, memory_mb: int, region: str | None, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._lambda = _client("lambda", region)
        self._iam = _client("iam", region)
        self._logs = _client("logs", region)
        self._settings = {
            "FunctionName": name,
            "Runtime": f"python{packages.TARGET_PYTHON}",
            "Handler": HANDLER,
            "MemorySize": memory_mb,
            "Timeout": _TIMEOUT,
            "Environment": {"Variables": {"OPENBLAS_NUM_THREADS": "1"}},
        }

    def bring(self, package: bytes) -> DeployedFunction:
        """Make the function what `package` and the settings say; do nothing where it is that already."""
        existing = self._existing()
        if existing is None:
            address = self._create(package)
            return DeployedFunction(self._name, address, changed=True)
        changed = [self._update_settings(existing), self._update_code(existing, package)]
        if not any(changed):
            self._progress(f"{self._name} is deployed already; nothing changed")
        return DeployedFunction(self._name, existing["FunctionArn"], changed=any(changed))

    def _existing(self) -> dict[str, Any] | None:
        try:
            found = self._lambda.get_function(FunctionName=self._name)
        except self._lambda.exceptions.ResourceNotFoundException:
            return None
        if not _OURS.items() <= found.get("Tags", {}).items():
            raise Conflict(
                f"a function {self._name!r} exists that deploy_model did not make: "
                "choose another function_name"
            )
        # One that another deployment is still at work on can be changed only when that is done.
        self._wait("function_updated_v2")
        configuration: dict[str, Any] = found["Configuration"]
        return configuration

    def _create(self, package: bytes) -> str:
        self._make_log_group()
        settings = {**self._settings, "Role": self._make_role(), "Tags": _OURS}
        self._progress(f"creating {self._name} ({len(package) / 1e6:.0f} MB)")
        created = self._when_the_role_is_known(
            lambda: self._lambda.create_function(**settings, Code={"ZipFile": package})
        )
        self._wait("function_active_v2")
        return str(created["FunctionArn"])

    def _update_settings(self, existing: dict[str, Any]) -> bool:
        if all(existing.get(name) == value for name, value in self._settings.items()):
            return False
        self._progress(f"updating the settings of {self._name}")
        self._lambda.update_function_configuration(**self._settings)
        self._wait("function_updated_v2")
        return True

    def _update_code(self, existing: dict[str, Any], package: bytes) -> bool:
        if existing["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode():
            return False
        self._progress(f"updating the code of {self._name} ({len(package) / 1e6:.0f} MB)")
        self._lambda.update_function_code(FunctionName=self._name, ZipFile=package)
        self._wait("function_updated_v2")
        return True

    def _wait(self, waiter: str) -> None:
        waiting = self._lambda.get_waiter(waiter)
        waiting.wait(FunctionName=self._name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def _make_log_group(self) -> None:
        name = f"/aws/lambda/{self._name}"
        try:
            self._logs.create_log_group(logGroupName=name, tags=_OURS)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return
        self._logs.put_retention_policy(logGroupName=name, retentionInDays=_LOG_DAYS)

    def _make_role(self) -> str:
        """The role that may write this function's log, and nothing else."""
        name = f"{self._name}-{self._lambda.meta.region_name}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        try:
            role = self._iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=_policy(trust),
                Description=f"of the function {self._name}, made by deploy_model",
                Tags=[{"Key": key, "Value": value} for key, value in _OURS.items()],
            )
        except self._iam.exceptions.EntityAlreadyExistsException:
            role = self._iam.get_role(RoleName=name)
        arn = str(role["Role"]["Arn"])
        partition, account = arn.split(":")[1], arn.split(":")[4]
        logs = f"arn:{partition}:logs:{self._lambda.meta.region_name}:{account}"
        logging = {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{logs}:log-group:/aws/lambda/{self._name}:*",
        }
        self._iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=_policy(logging))
        return arn

    def _when_the_role_is_known(
        self, create: Callable[[], dict[str, Any]], pauses: Sequence[float] = _ROLE_PAUSES
    ) -> dict[str, Any]:
        for pause in pauses:
            try:
                return create()
            except self._lambda.exceptions.InvalidParameterValueException as error:
                if "role" not in str(error).lower():
                    raise
            self._progress("waiting until Lambda may assume the new role")
            time.sleep(pause)
        return create()


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _client(service: str, region: str | None) -> Any:  # noqa: ANN401 - boto3's clients have no types of their own
    import boto3

    return boto3.client(service, region_name=region)


def _reason(said: bytes) -> str:
    """What the runtime says of a failed call: `{"errorMessage": …, "errorType": …}`."""
    try:
        return str(json.loads(said)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
