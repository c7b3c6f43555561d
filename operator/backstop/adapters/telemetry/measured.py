"""Measures every query of a source; neither side knows about the other."""

from collections.abc import Awaitable
from typing import TypeVar

from backstop.adapters.telemetry.prometheus import PrometheusTelemetry
from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.ports.clock import Clock
from backstop.ports.metrics import InstantAnswer, MetricsSource, RangeAnswer

Answer = TypeVar("Answer", InstantAnswer, RangeAnswer)


class MeasuredSource:
    """A MetricsSource that counts and times the calls of another."""

    def __init__(self, inner: MetricsSource, *, telemetry: PrometheusTelemetry, clock: Clock) -> None:
        self._inner = inner
        self._telemetry = telemetry
        self._clock = clock
        telemetry.source_bounds(inner.name, concurrency=inner.concurrency, timeout_seconds=inner.timeout_seconds)

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def timeout_seconds(self) -> float:
        return self._inner.timeout_seconds

    @property
    def concurrency(self) -> int:
        return self._inner.concurrency

    async def query(self, expression: str, *, at: float | None) -> InstantAnswer:
        return await self._measure(self._inner.query(expression, at=at))

    async def query_range(self, expression: str, *, start: float, end: float, step: float) -> RangeAnswer:
        return await self._measure(self._inner.query_range(expression, start=start, end=end, step=step))

    async def close(self) -> None:
        await self._inner.close()

    async def _measure(self, call: Awaitable[Answer]) -> Answer:
        started = self._clock.monotonic()
        outcome = "cancelled"
        self._telemetry.query_started(self.name)
        try:
            answer = await call
            outcome = "answered"
        except QueryRejected:
            outcome = "rejected"
            raise
        except QueryTimedOut:
            outcome = "timed_out"
            raise
        except SourceUnreachable:
            outcome = "unreachable"
            raise
        else:
            return answer
        finally:
            self._telemetry.query_ended(self.name, outcome, self._clock.monotonic() - started)
