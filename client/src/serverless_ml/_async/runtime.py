"""What differs between waiting in a coroutine and in a thread: the one module that is written twice.

`_sync/runtime.py` has the same names.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO

Interrupted = asyncio.CancelledError
"""What is raised where somebody wants to wait no longer."""
type Soon[Result] = Awaitable[Result]
"""What a function that waits gives back."""
_PART = 1 << 20


async def sleep(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)


async def blocking[Result](work: Callable[[], Result]) -> Result:
    """Do what would keep others waiting: in a thread."""
    return await asyncio.to_thread(work)


async def parts_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    """A file's bytes from where it stands, part by part."""
    while part := await asyncio.to_thread(file.read, _PART):
        yield part
