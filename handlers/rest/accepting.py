"""What a caller would rather have: the headers `Accept` and `Accept-Encoding` (RFC 9110, section 12)."""


def weight(header: str, name: str) -> float:
    """How much a header wants what it calls by `name`, from 0 to 1; 0 where it does not name it.

    A wildcard names nothing: who takes anything gets what every client would.
    """
    for entry in header.lower().split(","):
        named, *parameters = (part.strip() for part in entry.split(";"))
        if named == name:
            return min((_quality(each) for each in parameters), default=1)
    return 0


def _quality(parameter: str) -> float:
    """What a parameter says of the weight: 1 unless it is `q=0.5`, and 0 where nobody can read it."""
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1
    digits = value.strip()
    return min(float(digits), 1) if digits.isascii() and digits.replace(".", "", 1).isdecimal() else 0
