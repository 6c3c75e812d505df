"""What can be said before a deployment fails: whether the account has the concurrency that is reserved."""

import argparse
import sys
from typing import Any

# What Lambda keeps for the functions that reserve nothing, even in the smallest account.
_LEAST_UNRESERVED = 10


def objection(settings: dict[str, Any], reserve: int) -> str | None:
    """Why an account with these settings cannot reserve so many concurrent functions, or None when it can.

    Args:
        settings: what Lambda's GetAccountSettings answers.
        reserve: how many our functions reserve together.
    """
    limit = int(settings["AccountLimit"]["ConcurrentExecutions"])
    if limit - reserve >= _LEAST_UNRESERVED:
        return None
    return (
        f"cannot reserve {reserve} concurrent functions: this account's quota is {limit}, and Lambda keeps "
        f"{_LEAST_UNRESERVED} of them unreserved; deploy with --param apiConcurrency=none "
        "--param trainConcurrency=none, or ask AWS to raise the quota of concurrent executions"
    )


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 and one line when the deployment would fail."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    parser = argparse.ArgumentParser(prog="python -m providers.aws.deploying.preflight")
    parser.add_argument("--region", required=True)
    parser.add_argument("--reserve", type=int, required=True)
    given = parser.parse_args(arguments)
    try:
        settings = boto3.client("lambda", region_name=given.region).get_account_settings()
    except (BotoCoreError, ClientError):
        return 0  # who may not ask this may deploy all the same
    refused = objection(settings, given.reserve)
    if refused:
        sys.stderr.write(refused + "\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
