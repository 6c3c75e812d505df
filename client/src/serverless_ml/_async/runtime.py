"""What differs between waiting in a coroutine and in a thread: the one module that is written twice.

`_sync/runtime.py` has the same names.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

Interrupted = asyncio.CancelledError
"""What is raised where somebody wants to wait no longer."""
_PART = 1 << 20


async def sleep(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)


async def blocking[Result](work: Callable[[], Result]) -> Result:
    """Do what would keep others waiting: in a thread."""
    return await asyncio.to_thread(work)


async def parts_of(file: BinaryIO) -> AsyncIterator[bytes]:
    """A file's bytes from where it stands, part by part."""
    while part := await asyncio.to_thread(file.read, _PART):
        yield part
