"""What an alias is: one version, or several with weights."""

from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown

# A version's number, or weights by version in digits, as JSON has them.
type State = int | dict[str, int]

MOST_VERSIONS = 10
MOST_WEIGHT = 10_000
_DIGITS = frozenset("0123456789")


def state_of(body: dict[str, object]) -> State:
    """What a caller's `{"version": 3}` or `{"weights": {"3": 90, "4": 10}}` asks for.

    Weights of 0 are left out, and a version that is alone then needs no weight. Raises `InvalidInput`.
    """
    if ("version" in body) == ("weights" in body):
        raise InvalidInput.at("$", "needs 'version', or 'weights' for several versions; one of the two")
    version = body.get("version")
    if isinstance(version, int):
        return version
    weights = _checked(body["weights"])
    return weights if len(weights) > 1 else int(next(iter(weights)))


def versions_in(state: State) -> list[int]:
    """The versions that it names, oldest first."""
    return [state] if isinstance(state, int) else sorted(map(int, state))


def heaviest(state: State) -> int:
    """The version with the greatest weight, the oldest of equals."""
    if isinstance(state, int):
        return state
    return min((-weight, int(version)) for version, weight in state.items())[1]


def described(state: State) -> str:
    """The versions, as messages call them."""
    numbers = ", ".join(map(str, versions_in(state)))
    return f"version {numbers}" if isinstance(state, int) else f"versions {numbers}"


def _checked(weights: object) -> dict[str, int]:
    """The weights above 0, by rising version."""
    if not isinstance(weights, dict):
        raise InvalidInput.at(
            "$.weights", f"is {shown(weights)}; an object of versions and weights is expected"
        )
    weights = dict(zip(weights, map(_whole, weights.values()), strict=True))
    raise_faults(fault for version, weight in weights.items() for fault in _faults(version, weight))
    kept = {version: weights[version] for version in sorted(weights, key=int) if weights[version]}
    if not 1 <= len(kept) <= MOST_VERSIONS:
        expected = f"1 to {MOST_VERSIONS} versions with a weight are expected"
        raise InvalidInput.at("$.weights", f"has {len(kept)}; {expected}")
    return kept


def _whole(weight: object) -> object:
    """A weight as an int, as in JSON Schema also where 90.0 was sent."""
    return int(weight) if type(weight) is float and weight.is_integer() else weight


def _faults(version: str, weight: object) -> list[Fault]:
    where = member("$.weights", version)
    if not (_DIGITS.issuperset(version) and 0 < len(version) <= 9 and version[0] != "0"):
        return [Fault(where, "is no version's number")]
    if type(weight) is not int or not 0 <= weight <= MOST_WEIGHT:
        return [Fault(where, f"is {shown(weight)}; a whole number from 0 to {MOST_WEIGHT} is expected")]
    return []
