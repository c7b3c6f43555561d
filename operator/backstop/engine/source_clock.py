"""The time of a metrics source: local monotonic time plus an offset that is asked each minute (semantics K19)."""

import math
from typing import Final

from backstop.domain.errors import SourceUnreachable
from backstop.ports.clock import Clock
from backstop.ports.metrics import MetricsSource

ASK_EVERY_SECONDS: Final = 60.0
TIME: Final = "time()"  # the question for it
MAX_SKEW_SECONDS: Final = 2.0  # beyond it the condition ClockSkew is True


class SourceClock:
    """Source time in unix seconds. Until the source was asked once, the local wall clock stands in."""

    def __init__(self, source: MetricsSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._offset: float | None = None  # source time minus monotonic time
        self._asked_at: float | None = None
        self.skew_seconds = 0.0  # source time minus local wall time, at the last answer

    @property
    def known(self) -> bool:
        """True once the source has told its time."""
        return self._offset is not None

    def now(self) -> float:
        """Return source time in unix seconds; it follows the monotonic clock, so local clock jumps do not move it."""
        if self._offset is None:
            return self._clock.now().timestamp()
        return self._clock.monotonic() + self._offset

    def is_due(self) -> bool:
        """True when the source should be asked again."""
        return self._asked_at is None or self._clock.monotonic() - self._asked_at >= ASK_EVERY_SECONDS

    async def ask(self) -> None:
        """Ask the source for its time. Raises what the source raises; the old offset stays in force then."""
        before = self._clock.monotonic()
        answer = await self._source.query(TIME, at=None)
        after = self._clock.monotonic()
        if len(answer.samples) != 1 or not math.isfinite(answer.samples[0].value):
            raise SourceUnreachable(f"source {self._source.name}: time() gave no time")
        middle = (before + after) / 2  # the answer was made somewhere in between; half the round trip is the error
        self._offset = answer.samples[0].value - middle
        self._asked_at = after
        wall_at_middle = self._clock.now().timestamp() - (after - middle)
        self.skew_seconds = answer.samples[0].value - wall_at_middle
