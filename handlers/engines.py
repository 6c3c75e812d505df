"""Which engines a request may name: `auto` and those of this function, and what the deployment turned on."""

from __future__ import annotations

from ml_core.errors import InvalidInput, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ELSEWHERE = ("lithops", "dask")
"""What ML_ENGINES may name."""


def named_engines(setting: str) -> list[str]:
    """The names in a list separated by commas, each once."""
    return list(dict.fromkeys(name for each in setting.split(",") if (name := each.strip())))


def engines_fault(setting: str) -> str:
    """What is wrong with a list of engines; empty for nothing."""
    for name in named_engines(setting):
        if name not in ELSEWHERE:
            return f"expected engines, separated by commas, of {', '.join(ELSEWHERE)}; got {shown(name)}"
    return ""


def check_engine(name: str, setting: str, own: Sequence[str]) -> None:
    """Whether a request may name the engine.

    Args:
        name: what `engine` says.
        setting: the setting ML_ENGINES.
        own: what needs no turning on: `auto`, `function` and the like.

    Raises:
        InvalidInput: it is none, or the deployment has not turned it on.
    """
    on = named_engines(setting)
    if name in own or name in on:
        return
    expected = " or ".join(f'"{each}"' for each in (*own, *on))
    how = (
        f": {name} is not turned on here (`ML_ENGINES={name} make serve`, or a deployment with the parameter "
        f"engines={name}; docs/engines.md)"
        if name in ELSEWHERE
        else ""
    )
    raise InvalidInput.at("$.engine", f"expected {expected}, got {shown(name)}{how}")
