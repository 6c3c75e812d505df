"""The command `serverless-ml`."""

import sys


def main() -> None:
    """Run the command as the process's arguments say, and end the process."""
    if sys.argv[1:] == ["--version"]:
        # What installers and scripts ask; nothing else is imported for it.
        from serverless_ml.version import VERSION

        print(f"serverless-ml {VERSION}")
        return
    from serverless_ml.command_line.running import run

    sys.exit(run(sys.argv[1:]))
