"""Finds the endpoint of a path."""

from handlers.rest.routes import ROUTES, Route

Segments = tuple[str, ...]
Found = dict[str, tuple[Route, dict[str, str]]]


# What was found for paths, as callers mostly ask for the same few: all are forgotten when there are many.
_KEPT: dict[str, Found] = {}
_MOST_KEPT, _LONGEST_KEPT = 500, 200


def find(path: str) -> Found:
    """Each method that `path` takes, with its route and the values of the path's parameters: to be read only.

    Empty where there is no such path.
    """
    found = _KEPT.get(path)
    if found is None:
        found = _find(path)
        if found and len(path) <= _LONGEST_KEPT:
            if len(_KEPT) >= _MOST_KEPT:
                _KEPT.clear()
            _KEPT[path] = found
    return found


def _find(path: str) -> Found:
    segments = split(path)
    found: Found = {}
    for route, pattern in _TABLE.get((len(segments), segments[-1]), ()):
        values = _values(pattern, segments)
        if values is not None:
            found[route.method] = (route, values)
    return found


def below(base: str, path: str) -> str:
    """`path` without `base` before it, unless it leads to an endpoint as it stands.

    So a base that is called `/v1` takes nothing from the API's own /v1.

    Args:
        base: a path without a slash at its end, such as `/ml`.
        path: a request's.
    """
    if not f"{path}/".startswith(f"{base}/") or find(path):
        return path
    return path[len(base) :] or "/"


def allowed(found: Found) -> str:
    """The methods of a path as the Allow header lists them."""
    return ", ".join(sorted({*found, "OPTIONS"} | ({"HEAD"} if "GET" in found else set())))


def split(path: str) -> Segments:
    """The segments of `path`, the last one being the verb: empty, or with its colon."""
    *front, last = path.split("/")
    last, colon, verb = last.partition(":")
    return (*front, last, colon + verb)


def _values(pattern: Segments, segments: Segments) -> dict[str, str] | None:
    """The parameters' values when `segments` fit `pattern`."""
    values = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected[:1] == "{" and segment:
            values[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return values


# By the number of segments and the verb: few others are as long and end so.
_TABLE: dict[tuple[int, str], list[tuple[Route, Segments]]] = {}
for _route in ROUTES:
    _pattern = split(_route.path)
    _TABLE.setdefault((len(_pattern), _pattern[-1]), []).append((_route, _pattern))
