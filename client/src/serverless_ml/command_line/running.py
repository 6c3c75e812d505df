"""From the process's arguments to its exit code: whatever goes wrong is told in plain words on stderr."""

import os
import sys

from serverless_ml.command_line.exits import CommandError, Ending, Exit, ending_of

NAME = "serverless-ml"
_BUG = (
    "this is a fault of the command, not yours: {what}. `--debug` shows where; please report it with the "
    "command that you gave"
)


def run(arguments: list[str]) -> int:
    """Run a command, say on stderr what went wrong, and return what the process has to end with."""
    from typer import TyperException
    from typer.main import get_command

    from serverless_ml.command_line.app import app
    from serverless_ml.command_line.texts import take_texts_as_they_are

    take_texts_as_they_are()
    debug = "--debug" in arguments
    try:
        _check_stdout()
        code = get_command(app(for_terminal=_on_terminal())).main(
            arguments, prog_name=NAME, standalone_mode=False
        )
        _flush()
        # A command that returns None is done; typer gives the number of an `Exit` back.
        return code if isinstance(code, int) else Exit.DONE
    except BrokenPipeError:
        _leave_pipe()
        return Exit.PIPE_CLOSED
    except SystemExit as error:  # typer's own for a closed pipe, and after completion
        if error.code == 1 and _pipe_is_closed():
            return Exit.PIPE_CLOSED
        return error.code if isinstance(error.code, int) else Exit.DONE
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message(), file=sys.stderr)
        else:
            _say(_usage(error))
        return error.exit_code
    except BaseException as error:  # noqa: BLE001 the process's last word, whatever it is of
        if debug:
            import traceback

            traceback.print_exc()
        _give_up_stdout()
        ending = ending_of(error) or Ending([_BUG.format(what=f"{type(error).__name__}: {error}")], Exit.BUG)
        _say(ending.lines)
        return ending.code


def _check_stdout() -> None:
    """Raises `CommandError` where there is nowhere to write a result: before anything is done."""
    if sys.stdout is None:
        raise CommandError("standard output is closed: there is nowhere to write a result", Exit.FILE)


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _give_up_stdout() -> None:
    """Where stdout takes nothing any more, have Python not try once more, and say so, at its end."""
    try:
        _flush()
    except OSError:
        _leave_pipe()


def _leave_pipe() -> None:
    """Let Python's own last flush of stdout go nowhere: whoever read it has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _pipe_is_closed() -> bool:
    """Whether stdout was a pipe that nobody reads any more; typer ends with 1 then."""
    try:
        _flush()
    except (BrokenPipeError, ValueError):
        _leave_pipe()
        return True
    return False


def _usage(error: Exception) -> list[str]:
    """A usage error of typer's in this command's words."""
    message = getattr(error, "format_message", lambda: str(error))()
    message = message.removesuffix(".")
    lines = [message[:1].lower() + message[1:]]
    if (context := getattr(error, "ctx", None)) is not None:
        lines.append(f"see: {context.command_path} --help")
    return lines


def _say(lines: list[str]) -> None:
    """Say it on stderr, if there is one."""
    if sys.stderr is None or not any(lines):
        return
    try:
        print(f"{NAME}: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr, flush=True)
    except OSError:
        return
