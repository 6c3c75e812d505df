# Made of `_async/copying.py` by `client/generate_sync.py`: change that one.
"""Copies a version from one service to another, with what the first one tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serverless_ml._sync.runtime import blocking
from serverless_ml.errors import InvalidArgument, ServerlessMLError, UnexpectedAnswer
from serverless_ml.graphs.sending import graph_in, import_again
from serverless_ml.lineage import origin_of

if TYPE_CHECKING:
    from serverless_ml._sync.client import Client
    from serverless_ml.answers import Version
    from serverless_ml.arguments import ImportSaid
    from serverless_ml.references import Reference


def copy(
    source: Client,
    which: Reference,
    to: Client,
    *,
    model: str | None = None,
    alias: str | None = None,
    on_interrupt: str = "cancel",
) -> Version:
    """Register or import at one service what another has; the new version. Its bytes go through memory.

    Raises:
        InvalidArgument: it is there already.
        UnexpectedAnswer: what was registered is not what was sent.
    """
    name = which.model if model is None else model
    if not isinstance(to, type(source)):
        raise InvalidArgument(
            f"expected the other service's {type(source).__name__} as `to`, got {type(to).__name__}"
        )
    if to.url == source.url and name == which.model:
        raise InvalidArgument(
            f"'{which}' is at {source.url} already: name another model, or move an alias to the version with "
            "promote"
        )
    there = source.model(which.model)
    told = there.version(which.version or which.alias)
    content = there.artifact(told.version)
    origin = origin_of(told.raw, source.url)
    if told.graph is None:
        made = to.register(name, content, origin=origin, on_interrupt=on_interrupt)
    else:
        graph = blocking(lambda: graph_in(content))
        said: ImportSaid = {**import_again(told.graph), "origin": origin, "on_interrupt": on_interrupt}
        made = to.import_onnx(name, graph, **said)
    if made.sha256 != told.sha256:
        raise UnexpectedAnswer(
            f"expected version {made.version} of '{name}' at {to.url} to have the SHA-256 {told.sha256}, as "
            f"the version that was copied, got {made.sha256}"
        )
    if alias is not None:
        try:
            to.model(name).promote(made.version, alias)
        except ServerlessMLError as error:
            error.add_note(
                f"it is copied: '{name}' has version {made.version} at {to.url}; only '{alias}' is unchanged"
            )
            raise
    return made
