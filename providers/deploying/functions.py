"""A fitted model as a function of its own on every cloud, without the framework.

    from providers import deploy_model, invoke_model
    deploy_model(model, "iris")
    invoke_model("iris", {"instances": [[5.1, 3.5, 1.4, 0.2]]})

`providers/<cloud>/deploying/functions.py` offers `deploy` and `invoke`; what every cloud shares is here.
"""

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from ml_core import conflicts
from ml_core.errors import Fault, InvalidInput, MalformedInput, NotFound, ServerlessMLError
from providers.deploying.plan import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

# The package's file that holds the model, beside the code.
ARTIFACT = "model.safetensors"

# With a region behind it, it still names a role.
_LONGEST_NAME = 48


class FittedModel(Protocol):
    """What gives its artifact, as `train_model`'s result does."""

    def to_bytes(self) -> bytes:
        """The model's artifact."""
        ...


class DeployedFunction(NamedTuple):
    """A function on a cloud: what the cloud calls it, and whether this deployment changed it."""

    name: str
    address: str
    changed: bool


class Cloud(Protocol):
    """What `providers/<cloud>/deploying/functions.py` offers."""

    def deploy(
        self, artifact: bytes, function_name: str, *, memory_mb: int, region: str | None, progress: Progress
    ) -> DeployedFunction:
        """Create or update the function. Raises `Unavailable`, `Conflict`."""
        ...

    def invoke(self, function_name: str, payload: bytes, *, region: str | None) -> bytes:
        """The function's answer. Raises `NotFound`, `TooLarge`, `Unavailable`."""
        ...


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def deploy_model(
    model: FittedModel | object,
    function_name: str,
    *,
    provider: str = "aws",
    memory_mb: int = 512,
    region: str | None = None,
    progress: Progress = _say,
) -> DeployedFunction:
    """Deploy a fitted model as a function of its own on a cloud, or update that function.

    The function holds the model and the predict path. It is not public: a caller needs the cloud's permission
    or, on Azure, the function's key. `invoke_model` calls it with yours. Deploying the same again changes
    nothing.

    Args:
        model: as `train_model` returns it, or a fitted object of scikit-learn's, as `from_scikit_learn` takes
            it.
        function_name: letters, digits and hyphens; what `invoke_model` calls.
        provider: the cloud: aws, google or azure.
        memory_mb: the function's memory in MiB; clouds give CPU in proportion.
        region: where; None is what the cloud's own tools would use.
        progress: is called with a line for each thing that happens.

    Raises:
        InvalidInput: the cloud does not allow the function's name or memory.
        NotConverted: the model is no model of this project's, and cannot be said as one.
        NotFound: no such cloud.
        Conflict: a function of that name exists that `deploy_model` did not make.
        Unavailable: the cloud did not answer, refused, or is not set up on this machine.
    """
    _check_name(function_name)
    cloud = _cloud(provider)
    return cloud.deploy(
        _artifact(model), function_name, memory_mb=memory_mb, region=region, progress=progress
    )


def _artifact(model: FittedModel | object) -> bytes:
    own: Callable[[], bytes] | None = getattr(model, "to_bytes", None)
    if own is not None:
        return own()
    from ml_core.converting.scikit_learn import from_scikit_learn

    return from_scikit_learn(model).to_bytes()


def invoke_model(
    function_name: str, payload: dict[str, Any], *, provider: str = "aws", region: str | None = None
) -> dict[str, Any]:
    """Call a function that `deploy_model` made with a `:predict` body, and return its answer.

    Args:
        function_name: as it was deployed.
        payload: `{"instances": [[…], …]}`, and `"outputs"` where more than labels are wanted.
        provider: the cloud: aws, google or azure.
        region: where; None is what the cloud's own tools would use.

    Returns:
        `{"predictions": […], "classes": […], "model": {…}}`, as the REST contract has it.

    Raises:
        InvalidInput: the payload is no JSON or breaks the contract; says where.
        NotFound: no such function or cloud.
        TooLarge: the payload or the answer is more than a call can carry.
        Unavailable: the cloud or the function did not answer.
    """
    try:
        sent = json.dumps(payload, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput.at("$", f"the payload cannot be written as JSON: {error}") from error
    answer = _cloud(provider).invoke(function_name, sent, region=region)
    return answered(answer)


def answered(answer: bytes) -> dict[str, Any]:
    """Parse a function's answer, or raise its problem as the error that it was in the function."""
    try:
        document = json.loads(answer)
    except ValueError as error:
        raise MalformedInput(
            "expected JSON from the function, got something else: was it deployed by deploy_model?"
        ) from error
    if not isinstance(document, dict):
        raise MalformedInput(
            "expected a JSON object from the function, got other JSON: was it deployed by deploy_model?"
        )
    if "code" in document and "detail" in document:
        raise _error(document)
    return document


def _error(problem: dict[str, Any]) -> ServerlessMLError:
    faults = [Fault(str(each["path"]), str(each["message"])) for each in problem.get("faults", [])]
    if problem["code"] == InvalidInput.code and faults:
        return InvalidInput(faults)
    for kind in _kinds(ServerlessMLError):
        if kind.code == problem["code"] and not issubclass(kind, InvalidInput):
            return kind(str(problem["detail"]))
    return ServerlessMLError(str(problem["detail"]))


def _kinds(root: type[ServerlessMLError]) -> list[type[ServerlessMLError]]:
    """The error classes that `ml_core` names for all, each before those under it."""
    found = [root]
    for below in root.__subclasses__():
        if below.__module__ in (ServerlessMLError.__module__, conflicts.__name__):
            found.extend(_kinds(below))
    return found


def _check_name(function_name: str) -> None:
    plain = function_name.replace("-", "a")
    short = len(function_name) <= _LONGEST_NAME
    if not (short and plain.isascii() and plain.isalnum() and function_name[0] != "-"):
        expected = f"expected 1 to {_LONGEST_NAME} letters, digits and hyphens"
        raise InvalidInput.at("function_name", f"{expected}, got {function_name[:80]!r}")


def _cloud(provider: str) -> Cloud:
    name = f"providers.{provider}.deploying.functions"
    try:
        return cast("Cloud", importlib.import_module(name))
    except ModuleNotFoundError as error:
        if error.name and not name.startswith(error.name):
            raise
        raise NotFound(f"expected the provider aws, google or azure, got {provider!r}") from error
