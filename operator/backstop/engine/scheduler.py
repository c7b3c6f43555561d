"""One scheduler for all SLOs: aligned ticks per interval, one running tick per source, late work dropped.

SLOs of the same interval are due at the same moments, so that their questions travel together. A source that is still
busy with its last tick is not given more work: what was due is dropped, counted, and due again at its next tick. So a
slow source delays itself only, and nothing is queued without bound. The same holds within a source for an SLO whose
query failed in company: it gets ticks of its own, few at a time, and rarer ones, until it answers again.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from backstop.domain.assessment import Assessment
from backstop.domain.slo import Uid
from backstop.engine.tracked import Tracked
from backstop.ports.clock import Clock
from backstop.ports.telemetry import Telemetry

log = structlog.get_logger(__name__)

ATTENTION_SECONDS: Final = 2.0  # how often an SLO that burns is looked at
ATTENTION_BURN_RATE: Final = 10.0  # over five minutes: a 30-day budget would be gone in three days
LONGEST_NAP_SECONDS: Final = 1.0  # new SLOs are seen within this time
LONE_LANES: Final = 2  # per source, of the queries it may have in flight
LONE_SLOWDOWN: Final = 4  # how much rarer an SLO is asked whose own query fails

Lane = tuple[str, Uid | None]  # a source, or one SLO of it that is asked alone


class Evaluates(Protocol):
    """What the scheduler needs of an evaluator."""

    def evaluate(self, due: Sequence[Tracked]) -> AsyncIterator[Assessment]:
        """Evaluate these SLOs now; yields each result once it is there."""
        ...


def next_due(now: float, interval_seconds: float) -> float:
    """Return the next aligned tick strictly after `now`, both monotonic seconds."""
    return (math.floor(now / interval_seconds) + 1) * interval_seconds


def interval_of(tracked: Tracked) -> float:
    """Return how soon to look again: sooner while it burns fast on trusted numbers, later while its query fails."""
    assessment = tracked.assessment
    interval = tracked.slo.evaluation.interval_seconds
    if tracked.alone:
        return interval * LONE_SLOWDOWN
    if assessment is None or not assessment.data.available:
        return interval
    burning = assessment.burn_rates.get("5m", 0.0) >= ATTENTION_BURN_RATE
    # More often than the samples come is in vain.
    return min(interval, max(ATTENTION_SECONDS, tracked.traits.scrape_seconds)) if burning else interval


class Scheduler:
    """Runs ticks until cancelled."""

    def __init__(
        self,
        *,
        clock: Clock,
        telemetry: Telemetry,
        tracked: Callable[[], Iterable[tuple[str, Tracked]]],
        evaluator_of: Callable[[str], Evaluates],
        assessed: Callable[[Assessment], None],
        failed: Callable[[Tracked], None],
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._tracked = tracked
        self._evaluator_of = evaluator_of
        self._assessed = assessed
        self._failed = failed
        self._busy: set[Lane] = set()
        self.last_tick = clock.monotonic()  # for the liveness probe

    async def run(self) -> None:
        """Run until cancelled; a failing tick ends the engine, so the pod restarts instead of limping."""
        async with asyncio.TaskGroup() as ticks:
            while True:
                self.start_due(ticks)
                await self._clock.sleep(LONGEST_NAP_SECONDS)

    def start_due(self, ticks: asyncio.TaskGroup) -> None:
        """Start a tick for every lane that has SLOs due and is not busy."""
        now = self.last_tick = self._clock.monotonic()
        due: dict[Lane, list[Tracked]] = {}
        for source, tracked in self._tracked():
            if tracked.next_due <= now:
                due.setdefault((source, tracked.slo.uid if tracked.alone else None), []).append(tracked)
        # Who has waited longest goes first, so that of many lone SLOs each gets its turn.
        for lane, group in sorted(due.items(), key=lambda item: min(t.next_due for t in item[1])):
            source, alone = lane
            if alone and lane not in self._busy and self._lone(source) >= LONE_LANES:
                continue  # stays due
            due_since = {t.slo.uid: t.next_due or now for t in group}
            for tracked in group:
                tracked.next_due = next_due(now, interval_of(tracked))
            ready = [t for t in group if not t.in_flight]  # one that just became lone may still be in its old tick
            if lane in self._busy or not ready:
                self._telemetry.dropped(source, len(group))
                log.warning("tick.dropped", source=source, slos=len(group))
                continue
            self._busy.add(lane)
            for tracked in ready:
                tracked.in_flight = True
            tick = self._tick(lane, self._evaluator_of(source), due_since, ready)
            ticks.create_task(tick, name=f"tick-{source}")

    def _lone(self, source: str) -> int:
        return sum(1 for name, alone in self._busy if name == source and alone)

    async def _tick(
        self, lane: Lane, evaluator: Evaluates, due_since: Mapping[Uid, float], group: Sequence[Tracked]
    ) -> None:
        try:
            async for assessment in evaluator.evaluate(group):
                lag = self._clock.monotonic() - due_since[assessment.slo.uid]
                self._telemetry.assessed(assessment, lag_seconds=max(lag, 0.0))
                self._assessed(assessment)
            for tracked in group:
                if tracked.fault is not None and not tracked.gone:
                    self._failed(tracked)
        finally:
            self._busy.discard(lane)
            for tracked in group:
                tracked.in_flight = False
