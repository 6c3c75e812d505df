"""Who deploys."""

import logging
from contextlib import suppress
from typing import Any


def credential() -> Any:  # noqa: ANN401 - the SDKs' credential protocol has several versions
    """A service principal of the environment, a federated token (CI), `az login` or `azd auth login`.

    `DefaultAzureCredential` would also ask the metadata server of a virtual machine, which costs seconds
    everywhere else.
    """
    from azure.identity import (
        AzureCliCredential,
        AzureDeveloperCliCredential,
        ChainedTokenCredential,
        EnvironmentCredential,
        WorkloadIdentityCredential,
    )

    # It warns of every place without a credential, over ten lines; `refusals.py` says once what is wrong.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    chain: list[Any] = [EnvironmentCredential()]
    with suppress(ValueError):  # the environment names no federated token
        chain.append(WorkloadIdentityCredential())
    return ChainedTokenCredential(*chain, AzureCliCredential(), AzureDeveloperCliCredential())
