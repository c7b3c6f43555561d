"""Evaluates the SLOs of one source: seal the minutes that are complete, read the head, assess.

A tick asks for the sealed minutes and for the head (the time since the last sealed minute) of every due SLO at the
same source time, in few queries. What fails is unknown, stays unsealed, and is caught up later by a range query, so an
outage between the operator and the source leaves no hole as long as the source itself kept scraping.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from backstop.domain.assessment import Assessment
from backstop.domain.errors import QueryRejected, SourceUnreachable
from backstop.domain.evidence import Slice, unknown
from backstop.domain.interval import Interval
from backstop.domain.ledger import LONG_TIERS, MINUTE, STANDARD_TIERS, Ledger
from backstop.domain.slo import SLO, CompositeIndicator, Uid
from backstop.domain.verdict import follow_data
from backstop.engine.asking import Failure, Reply, Round, reply_of
from backstop.engine.assess import assess
from backstop.engine.containment import contained
from backstop.engine.fingerprint import fingerprint
from backstop.engine.history import History, note_evidence
from backstop.engine.late_samples import late_events, slice_to_read_again
from backstop.engine.marks import look_for_marks
from backstop.engine.planner import MAX_QUESTIONS, Question
from backstop.engine.probing import probe_terms, read_probe
from backstop.engine.readings import (
    Evidence,
    before_all_data,
    read_slice,
    slice_questions,
    too_many_groups,
)
from backstop.engine.resuming import checkpoint_of, resume_new
from backstop.engine.rows import append, move, place_of, release, set_head
from backstop.engine.scheduler import interval_of
from backstop.engine.slice_asking import SliceAsked, ask_slices, by_uid_and_end
from backstop.engine.source_clock import SourceClock
from backstop.engine.sources import SourceBinding, enforced_matchers
from backstop.engine.tracked import (
    DEFAULT_SCRAPE_SECONDS,
    PROBE_AGAIN_SECONDS,
    PROBE_EVERY_SECONDS,
    REGROUP_AFTER_SECONDS,
    Tracked,
    Traits,
    good_seen,
)
from backstop.engine.witnesses import Witnesses
from backstop.ports.checkpoints import Checkpoint, Checkpoints, NoCheckpoints
from backstop.ports.clock import Clock
from backstop.ports.telemetry import Telemetry
from backstop.vocabulary import Reason

log = structlog.get_logger(__name__)

Exclusions = Callable[[SLO, float, float], tuple[Interval, ...]]  # what no budget counts, from and to source times

SEAL_MARGIN_SECONDS: Final = 5.0  # beside one scrape interval (semantics K19)
MAX_SLICES_PER_TICK: Final = 3  # a longer gap is caught up by a range query in the background
# SLOs that are read and assessed together: in full batches, while no more questions and results are held than needed,
# and others have their turn in between.
AT_ONCE: Final = 32 * MAX_QUESTIONS


class SourceEvaluator:
    """Owns the ledger rows of the SLOs of one source."""

    def __init__(
        self,
        binding: SourceBinding,
        *,
        clock: Clock,
        telemetry: Telemetry,
        witnesses: Witnesses,
        checkpoints: Checkpoints | None = None,
        exclusions: Exclusions | None = None,
    ) -> None:
        self._binding = binding
        self._exclusions = exclusions
        self._checkpoints = checkpoints or NoCheckpoints()
        self.source = source = binding.source
        self.clock = SourceClock(source, clock)
        self._local = clock
        self._telemetry = telemetry
        self._witnesses = witnesses
        self._standard = Ledger(STANDARD_TIERS)
        self._long = Ledger(LONG_TIERS)
        self._traits: dict[Uid, Traits] = {}
        self.history = History(source, clock=clock, telemetry=telemetry, enforced=self.enforced, traits=self._traits)

    def enforced(self, slo: SLO) -> dict[str, str]:
        """The matchers that this source forces on an SLO."""
        return enforced_matchers(slo, self._binding)

    def checkpoint(self, tracked: Tracked) -> Checkpoint | None:
        """Return what is to be kept of an SLO over a restart; None while it has no row."""
        return checkpoint_of(tracked, self._fingerprint(tracked.slo))

    def _fingerprint(self, slo: SLO) -> str:
        return fingerprint(slo, self._binding)

    def forget(self, tracked: Tracked) -> None:
        """Give the row of an SLO back."""
        release(tracked)
        if self._traits.get(tracked.slo.uid) is tracked.traits:
            del self._traits[tracked.slo.uid]
        tracked.gone = True

    async def evaluate(self, due: Sequence[Tracked]) -> AsyncIterator[Assessment]:
        """Evaluate SLOs of this source now. Failures of the source become unknown evidence, never exceptions.

        Yields each result once it is there. An SLO on which we fail ourselves has no assessment; its `fault` says why.
        """
        for tracked in due:
            tracked.fault = None
        if self.clock.is_due():
            try:
                await self.clock.ask()
                self._telemetry.clock_offset(self.source.name, self.clock.skew_seconds)
            except (SourceUnreachable, QueryRejected, IndexError) as problem:
                log.warning("source.time_unknown", source=self.source.name, problem=str(problem))
        at = float(int(self.clock.now() - (self._binding.ingestion_delay_seconds or 0.0)))
        await resume_new(due, self._checkpoints, fingerprint=self._fingerprint, ledger_for=self._ledger_for, at=at)
        due = [t for t in due if not t.gone]
        for tracked in due:
            self._traits[tracked.slo.uid] = tracked.traits
        asking = Round(self.source)
        for start in range(0, len(due), AT_ONCE):
            some = [t for t in due[start : start + AT_ONCE] if not t.gone]
            await self._look(asking, some, at)
            for assessment in self._assess(some, at):
                yield assessment
            await asyncio.sleep(0)

    async def _look(self, asking: Round, due: Sequence[Tracked], at: float) -> None:
        """Bring the rows of SLOs up to date."""
        probed = [t for t in due if t.probe_due <= self._local.monotonic()]
        await self._probe(asking, probed, at)
        await self._look_for_late_samples(asking, probed)
        due = [t for t in due if not t.gone]
        for tracked in due:
            self._ensure_row(tracked, at)
            if self._exclusions is not None:
                tracked.exclusions = self._exclusions(tracked.slo, at - tracked.history_seconds(), at)
        await self._read(asking, due, at)
        await self._witnesses.hear_all([t for t in due if t.slo.workload is not None])

    async def _probe(self, asking: Round, due: Sequence[Tracked], at: float) -> None:
        by_uid = {t.slo.uid: t for t in due}
        asked: list[Question] = []
        unmet: dict[Uid, SLO] = {}  # components that are looked at more rarely than a composite that is due
        for tracked in due:
            with contained(tracked):
                for _, leaf in tracked.slo.leaves():
                    if leaf.uid not in self._traits:
                        unmet[leaf.uid] = leaf
                    elif leaf.uid != tracked.slo.uid:
                        continue
                    if terms := probe_terms(leaf, self.enforced(leaf)):
                        asked.append(Question(uid=leaf.uid, at=at, terms=terms, alone=tracked.alone))
        for question, outcome in await asking.ask(asked):
            if (component := unmet.get(question.uid)) is not None:
                if not isinstance(outcome, Failure):
                    probe = read_probe(component, outcome)
                    seconds = probe.scrape_seconds or DEFAULT_SCRAPE_SECONDS
                    self._traits[component.uid] = Traits(scrape_seconds=seconds, native=probe.native)
                continue
            tracked = by_uid[question.uid]
            if isinstance(outcome, Failure):
                tracked.alone = tracked.alone or outcome.own_fault
                continue  # asked again at the next tick; the slices of this tick tell the user why
            probe = read_probe(tracked.slo, outcome)
            traits = tracked.traits
            traits.native, tracked.bucket_problem = probe.native, probe.bucket_problem
            # A second look soon: the first one may have met a series too young to tell its interval.
            sure = probe.scrape_seconds == traits.scrape_seconds and probe.bucket_problem is None
            traits.scrape_seconds = probe.scrape_seconds or traits.scrape_seconds
            tracked.probe_due = self._local.monotonic() + (PROBE_EVERY_SECONDS if sure else PROBE_AGAIN_SECONDS)
        for tracked in due:
            with contained(tracked):
                if isinstance(tracked.slo.indicator, CompositeIndicator):
                    self._follow_components(tracked)

    async def _look_for_late_samples(self, asking: Round, due: Sequence[Tracked]) -> None:
        ends: dict[Uid, int] = {}
        questions: list[SliceAsked] = []
        for tracked in due:
            with contained(tracked):
                if not tracked.gone and (end := slice_to_read_again(tracked)) is not None:
                    questions += self._questions(tracked, end, tracked.slice_seconds)
                    ends[tracked.slo.uid] = end
        replies = by_uid_and_end(await ask_slices(asking, questions))
        for tracked in due:
            if tracked.gone or (end := ends.get(tracked.slo.uid)) is None:
                continue
            with contained(tracked):
                reply = reply_of(replies[tracked.slo.uid][end])
                if isinstance(reply, Failure) or reply.failed:
                    continue
                seconds = float(tracked.slice_seconds)
                seen = good_seen(tracked.slo, self._traits, since=end - tracked.history_seconds())
                counted = self._evidence(tracked, reply, at=end, seconds=seconds, seen=seen).counted
                if late := late_events(tracked, end, counted):
                    self._telemetry.late(tracked.slo, late)
                    log.warning(
                        "samples.late",
                        slo=tracked.slo.key,
                        source=self.source.name,
                        events=round(late),
                        hint="they count in no budget; set ingestionDelay of the source to how late its samples come",
                    )

    def _follow_components(self, tracked: Tracked) -> None:
        """A composite is scraped as slowly as the slowest of its components."""
        known = [self._traits[leaf.uid] for _, leaf in tracked.slo.leaves() if leaf.uid in self._traits]
        tracked.traits.scrape_seconds = max((traits.scrape_seconds for traits in known), default=DEFAULT_SCRAPE_SECONDS)

    def _ensure_row(self, tracked: Tracked, at: float) -> None:
        """Give a new SLO a row, a row of longer tiers where a window asks for it, or a new one where all is over."""
        sealed = self._sealed_end(tracked, at)
        fits = self._ledger_for(tracked)
        if tracked.row is not None and tracked.ledger is not None:
            newest = tracked.ledger.newest(tracked.row)
            # Not left behind for longer than it holds, and not in a future that the source has taken back.
            if sealed - newest <= tracked.ledger.span and newest <= at and not self._regroups(tracked):
                if tracked.ledger is not fits and fits is self._long:
                    move(tracked, fits)
                return
            release(tracked)
        tracked.ledger, tracked.row, tracked.anchor = fits, fits.add(sealed), sealed
        tracked.backfilled_seconds = 0.0
        tracked.traits.good_seen_at = tracked.known_from = tracked.data_from = None
        tracked.too_many_groups = tracked.regrouping

    def _regroups(self, tracked: Tracked) -> bool:
        """True when no group was refused for a while after some were: what was not counted of those is to be read."""
        now = self._local.monotonic()
        if tracked.refused_groups:
            tracked.refused_groups, tracked.regroup_due = False, now + REGROUP_AFTER_SECONDS
        if not tracked.too_many_groups or tracked.regrouping or now < tracked.regroup_due:
            return False
        tracked.regrouping = True
        return True

    def _ledger_for(self, tracked: Tracked) -> Ledger:
        return self._standard if tracked.history_seconds() <= self._standard.span else self._long

    def _sealed_end(self, tracked: Tracked, at: float) -> int:
        """The end of the newest slice of which all samples can be read by now (semantics E5, K19)."""
        step = tracked.slice_seconds
        # A scrape takes up to its interval to be stored. A delay that was told has been waited for before `at`.
        stored = tracked.traits.scrape_seconds if self._binding.ingestion_delay_seconds is None else 0.0
        return int((at - stored - SEAL_MARGIN_SECONDS) // step) * step

    async def _read(self, asking: Round, due: Sequence[Tracked], at: float) -> None:
        questions: list[SliceAsked] = []
        for tracked in due:
            with contained(tracked):
                questions += self._slices_to_read(tracked, at)
        by_uid = by_uid_and_end(await ask_slices(asking, questions))
        for tracked in due:
            if not tracked.gone and tracked.fault is None:
                with contained(tracked):
                    replies = {end: reply_of(outcomes) for end, outcomes in by_uid[tracked.slo.uid].items()}
                    self._store(tracked, replies, at)

    def _slices_to_read(self, tracked: Tracked, at: float) -> list[SliceAsked]:
        """Return the questions for the minutes that can be sealed, and for the head."""
        ledger, row = place_of(tracked)
        step = tracked.slice_seconds
        newest, sealed = ledger.newest(row), self._sealed_end(tracked, at)
        # An SLO that is looked at every five minutes has five minutes to seal each time.
        usual = max(MAX_SLICES_PER_TICK, math.ceil(interval_of(tracked) / step) + 1)
        if sealed - newest > usual * step:
            self.history.catch_up(tracked, upto=sealed)
        tracked.head_from = None if tracked.catching_up else max(newest, sealed)
        if tracked.head_from is None:
            # While the minutes before are caught up, the last minute still tells whether data arrives.
            return self._questions(tracked, at, MINUTE)
        sealing = [q for end in range(newest + step, sealed + 1, step) for q in self._questions(tracked, end, step)]
        return [*sealing, *self._questions(tracked, at, at - tracked.head_from)]

    def _questions(self, tracked: Tracked, at: float, seconds: float) -> list[SliceAsked]:
        questions = []
        enforced = self.enforced(tracked.slo)
        for asked in slice_questions(tracked.slo, seconds=seconds, traits=self._traits, enforced=enforced):
            first = Question(
                uid=tracked.slo.uid,
                at=float(at),
                terms=asked.terms,
                alone=tracked.alone,
                most_series=asked.most_series,
                place=asked.place,
            )
            questions.append(SliceAsked(first, asked.detail))
        return questions

    def _store(self, tracked: Tracked, replies: Mapping[float, Reply | Failure], at: float) -> None:
        ledger, row = place_of(tracked)
        step = tracked.slice_seconds
        seen = good_seen(tracked.slo, self._traits, since=at - tracked.history_seconds())
        failed_alone = False
        for end in sorted(replies):
            reply = replies[end]
            if isinstance(reply, Failure):
                failed_alone = failed_alone or reply.own_fault
                continue
            failed_alone = failed_alone or bool(reply.failed)
            if end == at or tracked.catching_up or ledger.newest(row) + step != int(end):
                continue
            evidence = self._evidence(tracked, reply, at=end, seconds=float(step), seen=seen)
            if reply.failed and not evidence.raw.known:
                continue  # asked about again, as a slice of an SLO whose own query fails
            append(tracked, evidence, seconds=step)
            note_evidence(tracked, evidence, start=end - step, step=step)
            self._telemetry.sealed(tracked.slo, evidence.counted, step)
        tracked.alone = failed_alone
        self._store_head(tracked, replies[at], at, seen)
        if look_for_marks(tracked, at=at):
            self.history.mark(tracked)

    def _evidence(self, tracked: Tracked, reply: Reply, *, at: float, seconds: float, seen: set[Uid]) -> Evidence:
        evidence = read_slice(tracked.slo, reply.answer, at=at, seconds=seconds, good_seen=seen, failed=reply.failed)
        return evidence if tracked.had_data_before(at) else before_all_data(evidence)

    def _store_head(self, tracked: Tracked, reply: Reply | Failure, at: float, seen: set[Uid]) -> None:
        ledger, row = place_of(tracked)
        # The head was asked from the boundary that should be sealed by now: where sealing failed it does not fit.
        fits = ledger.newest(row) == tracked.head_from
        seconds = at - ledger.newest(row) if fits else float(MINUTE)
        data: Slice
        if tracked.bucket_problem is not None:
            data = unknown(Reason.THRESHOLD_NOT_A_BUCKET, tracked.bucket_problem)
        elif isinstance(reply, Failure):
            data = reply.evidence
        else:
            evidence = self._evidence(tracked, reply, at=at, seconds=seconds, seen=seen)
            self.history.backfill(tracked)  # even without data now: what was seen before tells what is missing
            # An unknown head stays as it was read: the time since then is unknown, what was counted is not.
            if evidence.counted.known and fits:
                set_head(tracked, evidence, end=at)
                note_evidence(tracked, evidence, start=at, step=0.0)
            if tracked.regrouping and tracked.history_read:
                tracked.too_many_groups = tracked.regrouping = False
            data = too_many_groups(tracked.slo) if tracked.too_many_groups else evidence.raw
        tracked.data = follow_data(
            tracked.data, data, at=at, stale_after_seconds=tracked.slo.evaluation.stale_after_seconds
        )

    def _assess(self, due: Sequence[Tracked], at: float) -> Iterator[Assessment]:
        for ledger in (self._standard, self._long):
            here = [t for t in due if t.ledger is ledger and not t.gone and t.fault is None]
            found = assess(here, ledger, at=at, clock_skew_seconds=self.clock.skew_seconds)
            for tracked, assessment in zip(here, found, strict=True):
                tracked.assessment = assessment
                yield assessment
