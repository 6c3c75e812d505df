"""Lithops on AWS Lambda, on a function that was deployed with the service: it makes none by itself.

So the driver needs no right to make functions or to pass roles, and driver and workers are of one release.
"""

import json
from contextlib import suppress
from importlib import import_module
from typing import Any

# What the tasks import: Lithops runs each in a fork of the function's process.
_IMPORTED = ("numpy", "arro3.core", "arro3.io", "obstore")


def work(event: Any, context: Any) -> Any:  # noqa: ANN401 - Lambda's signature
    """Work on the item that an event of Lithops names."""
    for name in _IMPORTED:
        with suppress(ImportError):
            import_module(name)
    from lithops.serverless.backends.aws_lambda.entry_point import lambda_handler

    return lambda_handler({**event, "log_level": "WARNING"}, context)


def use_deployed_functions() -> None:
    """Have Lithops invoke the function that the setting `runtime` of its back end names."""
    from lithops.serverless.backends import aws_lambda

    class DeployedFunctions(aws_lambda.ServerlessBackend):  # type: ignore[misc,unused-ignore]
        """Lithops' own back end, but for how a function is called and what is asked of it."""

        def _format_function_name(self, runtime_name: str, *_: object) -> str:
            return runtime_name

        def _is_container_runtime(self, _: str) -> bool:
            return False

        def invoke(self, runtime_name: str, _: object, payload: dict[str, Any]) -> str:
            """Invoke it, and let it run. Lithops' own would call AWS whatever the endpoint is, for ever."""
            answer = self.lambda_client.invoke(
                FunctionName=runtime_name, InvocationType="Event", Payload=json.dumps(payload, default=str)
            )
            return str(answer["ResponseMetadata"]["RequestId"])

    aws_lambda.ServerlessBackend = DeployedFunctions
