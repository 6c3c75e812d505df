"""What `remove` asks on Google Cloud and Azure is asked at the terminal, whatever stdin carries."""

import subprocess
import sys

from tests.framework import ROOT

ASK = "from providers.deploying.plan import ask_terminal; print(ask_terminal('Sure? [y/N] ') == 'y\\n')"
# A process whose terminal is its own, while its stdin is another's.
IN_A_TERMINAL = """
import os, pty, sys
command = [sys.executable, "-c", f"import sys; sys.stdin.close(); {sys.argv[1]}"]
sys.exit(os.waitstatus_to_exitcode(pty.spawn(command)))
"""


def test_a_question_is_asked_at_the_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL, ASK],
        cwd=ROOT,
        input="y\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.replace("\r", "").endswith("True\n"), done
    assert "Sure? [y/N] " in done.stdout


def test_without_a_terminal_the_answer_is_empty() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK.replace("'y\\n'", "''")],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert done.stdout == "True\n", done
