"""Waiting on conditions while the event loop goes on."""

import asyncio
import time


async def eventually(condition, seconds=20.0, *, describe=""):
    """Return the first truthy value of `condition`; fail with the last one after so many `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s for {describe or condition}; last seen: {value!r}"
        await asyncio.sleep(0.02)
    return value
