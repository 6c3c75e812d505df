"""Where an error came from, without its message: a library's message may quote the value that it met."""


def frames_of(error: BaseException) -> str:
    """The error's kind and the lines of code that it passed, as text for a log."""
    import traceback

    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 5:
        frames = traceback.extract_tb(cause.__traceback__)[-20:]
        lines = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append("\n".join([type(cause).__qualname__, *lines]))
        cause = cause.__cause__ or cause.__context__
    return "\n".join(chain)
