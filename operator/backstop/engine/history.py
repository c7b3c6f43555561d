"""Fetches past slices in the background: minutes that were missed, and the history before an SLO was first seen.

A range query with the slice length as its step gives the same slices as instant queries would have, so there is one way
to count. Work is bounded: a few workers, one job per SLO at a time, a limited number of points per query.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.evidence import unknown
from backstop.domain.gap import slices_across
from backstop.domain.ledger import Ledger
from backstop.domain.ring import Tier
from backstop.domain.slo import SLO, NoData, Uid
from backstop.engine.containment import contained
from backstop.engine.planner import Question, fuse, series_by_term
from backstop.engine.readings import (
    Evidence,
    SliceQuestion,
    before_all_data,
    needs_detail,
    read_slices,
    slice_questions,
)
from backstop.engine.replay_begin import data_begins
from backstop.engine.rows import append, mark_after, prepend
from backstop.engine.tracked import Tracked, Traits, good_seen
from backstop.ports.clock import Clock
from backstop.ports.metrics import MetricsSource, Series
from backstop.ports.telemetry import Telemetry
from backstop.vocabulary import Reason

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


class _Most:
    """How many points the source can be asked for at once, as far as one fetch has found out."""

    def __init__(self) -> None:
        self.points = MAX_POINTS

    def fewer(self) -> None:
        """Take note that so many were refused or took too long; raises what was caught when fewer would not help."""
        if self.points <= MIN_POINTS:
            raise  # noqa: PLE0704  called while an exception is handled: so few points will not be answered either
        self.points = max(self.points // 4, MIN_POINTS)


class History:
    """Owns the background fetches of one source."""

    def __init__(
        self,
        source: MetricsSource,
        *,
        clock: Clock,
        telemetry: Telemetry,
        enforced: Callable[[SLO], dict[str, str]],
        traits: Mapping[Uid, Traits],
    ) -> None:
        self._source = source
        self._traits = traits
        self._clock = clock
        self._telemetry = telemetry
        self._enforced = enforced
        self._jobs: asyncio.Queue[tuple[str, Tracked, int]] = asyncio.Queue()  # at most three entries per SLO

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

    def mark(self, tracked: Tracked) -> None:
        """Read what was counted up to the instants in `wanted_marks` that lie within coarse slices."""
        if tracked.wanted_marks and not tracked.marking and tracked.backfill_due <= self._clock.monotonic():
            tracked.marking = True
            self._jobs.put_nowait(("mark", tracked, 0))

    async def _work(self) -> None:
        while True:
            kind, tracked, upto = await self._jobs.get()
            try:
                with contained(tracked, unless=(SourceUnreachable, QueryRejected)):
                    match kind:
                        case "catch_up":
                            await self._catch_up(tracked, upto)
                        case "mark":
                            await self._mark(tracked)
                        case _:
                            await self._backfill(tracked)
            except (SourceUnreachable, QueryRejected) as problem:
                # Nothing is lost: the next tick asks again for whatever is still missing.
                log.warning("history.failed", slo=tracked.slo.key, kind=kind, problem=str(problem))
                tracked.backfill_due = self._clock.monotonic() + RETRY_SECONDS
            finally:
                if tracked.fault is not None:
                    tracked.backfill_due = self._clock.monotonic() + RETRY_SECONDS
                match kind:
                    case "catch_up":
                        tracked.catching_up = False
                    case "mark":
                        tracked.marking = False
                    case _:
                        tracked.backfilling = False
                self._jobs.task_done()

    async def _catch_up(self, tracked: Tracked, upto: int) -> None:
        place = _place(tracked)
        if place is None:
            return
        most, step = _Most(), tracked.slice_seconds
        while (newest := place.ledger.newest(place.row)) + tracked.slice_seconds <= upto:
            if tracked.slo.timeslice is None:
                step, ends = slices_across(place.ledger.tiers, newest=newest, upto=upto, most=most.points)
            else:  # which of them are bad is told by no coarser one
                ends = list(range(newest + step, upto + 1, step))[: most.points]
            try:
                slices = await self._slices(tracked, ends, step)
            except (QueryRejected, QueryTimedOut):
                most.fewer()
                continue
            if _place(tracked) != place:
                return
            for evidence in slices:
                note_evidence(tracked, evidence, start=place.ledger.newest(place.row), step=step)
                append(tracked, evidence, seconds=step)
                tracked.caught_up_to = place.ledger.newest(place.row)
                self._telemetry.sealed(tracked.slo, evidence.counted, step)

    async def _backfill(self, tracked: Tracked) -> None:
        place = _place(tracked)
        if place is None:
            return
        wanted, most = tracked.history_seconds(), _Most()
        await self._find_data(tracked, place.anchor - wanted, float(place.ledger.newest(place.row)))
        for tier in place.ledger.tiers:
            if not await self._backfill_tier(tracked, place, tier, place.anchor - wanted, most):
                return
        tracked.backfilled_seconds = wanted
        log.info("history.complete", slo=tracked.slo.key, oldest=place.ledger.oldest(place.row))

    async def _find_data(self, tracked: Tracked, start: float, end: float) -> None:
        """Find out where the data begins, where time without data counts (evaluation.noData) only after that."""
        if tracked.slo.evaluation.no_data is NoData.UNKNOWN:
            return
        begins = await data_begins(
            self._source, [tracked.slo], start=start, end=end, enforced=self._enforced(tracked.slo)
        )
        tracked.data_from = begins

    async def _backfill_tier(self, tracked: Tracked, place: "_Place", tier: Tier, limit: float, most: "_Most") -> bool:
        """Go back in one tier to `limit` or to the end of its ring. False when the row is another one meanwhile."""
        ledger, row = place.ledger, place.row
        # Budgets of time are counted in their own slices, of which a coarse column holds many.
        grain = tier.step if tracked.slo.timeslice is None else tracked.slice_seconds
        chunk = max(tier.step, grain)
        while True:
            oldest = ledger.oldest_of(row, tier.step)
            if oldest is None:
                return True  # too young for this tier: the finer ones hold all there is
            # As far back as a row reaches that was never restarted, or windows of that length would tell them apart.
            room = ledger.newest(row) // tier.step * tier.step - tier.span
            chunks = [
                end
                for end in range(oldest, oldest - max(most.points * grain // chunk, 1) * chunk, -chunk)
                if end > limit and end - chunk >= room
            ]
            if not chunks:
                return True
            slices = await self._many(tracked, range(chunks[-1] - chunk + grain, chunks[0] + 1, grain), grain, most)
            if _place(tracked) != place:
                return False
            if ledger.oldest_of(row, tier.step) != oldest:
                continue  # what was sealed meanwhile has pushed out the boundary before which they belong
            per_chunk = chunk // grain
            for index, end in enumerate(chunks, 1):
                parts = slices[len(slices) - index * per_chunk :][:per_chunk]
                for number, evidence in enumerate(parts):
                    note_evidence(tracked, evidence, start=end - chunk + number * grain, step=grain)
                prepend(tracked, parts, tier_step=tier.step, grain=grain)

    async def _mark(self, tracked: Tracked) -> None:
        place, grain, most = _place(tracked), tracked.slice_seconds, _Most()
        if place is None:
            return
        for at in sorted(tracked.wanted_marks):
            boundary = place.ledger.boundary_below(place.row, at)
            if boundary is None or boundary == at:
                continue  # not reached by the backfill yet, or marked without us at the next tick
            ends = range(boundary + grain, boundary + math.ceil((at - boundary) / grain) * grain + 1, grain)
            try:
                slices = await self._many(tracked, ends, grain, most)
            except QueryRejected as problem:
                log.warning("history.edge_lost", slo=tracked.slo.key, at=at, problem=str(problem))
                slices = []  # it will be refused tomorrow as well
            if _place(tracked) != place or at not in tracked.wanted_marks:
                return
            if place.ledger.boundary_below(place.row, at) != boundary:
                continue  # what was sealed meanwhile has made its slice a coarser one: again
            tracked.wanted_marks -= {at}
            if slices and mark_after(tracked, boundary, at, slices, grain=grain):
                tracked.marked |= {at}
            else:
                tracked.lost_marks |= {at}

    async def _many(self, tracked: Tracked, ends: Sequence[int], step: int, most: "_Most") -> list[Evidence]:
        """Return the slices that end at `ends`, oldest first, in as many queries as the source needs."""
        read: list[Evidence] = []
        while len(read) < len(ends):
            try:
                read += await self._slices(tracked, ends[len(read) : len(read) + most.points], step)
            except (QueryRejected, QueryTimedOut):
                most.fewer()
        return read

    async def _slices(self, tracked: Tracked, ends: Sequence[float], step: float) -> list[Evidence]:
        """Return the slices that end at `ends`, oldest first."""
        slo = tracked.slo
        series: dict[str, tuple[Series, ...]] = {}
        refused: dict[str, QueryRejected] = {}
        for asked in slice_questions(slo, seconds=step, traits=self._traits, enforced=self._enforced(slo)):
            try:
                series |= await self._series(slo, asked, ends, step)
            except QueryRejected as problem:
                if not asked.place or len(ends) > MIN_POINTS:
                    raise  # fewer points may be answered
                refused[asked.place] = problem  # a composite may do without this component
        evidence = read_slices(
            slo,
            series,
            ends=[float(end) for end in ends],
            step=float(step),
            good_seen=good_seen(slo, self._traits, since=0.0),
            failed={place: unknown(Reason.QUERY_FAILED, str(problem)) for place, problem in refused.items()},
        )
        if refused and not any(one.raw.known for one in evidence):
            raise next(iter(refused.values()))
        return [
            one if tracked.had_data_before(end) else before_all_data(one)
            for one, end in zip(evidence, ends, strict=True)
        ]

    async def _series(
        self, slo: SLO, asked: SliceQuestion, ends: Sequence[float], step: float
    ) -> dict[str, tuple[Series, ...]]:
        """Return the series of one question about several slices, with details where they are needed."""
        question = Question(uid=slo.uid, at=0.0, terms=asked.terms, most_series=asked.most_series)
        series = await self._range(question, ends, step)
        values = (value for found in series.values() for one in found for _, value in one.points)
        if asked.detail is not None and needs_detail(values):
            series |= await self._range(replace(question, terms=asked.detail()), ends, step)
        return series

    async def _range(self, question: Question, ends: Sequence[float], step: float) -> dict[str, tuple[Series, ...]]:
        answer = await self._source.query_range(fuse([question]), start=ends[0], end=ends[-1], step=step)
        if answer.warnings:
            raise SourceUnreachable(f"the answer is not whole: {'; '.join(answer.warnings[:3])}")
        return series_by_term(question, answer.series)


def note_evidence(tracked: Tracked, evidence: Evidence, *, start: float, step: float) -> None:
    """Remember since when there is data, and when the last good event was."""
    if evidence.raw.known:
        tracked.known_from = start if tracked.known_from is None else min(tracked.known_from, start)
    if evidence.raw.good > 0:
        tracked.traits.good_seen_at = max(tracked.traits.good_seen_at or 0.0, start + step)
