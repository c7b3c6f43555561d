"""Time, as an argument."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The local clock. Source time is the engine's business (semantics K19)."""

    def now(self) -> datetime:
        """Return aware UTC; only for times that we store or show."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump; for deadlines, leases and durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time, at once when not positive."""
        ...
