"""A clock that follows the event loop: with `@pytest.mark.looptime` its seconds cost nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class LoopClock:
    """Implements ports.clock.Clock on the time of the running loop. `jump` moves the wall clock alone."""

    def __init__(self) -> None:
        self._jumped = timedelta()

    def now(self) -> datetime:
        return START + self._jumped + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    def jump(self, seconds: float) -> None:
        self._jumped += timedelta(seconds=seconds)
