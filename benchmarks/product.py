"""The product as a Lambda instance runs it: the AWS handler, a checked key, models in a folder or in S3.

`python -m benchmarks.product predict|time FOLDER EVENT…`; with `ML_BUCKET` set, models are in S3.
"""

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from handlers.clouds import aws, bootstrap

if TYPE_CHECKING:
    from ml_core.ports import ObjectStore


def use(folder: str) -> None:
    """Let the handler find its models and its keys in `folder` instead of in the cloud."""
    from handlers.services import Services
    from handlers.settings import read_settings

    services = Services(
        read_settings(os.environ),
        store=lambda: stored(folder),
        queue=_no_queue,
        key_records=lambda: _records(folder),
    )
    bootstrap._SERVICES.append(services)  # noqa: SLF001 - the seam between the handler and its cloud


def stored(folder: str) -> "ObjectStore":
    """S3 where `ML_BUCKET` names a bucket, else the folder."""
    if "ML_BUCKET" in os.environ:
        from providers.aws.runtime import wiring

        return wiring.store(os.environ)
    from providers.local.runtime.folder_store import FolderStore

    return FolderStore(folder)


def predict(event_file: str) -> None:
    """Answer the recorded event, and fail unless it is a prediction."""
    with open(event_file, encoding="utf-8") as file:
        answer = aws.api(json.load(file), None)
    if answer["statusCode"] != 200:
        raise SystemExit(str(answer))


def _records(folder: str) -> list[dict[str, Any]]:
    with open(f"{folder}/keys.json", encoding="utf-8") as file:
        records: list[dict[str, Any]] = json.load(file)
        return records


def _no_queue() -> NoReturn:
    raise NotImplementedError("a prediction sends no job")


def main(verb: str, folder: str, *events: str) -> None:
    """Answer one event from cold, or several again and again."""
    use(folder)
    if verb == "predict":
        predict(*events)
    else:
        from benchmarks.timing import report

        report(aws.api, events)


if __name__ == "__main__":
    main(*sys.argv[1:])
