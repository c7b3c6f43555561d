"""Evaluates SLOs against any metrics source, as the operator does: probe, row, head, history, assessment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from backstop.adapters.clock import SystemClock
from backstop.domain.assessment import Assessment
from backstop.domain.slo import SLO
from backstop.engine.evaluator import SourceEvaluator
from backstop.engine.sources import SourceBinding
from backstop.engine.tracked import Tracked
from backstop.engine.witnesses import Witnesses
from backstop.ports.checkpoints import Checkpoints
from backstop.ports.clock import Clock
from backstop.ports.metrics import MetricsSource
from tests.fakes.telemetry import RecordingTelemetry


class Harness:
    """One evaluator with its background fetches running."""

    def __init__(
        self, source: MetricsSource, clock: Clock, *, checkpoints: Checkpoints | None = None, **settings: object
    ) -> None:
        self.telemetry = RecordingTelemetry()
        self.clock = clock
        self.evaluator = SourceEvaluator(
            SourceBinding(source=source, **settings),
            clock=clock,
            telemetry=self.telemetry,
            witnesses=Witnesses(None, clock),
            checkpoints=checkpoints,
        )

    @classmethod
    @asynccontextmanager
    async def running(
        cls, source: MetricsSource, clock: Clock | None = None, **settings: object
    ) -> AsyncIterator["Harness"]:
        built = cls(source, clock or SystemClock(), **settings)
        task = asyncio.create_task(built.evaluator.history.run())
        try:
            yield built
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def settle(self, *slos: SLO) -> list[Assessment]:
        """Evaluate until history was read, and once more; the result is what a user would see."""
        tracked = [Tracked(slo=slo) for slo in slos]
        return await self.settle_tracked(*tracked)

    async def settle_tracked(self, *tracked: Tracked) -> list[Assessment]:
        assessments = [each async for each in self.evaluator.evaluate(tracked)]
        async with asyncio.timeout(30):
            await self.evaluator.history.idle()
        if all(a.data.available for a in assessments):
            assert all(t.history_read for t in tracked)
        return [each async for each in self.evaluator.evaluate(tracked)]


@pytest.fixture
def harness() -> Callable[..., object]:
    return Harness.running
