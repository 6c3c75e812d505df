"""Train, register and predict with a serverless-ml service.

`Client` and `AsyncClient` are where to begin. They know the service's REST contract, and nothing else of it.
"""

from typing import TYPE_CHECKING

from serverless_ml.version import VERSION

if TYPE_CHECKING:
    from serverless_ml import answers as answers
    from serverless_ml import errors as errors
    from serverless_ml._async.client import AsyncClient as AsyncClient
    from serverless_ml._async.datasets import AsyncDatasetHandle as AsyncDatasetHandle
    from serverless_ml._async.jobs import AsyncJobHandle as AsyncJobHandle
    from serverless_ml._async.models import AsyncRemoteModel as AsyncRemoteModel
    from serverless_ml._async.scoring import AsyncScores as AsyncScores
    from serverless_ml._async.scoring import AsyncScoringHandle as AsyncScoringHandle
    from serverless_ml._sync.client import Client as Client
    from serverless_ml._sync.datasets import DatasetHandle as DatasetHandle
    from serverless_ml._sync.jobs import JobHandle as JobHandle
    from serverless_ml._sync.models import RemoteModel as RemoteModel
    from serverless_ml._sync.scoring import Scores as Scores
    from serverless_ml._sync.scoring import ScoringHandle as ScoringHandle
    from serverless_ml.errors import BadConnection as BadConnection
    from serverless_ml.errors import BadReference as BadReference
    from serverless_ml.errors import Conflict as Conflict
    from serverless_ml.errors import Fault as Fault
    from serverless_ml.errors import InvalidArgument as InvalidArgument
    from serverless_ml.errors import InvalidInput as InvalidInput
    from serverless_ml.errors import JobCancelled as JobCancelled
    from serverless_ml.errors import JobFailed as JobFailed
    from serverless_ml.errors import NotAllowed as NotAllowed
    from serverless_ml.errors import NotConnected as NotConnected
    from serverless_ml.errors import NotFound as NotFound
    from serverless_ml.errors import NotInstalled as NotInstalled
    from serverless_ml.errors import ServerlessMLError as ServerlessMLError
    from serverless_ml.errors import ServiceError as ServiceError
    from serverless_ml.errors import TimedOut as TimedOut
    from serverless_ml.errors import TooLarge as TooLarge
    from serverless_ml.errors import TooMany as TooMany
    from serverless_ml.errors import Unavailable as Unavailable
    from serverless_ml.errors import UnexpectedAnswer as UnexpectedAnswer
    from serverless_ml.offline import load_file as load_file

__version__ = VERSION
# Imported when they are first asked for, so that `import serverless_ml` is quick.
_PLACES = {
    "Client": "_sync.client",
    "RemoteModel": "_sync.models",
    "JobHandle": "_sync.jobs",
    "DatasetHandle": "_sync.datasets",
    "Scores": "_sync.scoring",
    "ScoringHandle": "_sync.scoring",
    "AsyncClient": "_async.client",
    "AsyncRemoteModel": "_async.models",
    "AsyncJobHandle": "_async.jobs",
    "AsyncDatasetHandle": "_async.datasets",
    "AsyncScores": "_async.scoring",
    "AsyncScoringHandle": "_async.scoring",
    "load_file": "offline",
}
_ERRORS = (
    "BadConnection",
    "BadReference",
    "Conflict",
    "Fault",
    "InvalidArgument",
    "InvalidInput",
    "JobCancelled",
    "JobFailed",
    "NotAllowed",
    "NotConnected",
    "NotFound",
    "NotInstalled",
    "ServerlessMLError",
    "ServiceError",
    "TimedOut",
    "TooLarge",
    "TooMany",
    "Unavailable",
    "UnexpectedAnswer",
)
_PLACES |= dict.fromkeys(_ERRORS, "errors")
_MODULES = ("answers", "errors")

__all__ = [*_PLACES, *_MODULES, "__version__"]  # noqa: PLE0604  it is text alone


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"serverless_ml.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'serverless_ml' has no attribute {name!r}")
    value = getattr(import_module(f"serverless_ml.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
