"""Why no advice can be given."""

from ml_core.errors import ServerlessMLError


class AdviceImpossible(ServerlessMLError):
    """What was asked for cannot be measured or computed; the message says what to do."""

    code = "advice_impossible"
