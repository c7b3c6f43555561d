"""How far a long command is, in one line on standard error that is gone when the command ends."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from backstop.ports.clock import Clock

QUIET_SECONDS: Final = 2.0  # nothing is shown of what is over sooner
AGAIN_SECONDS: Final = 0.25
_CLEAR: Final = "\r\x1b[K"


@asynccontextmanager
async def progress(clock: Clock, line: Callable[[float], str], *, quiet: bool) -> AsyncIterator[None]:
    """Show `line(seconds since the start)` again and again; not when quiet, nor where standard error is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    task = asyncio.create_task(_show(clock, line), name="progress")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _show(clock: Clock, line: Callable[[float], str]) -> None:
    began = clock.monotonic()
    await clock.sleep(QUIET_SECONDS)
    try:
        while True:
            sys.stderr.write(_CLEAR + line(clock.monotonic() - began))
            sys.stderr.flush()
            await clock.sleep(AGAIN_SECONDS)
    finally:
        sys.stderr.write(_CLEAR)
        sys.stderr.flush()
