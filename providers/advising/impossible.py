"""Why no advice can be given."""

from ml_core.errors import ServerlessMLError


class AdviceImpossible(ServerlessMLError):
    """What was asked for cannot be measured or computed; the message says what to do."""

    code = "advice_impossible"


def reason_of(error: Exception) -> str:
    """Why something failed, without the number that the system has for it."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
