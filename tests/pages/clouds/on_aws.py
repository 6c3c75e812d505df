"""AWS: ministack, which checks signatures and holds each function to its role."""

from pathlib import Path

import boto3

from tests.ministack import Ministack
from tests.pages.clouds.place import HEADER, STAGE, home
from tests.pages.marks import AWS


class OnAws:
    """AWS on this machine."""

    name = AWS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The emulator speaks plain HTTP, which the bucket's policy refuses.
        self._aws = Ministack(AUTH="true", AS_IF_TLS="yes")

    def __enter__(self) -> "OnAws":
        self._aws.__enter__()
        # A profile as docs/aws.md has one; the emulator knows these keys.
        keys = "[staging]\naws_access_key_id = test\naws_secret_access_key = test\n"
        home(self._folder / "home", {".aws/credentials": keys})
        return self

    def __exit__(self, *error: object) -> None:
        self._aws.__exit__(*error)

    @property
    def env(self) -> dict[str, str]:
        """See `Place`."""
        return self._aws.env

    def made(self, name: str) -> str:
        """See `Place`; the address stands in a shell's command."""
        if name == "url":
            return self.answering().replace("$", r"\$")
        return {"header": HEADER}[name]

    def answering(self) -> str:
        """See `Place`: the emulator runs what was deployed."""
        client = boto3.client(
            "cloudformation",
            region_name=self._aws.env["AWS_REGION"],
            endpoint_url=self._aws.url,
            aws_access_key_id=self._aws.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._aws.env["AWS_SECRET_ACCESS_KEY"],
        )
        (stack,) = client.describe_stacks(StackName=f"serverless-ml-{STAGE}")["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        return f"{self._aws.url}/_aws/execute-api/{outputs['HttpApiId']}/$default"

    def work(self) -> None:
        """See `Place`: the emulator takes messages from the queue by itself."""
