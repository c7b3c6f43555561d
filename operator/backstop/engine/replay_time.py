"""The past as if it were now: a clock that stands still until it is advanced, and a source that knows no later time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from backstop.domain.errors import QueryTimedOut, SourceUnreachable
from backstop.engine.source_clock import TIME
from backstop.ports.clock import Clock
from backstop.ports.metrics import InstantAnswer, MetricsSource, RangeAnswer, Sample

T = TypeVar("T")

RETRY_AFTER_SECONDS: Final = (1.0, 4.0)  # a replay asks for minutes; one lost connection must not end it


class ReplayClock:
    """Implements `ports.clock.Clock` on replayed time: wall clock and monotonic are unix seconds of the source."""

    def __init__(self, at: float) -> None:
        self._at = at
        self._moved = asyncio.Event()

    @property
    def at(self) -> float:
        """The replayed time in unix seconds."""
        return self._at

    def advance(self, to: float) -> None:
        """Let it be `to`. Raises ValueError for a time before the present one."""
        if to < self._at:
            raise ValueError(f"replayed time cannot go back from {self._at} to {to}")
        self._at = to
        self._moved.set()
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._at, UTC)

    def monotonic(self) -> float:
        return self._at

    async def sleep(self, seconds: float) -> None:
        due = self._at + seconds
        while self._at < due:
            await self._moved.wait()


class ReplayedSource:
    """A source at the replayed time. Implements `ports.metrics.MetricsSource`.

    Its own now is the replayed one. Where the operator would ask again at its next tick, a replay has no next tick for
    the same minutes, so a source that is away is asked again a few times; `lost` then tells that it stays away, and
    nothing more is asked.
    """

    def __init__(self, source: MetricsSource, clock: ReplayClock, *, patience: Clock) -> None:
        self._source = source
        self._clock = clock
        self._patience = patience  # real time, to wait before asking again
        self.lost: SourceUnreachable | None = None
        self.queries = 0

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def timeout_seconds(self) -> float:
        return self._source.timeout_seconds

    @property
    def concurrency(self) -> int:
        return self._source.concurrency

    async def query(self, expression: str, *, at: float | None) -> InstantAnswer:
        if at is None and expression == TIME:
            return InstantAnswer(samples=(Sample({}, self._clock.at),))
        instant = self._clock.at if at is None else at
        return await self._ask(lambda: self._source.query(expression, at=instant))

    async def query_range(self, expression: str, *, start: float, end: float, step: float) -> RangeAnswer:
        return await self._ask(lambda: self._source.query_range(expression, start=start, end=end, step=step))

    async def close(self) -> None:
        await self._source.close()

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        for wait in (*RETRY_AFTER_SECONDS, None):
            if self.lost is not None:
                raise self.lost
            self.queries += 1
            try:
                return await call()
            except QueryTimedOut:
                raise  # this query took too long: whoever asked asks for less
            except SourceUnreachable as problem:
                if wait is None:
                    self.lost = problem
                    raise
                await self._patience.sleep(wait)
        raise AssertionError("the last round returns or raises")
