"""The product as a Lambda instance runs it: the AWS handler, and a key that is checked.

`predict FOLDER EVENT` answers one event from cold, `repeat FOLDER EVENT TIMES` one again and again, and
`time FOLDER EVENT…` several. Models and keys are in the folder; with `ML_BUCKET` set they are where a
deployment on AWS has them, S3 and the Parameter Store, and nothing here comes between the handler and its
cloud.
"""

from __future__ import annotations

import os
import sys

from handlers.clouds import aws, bootstrap
from ml_core import json_text


def use(folder: str) -> None:
    """Let the handler find its models and its keys in `folder` instead of in the cloud."""
    from handlers.local.services import folder_services
    from handlers.settings import read_settings
    from providers.local.runtime.keys import FILE, FileKeyStore

    settings = read_settings({**os.environ, "ML_ROOT": folder})
    keys = FileKeyStore(os.path.join(folder, FILE))
    bootstrap._SERVICES.append(folder_services(settings, keys.read))  # noqa: SLF001 - what stands for the cloud


def predict(event_file: str, times: str = "1") -> None:
    """Answer the recorded event so often, and fail unless it is a 200."""
    with open(event_file, encoding="utf-8") as file:
        event = json_text.loads(file.read())
    for _ in range(int(times)):
        answer = aws.api(event, None)
        if answer["statusCode"] != 200:
            raise SystemExit(str(answer))


def main(verb: str, folder: str, *events: str) -> None:
    """Answer one event from cold, it again and again, or several."""
    if "ML_BUCKET" not in os.environ:
        use(folder)
    if verb in ("predict", "repeat"):
        predict(*events)
    else:
        from benchmarks.timing import report

        report(aws.api, events)


if __name__ == "__main__":
    main(*sys.argv[1:])
