"""Everything a cloud is: its storage, queue and secrets, and how to deploy to it. One folder per cloud."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from providers.deploying.functions import deploy_model, invoke_model

__all__ = ["deploy_model", "invoke_model"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import the public functions when they are asked for: a prediction imports this package too."""
    if name in __all__:
        from providers.deploying import functions

        return getattr(functions, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
