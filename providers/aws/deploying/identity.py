"""Whose credentials a command on AWS uses, and in which region.

The framework and boto3 disagree: with a profile and AWS_ACCESS_KEY_ID both set, the framework takes the
profile and boto3 the variables. Two commands of one shell would act in two accounts. The framework's order
holds (osls/lib/aws/credentials.js); docs/decisions/0025-one-identity-for-a-run.md has the reasons.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ml_core.errors import AccessRefused, Unavailable

_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}
# A profile that holds no credentials of its own is not to become the machine's role.
_OF_THE_MACHINE = {"container-role", "iam-role", "ec2-credentials-file", "boto-config"}


class AwsIdentity(NamedTuple):
    """Credentials, the account that they belong to, and the region to act in."""

    session: Any  # boto3's, which has no types of its own
    account: str
    region: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - the same
        """A client of one service."""
        return _client(self.session, service, self.region)

    def __str__(self) -> str:
        return f"{self.region} of account {self.account}"


def region_of(env: Mapping[str, str]) -> str:
    """The region that config.yml takes when no option names one. Both ignore a profile's own region."""
    return env.get("AWS_REGION", env.get("AWS_DEFAULT_REGION", "")) or "us-east-1"


def identify(
    env: Mapping[str, str], region: str, *, stage: str = "", profile: str | None = None
) -> AwsIdentity:
    """The credentials that the framework would use, and their account. Raises `Unavailable`.

    Args:
        env: the shell's variables.
        region: where to act.
        stage: AWS_<STAGE>_PROFILE and AWS_<STAGE>_ACCESS_KEY_ID count only for it.
        profile: what an option names; it wins over every variable.
    """
    with aws_errors("asking AWS whose credentials these are"):
        session = _session(env, stage, profile)
        return AwsIdentity(session, _client(session, "sts", region).get_caller_identity()["Account"], region)


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """What boto3 raises, as ours, in a line: `AccessRefused` where a right is missing, else `Unavailable`."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise Unavailable("boto3 is not installed: run `make setup`") from error
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        said = f"{doing}: {' '.join(str(error).split())}"
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _FORBIDDEN:
            raise AccessRefused(said) from error
        raise Unavailable(said) from error


def _session(env: Mapping[str, str], stage: str, profile: str | None) -> Any:  # noqa: ANN401
    """The first credentials in the framework's order."""
    if profile:
        return _of_profile(profile)
    for prefix in [f"AWS_{stage.upper()}", "AWS"] if stage else ["AWS"]:
        if named := env.get(f"{prefix}_PROFILE"):
            return _of_profile(named)
        key, secret = env.get(f"{prefix}_ACCESS_KEY_ID"), env.get(f"{prefix}_SECRET_ACCESS_KEY")
        if key and secret:
            return _of_keys(key, secret, env.get(f"{prefix}_SESSION_TOKEN"))
    for last in (env.get("AWS_DEFAULT_PROFILE", ""), "default"):
        if last in _blank().available_profiles:
            return _of_profile(last)
    return _of_the_machine()


def _of_profile(name: str) -> Any:  # noqa: ANN401
    import boto3
    import botocore.session
    from botocore.exceptions import ProfileNotFound

    try:
        session = boto3.Session(botocore_session=botocore.session.Session(profile=name))
        found = session.get_credentials()
    except ProfileNotFound as error:
        raise Unavailable(f"there is no AWS profile {name!r}") from error
    if found is None or found.method in _OF_THE_MACHINE:
        raise Unavailable(f"the AWS profile {name!r} holds no credentials")
    return session


def _of_keys(key: str, secret: str, token: str | None) -> Any:  # noqa: ANN401
    import boto3

    return boto3.Session(key, secret, token or None, botocore_session=_blank())


def _of_the_machine() -> Any:  # noqa: ANN401
    import boto3

    session = boto3.Session(botocore_session=_blank())
    if session.get_credentials() is None:
        raise Unavailable(
            "there are no AWS credentials: name a profile (--profile, AWS_PROFILE), or set AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        )
    return session


def _blank() -> Any:  # noqa: ANN401
    """A session that takes no profile from the environment: boto3 would prefer AWS_DEFAULT_PROFILE."""
    import botocore.session

    return botocore.session.Session(session_vars={"profile": (None, None, None, None)})


def _client(session: Any, service: str, region: str) -> Any:  # noqa: ANN401
    from botocore.config import Config

    patience = Config(connect_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    return session.client(service, region_name=region, config=patience)
