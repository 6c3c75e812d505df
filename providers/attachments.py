"""How storage has a browser or `curl -OJ` save what it reads: as a file of a name, not shown."""

import re

PARAMETER = "response-content-disposition"  # S3's and Cloud Storage's name for it in a signed address
_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}")


def disposition(name: str) -> str:
    """The header Content-Disposition by which a file is saved as `name`.

    Raises:
        ValueError: for a name that would have to be quoted.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a file's name is letters, digits, '.', '_' and '-', not {name!r}")
    return f'attachment; filename="{name}"'
