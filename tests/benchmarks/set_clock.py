"""A clock that stands still until it is moved."""

from datetime import UTC, datetime


class SetClock:
    """Implements ports.clock.Clock. `unix` is the time it shows, in seconds; nobody waits by it."""

    def __init__(self, unix: float) -> None:
        self.unix = unix

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.unix, UTC)

    def monotonic(self) -> float:
        return self.unix

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits {seconds} s by this clock")
