"""Fetches past slices in the background: minutes that were missed, and the history before an SLO was first seen.

A range query with the slice length as its step gives the same slices as instant queries would have, so there is one way
to count. Work is bounded: a few workers, one job per SLO at a time, a limited number of points per query.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.evidence import Slice
from backstop.domain.ledger import MINUTE, Ledger, Tier
from backstop.domain.slo import SLO
from backstop.engine.containment import contained
from backstop.engine.planner import Question, fuse, series_by_term
from backstop.engine.readings import RESTS, counts_something, slice_question, slices_from_series
from backstop.engine.tracked import Tracked
from backstop.ports.clock import Clock
from backstop.ports.metrics import MetricsSource, Series
from backstop.ports.telemetry import Telemetry

log = structlog.get_logger(__name__)

WORKERS: Final = 2  # beside the ticks; history must not crowd out the present
MAX_POINTS: Final = 240  # per range query, so that one query stays in the range of a dashboard's
MIN_POINTS: Final = 15  # a query of so few points that is still refused will not be answered
RETRY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Place:
    """The row that a fetch writes to. Row numbers are reused, so the anchor tells one life of a row from the next."""

    ledger: Ledger
    row: int
    anchor: int


def _place(tracked: Tracked) -> _Place | None:
    if tracked.gone or tracked.row is None or tracked.ledger is None:
        return None
    return _Place(tracked.ledger, tracked.row, tracked.anchor)


def _fewer(points: int) -> int:
    """Return how many points to ask for after too many were refused or took too long; else raise what was caught."""
    if points <= MIN_POINTS:
        raise  # noqa: PLE0704  called while an exception is handled: so few points will not be answered either
    return max(points // 4, MIN_POINTS)


class History:
    """Owns the background fetches of one source."""

    def __init__(
        self, source: MetricsSource, *, clock: Clock, telemetry: Telemetry, enforced: Callable[[SLO], dict[str, str]]
    ) -> None:
        self._source = source
        self._clock = clock
        self._telemetry = telemetry
        self._enforced = enforced
        self._jobs: asyncio.Queue[tuple[str, Tracked, int]] = asyncio.Queue()  # at most two entries per SLO

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for number in range(WORKERS):
                workers.create_task(self._work(), name=f"history-{self._source.name}-{number}")

    async def idle(self) -> None:
        """Return when no job is waiting or under way."""
        await self._jobs.join()

    def catch_up(self, tracked: Tracked, *, upto: int) -> None:
        """Seal the minutes from the newest boundary to `upto`; at most one such job per SLO is under way."""
        if not tracked.catching_up:
            tracked.catching_up = True
            self._jobs.put_nowait(("catch_up", tracked, upto))

    def backfill(self, tracked: Tracked) -> None:
        """Read the history that the windows of an SLO ask for, if that is due and not under way."""
        if tracked.backfilling or tracked.backfill_due > self._clock.monotonic():
            return
        if tracked.backfilled_seconds >= tracked.history_seconds():
            return
        tracked.backfilling = True
        self._jobs.put_nowait(("backfill", tracked, 0))

    async def _work(self) -> None:
        while True:
            kind, tracked, upto = await self._jobs.get()
            try:
                with contained(tracked, unless=(SourceUnreachable, QueryRejected)):
                    if kind == "catch_up":
                        await self._catch_up(tracked, upto)
                    else:
                        await self._backfill(tracked)
            except (SourceUnreachable, QueryRejected) as problem:
                # Nothing is lost: the next tick asks again for whatever is still missing.
                log.warning("history.failed", slo=tracked.slo.key, kind=kind, problem=str(problem))
                tracked.backfill_due = self._clock.monotonic() + RETRY_SECONDS
            finally:
                if tracked.fault is not None:
                    tracked.backfill_due = self._clock.monotonic() + RETRY_SECONDS
                if kind == "catch_up":
                    tracked.catching_up = False
                else:
                    tracked.backfilling = False
                self._jobs.task_done()

    async def _catch_up(self, tracked: Tracked, upto: int) -> None:
        place = _place(tracked)
        if place is None:
            return
        points = MAX_POINTS
        while (newest := place.ledger.newest(place.row)) < upto:
            ends = list(range(newest + MINUTE, upto + 1, MINUTE))[:points]
            try:
                slices = await self._slices(tracked, ends, MINUTE)
            except (QueryRejected, QueryTimedOut):
                points = _fewer(points)
                continue
            if _place(tracked) != place:
                return
            for evidence in slices:
                _note_good(tracked, evidence, place.ledger.newest(place.row) + MINUTE)
                unknown = 0.0 if evidence.known else float(MINUTE)
                place.ledger.append(place.row, good=evidence.good, bad=evidence.bad, unknown_seconds=unknown)
                self._telemetry.sealed(tracked.slo, evidence, MINUTE)

    async def _backfill(self, tracked: Tracked) -> None:
        place = _place(tracked)
        if place is None:
            return
        wanted = tracked.history_seconds()
        for tier in place.ledger.tiers:
            if not await self._backfill_tier(tracked, place, tier, place.anchor - wanted):
                return
        tracked.backfilled_seconds = wanted
        log.info("history.complete", slo=tracked.slo.key, oldest=place.ledger.oldest(place.row))

    async def _backfill_tier(self, tracked: Tracked, place: "_Place", tier: Tier, limit: float) -> bool:
        """Go back in one tier to `limit` or to the end of its ring. False when the row is another one meanwhile."""
        ledger, row, points = place.ledger, place.row, MAX_POINTS
        while True:
            oldest = ledger.oldest_of(row, tier.step)
            if oldest is None:
                return True  # too young for this tier: the finer ones hold all there is
            # One slot stays free, so that a minute sealed meanwhile does not push out what was just read.
            room = ledger.newest(row) - tier.span + tier.step
            ends = [
                end
                for end in range(oldest, oldest - points * tier.step, -tier.step)
                if end > limit and end - tier.step >= room
            ]
            if not ends:
                return True
            try:
                slices = await self._slices(tracked, ends[::-1], tier.step)
            except (QueryRejected, QueryTimedOut):
                points = _fewer(points)
                continue
            if _place(tracked) != place:
                return False
            for evidence in reversed(slices):
                _note_good(tracked, evidence, ledger.oldest_of(row, tier.step) or 0)
                unknown = 0.0 if evidence.known else float(tier.step)
                ledger.prepend(row, step=tier.step, good=evidence.good, bad=evidence.bad, unknown_seconds=unknown)

    async def _slices(self, tracked: Tracked, ends: list[int], step: int) -> list[Slice]:
        """Return the slices that end at `ends`, oldest first."""
        question = slice_question(
            tracked.slo,
            seconds=step,
            native=tracked.native,
            scrape_seconds=tracked.scrape_seconds,
            enforced=self._enforced(tracked.slo),
        )
        series = await self._range(tracked, question.terms, ends, step)
        rests = [one for name in RESTS for one in series.get(name, ())]
        if any(counts_something(value) for rest in rests for _, value in rest.points):
            series |= await self._range(tracked, question.proof, ends, step)
        return slices_from_series(
            tracked.slo,
            series,
            ends=[float(end) for end in ends],
            step=float(step),
            good_seen=tracked.good_seen_at is not None,
        )

    async def _range(
        self, tracked: Tracked, terms: Mapping[str, str], ends: list[int], step: int
    ) -> dict[str, tuple[Series, ...]]:
        question = Question(uid=tracked.slo.uid, at=0.0, terms=terms)
        answer = await self._source.query_range(fuse([question]), start=ends[0], end=ends[-1], step=step)
        if answer.warnings:
            raise SourceUnreachable(f"the answer is not whole: {'; '.join(answer.warnings[:3])}")
        return series_by_term(question, answer.series)


def _note_good(tracked: Tracked, evidence: Slice, end: float) -> None:
    if evidence.good > 0:
        tracked.good_seen_at = max(tracked.good_seen_at or 0.0, end)
