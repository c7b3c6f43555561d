"""An SLO that is lived with for simulated hours and days, over traffic of which every minute is known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from backstop.domain.assessment import Assessment
from backstop.domain.budget import Budget, WindowCounts
from backstop.domain.slo import RatioIndicator
from backstop.engine.assess import assess
from backstop.engine.evaluator import SourceEvaluator
from backstop.engine.tracked import Tracked
from tests.builders import a_slo
from tests.engine.harness import Harness
from tests.fakes.clock import LoopClock
from tests.fakes.counters import CounterSource

INDICATOR = RatioIndicator(total="requests_total", bad="errors_total")


def counts_over(tracked: Tracked, *, seconds: float, at: float) -> WindowCounts:
    """Return the counts of the last `seconds`, as an alert rule that looks at them gets them."""
    tracked.rule_windows = (seconds,)
    assert tracked.ledger is not None
    (assessment,) = assess([tracked], tracked.ledger, at=at, clock_skew_seconds=0.0)
    return assessment.rule_counts[seconds]


class ClockFrom(LoopClock):
    """A clock that begins at a moment of choice."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self._start = start

    def now(self) -> datetime:
        return self._start + self._jumped + timedelta(seconds=self.monotonic())


class Traffic:
    """Requests and errors of every minute, at random and far from even; within a minute they come evenly."""

    def __init__(self, around: datetime, *, days_before: int = 70, days_after: int = 15, seed: int = 1) -> None:
        self.begins = int(around.timestamp()) // 3600 * 3600 - days_before * 86_400
        minutes = (days_before + days_after) * 1440
        dice = np.random.default_rng(seed)
        requests = dice.integers(0, 2000, minutes) * dice.integers(0, 3, minutes)  # a third of the minutes is silent
        errors = np.floor(requests * dice.random(minutes) ** 30)
        self._totals = {"requests_total": requests.astype(float), "errors_total": errors}
        self._sum()

    def set_bad(self, start: float, end: float, share: float) -> None:
        """Let a share of the requests of some minutes fail; 1 lets all of them fail."""
        minutes = slice(int(start - self.begins) // 60, int(end - self.begins) // 60)
        self._totals["errors_total"][minutes] = self._totals["requests_total"][minutes] * share
        self._sum()

    def of_minutes(self, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
        """Requests and errors of each minute between two instants."""
        minutes = slice(int(start - self.begins) // 60, int(end - self.begins) // 60)
        return self._totals["requests_total"][minutes], self._totals["errors_total"][minutes]

    def counter(self, name: str):
        """Return the cumulative function of a counter."""

        def at(instant: float) -> float:
            minutes, seconds = divmod(instant - self.begins, 60)
            sums, minute = self._sums[name], int(minutes)
            if minute < 0:
                return 0.0
            return float(sums[minute] + (sums[minute + 1] - sums[minute]) * seconds / 60)

        return at

    def good_and_bad(self, start: float, end: float) -> tuple[float, float]:
        """What a perfect observer counted."""
        requests, errors = (self.counter(n)(end) - self.counter(n)(start) for n in ("requests_total", "errors_total"))
        return requests - errors, errors

    def _sum(self) -> None:
        self._sums = {name: np.concatenate([[0.0], np.cumsum(each)]) for name, each in self._totals.items()}


class Life:
    """One SLO under evaluation, its source, its clock and the truth."""

    def __init__(self, harness: Harness, source: CounterSource, traffic: Traffic, **slo: Any) -> None:
        self.harness, self.source, self.traffic = harness, source, traffic
        self.tracked = Tracked(slo=a_slo(**({"indicator": INDICATOR} | slo)))

    @property
    def now(self) -> float:
        return self.harness.clock.now().timestamp()

    @property
    def evaluator(self) -> SourceEvaluator:
        return self.harness.evaluator

    async def tick(self) -> Assessment:
        """Evaluate, and wait for what that asked to be read in the background."""
        (seen,) = [each async for each in self.evaluator.evaluate([self.tracked])]
        async with asyncio.timeout(600):
            await self.evaluator.history.idle()
        return seen

    async def settled(self) -> Assessment:
        """Evaluate until nothing more has to be read."""
        seen = await self.tick()
        for _ in range(6):
            seen = await self.tick()
        return seen

    async def run(self, seconds: float, every: float = 60) -> Assessment:
        """Evaluate for a while and return the last assessment."""
        seen = await self.tick()
        for _ in range(int(seconds // every)):
            await asyncio.sleep(every)
            seen = await self.tick()
        return seen

    async def until(self, at: float, every: float = 120) -> Assessment:
        """Evaluate up to and at a moment, to the second."""
        while self.now + every < at:
            await asyncio.sleep(every)
            await self.tick()
        await asyncio.sleep(max(at - self.now, 0.0))
        return await self.tick()

    def restart(self) -> None:
        """Forget everything, as a new process without a checkpoint."""
        self.evaluator.forget(self.tracked)
        self.tracked = Tracked(slo=self.tracked.slo, exclusions=self.tracked.exclusions)


@asynccontextmanager
async def life(
    start: datetime = datetime(2026, 3, 4, 12, 0, 17, tzinfo=UTC), *, traffic: Traffic | None = None, **slo: Any
) -> AsyncIterator[Life]:
    clock = ClockFrom(start)
    known = traffic or Traffic(start)
    source = CounterSource(clock)
    source.counters = {name: known.counter(name) for name in ("requests_total", "errors_total")}
    async with Harness.running(source, clock) as harness:
        yield Life(harness, source, known, **slo)


def window_of(seen: Assessment, name: str) -> Budget:
    return next(budget for budget in seen.budgets if budget.counts.name == name)
