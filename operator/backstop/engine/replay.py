"""Runs the operator's own evaluation over the past: what it would have known at any moment, had it been there.

Nothing is counted or judged here. The evaluator of a source gets a clock that is advanced from moment to moment, and a
source whose present is that clock. Before the first moment history is read as after a start of the operator; between
two moments the slices are sealed as after an outage, by range queries.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.assessment import Assessment
from backstop.domain.evidence import Slice
from backstop.domain.interval import Interval
from backstop.domain.slo import SLO, Uid
from backstop.engine.evaluator import SourceEvaluator
from backstop.engine.replay_alerts import LOOK_SECONDS, AlertChange, AlertFollower, policies_about
from backstop.engine.replay_states import Change, StateChange, StateFollower
from backstop.engine.replay_time import ReplayClock, ReplayedSource
from backstop.engine.sources import SourceBinding
from backstop.engine.tracked import Tracked
from backstop.engine.witnesses import Witnesses
from backstop.ports.clock import Clock
from backstop.ports.metrics import MetricsSource

STRIDE_SECONDS: Final = 4 * 3600.0  # at most between two evaluations: a row left six hours behind begins anew
ROUNDS: Final = 4  # what is read in the background may show that more has to be read
LOOKS: Final = 4320  # at the state of an SLO between the moments: every minute of 3 days, every ten of 30
ALL_LOOKS: Final = 20_000  # at the states of all SLOs together, more for one with exclusions: about ten seconds of work
SHORTEST_LOOK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known at one moment, and what changed since the one before."""

    at: float  # unix seconds of the source
    assessments: tuple[Assessment, ...]  # in the order of the SLOs, without those that we fail on
    changes: tuple[StateChange, ...]  # in order of time
    alerts: tuple[AlertChange, ...] = ()  # in order of time


class Replay:
    """A replay of some SLOs over one source, whatever their `spec.source` says."""

    def __init__(
        self,
        source: MetricsSource,
        slos: Sequence[SLO],
        *,
        start: float,
        end: float,
        patience: Clock,
        exclusions: Mapping[Uid, tuple[Interval, ...]] | None = None,
        policies: Sequence[AlertPolicy] = (),
    ) -> None:
        """`start` and `end` are unix seconds of the source; `patience` is real time, for waiting before a retry.

        `exclusions`: time that no budget of an SLO counts, merged and in order. `policies`: what alerts follow.
        """
        self._clock = ReplayClock(start)
        self._source = ReplayedSource(source, self._clock, patience=patience)
        self._evaluator = SourceEvaluator(
            SourceBinding(source=self._source),
            clock=self._clock,
            telemetry=_NoTelemetry(),
            witnesses=Witnesses(None, self._clock),  # the Kubernetes API keeps no past
        )
        excluded = exclusions or {}
        self._tracked = [Tracked(slo=slo, exclusions=excluded.get(slo.uid, ())) for slo in slos]
        looks = min(LOOKS, ALL_LOOKS / max(sum(1 + len(t.exclusions) for t in self._tracked), 1))
        look = max(SHORTEST_LOOK_SECONDS, (end - start) / looks)
        self._followers = {t.slo.uid: _follower(t, policies, look_seconds=look, start=start) for t in self._tracked}

    @property
    def at(self) -> float:
        """The replayed time in unix seconds."""
        return self._clock.at

    @property
    def queries(self) -> int:
        """How many queries were sent."""
        return self._source.queries

    @property
    def faults(self) -> Mapping[str, str]:
        """SLOs on which we fail ourselves, by their key, with what was raised."""
        return {t.slo.key: t.fault for t in self._tracked if t.fault is not None}

    async def advance(self, to: float) -> Moment:
        """Replay up to `to`, unix seconds, and return what was known then.

        Raises SourceUnreachable when the source stays away: a hole that is ours must not look like one of the past.
        """
        changes: list[Change] = []
        while True:
            self._clock.advance(min(to, self._clock.at + STRIDE_SECONDS))
            assessments = await self._evaluated(changes)
            if self._clock.at >= to:
                changes.sort(key=lambda change: change.at)
                states = tuple(change for change in changes if isinstance(change, StateChange))
                alerts = tuple(change for change in changes if isinstance(change, AlertChange))
                return Moment(to, tuple(assessments), states, alerts)

    async def _evaluated(self, changes: list[Change]) -> list[Assessment]:
        assessments = [each async for each in self._evaluator.evaluate(self._tracked)]
        for _ in range(ROUNDS):
            if not any(t.catching_up or t.backfilling or t.marking for t in self._tracked):
                break
            await self._read_history()
            changes += self._followed()
            assessments = [each async for each in self._evaluator.evaluate(self._tracked)]
        if self._source.lost is not None:
            raise self._source.lost
        changes += self._followed()
        for assessment in assessments:
            changes += self._followers[assessment.slo.uid].evaluated(assessment)
        return assessments

    def _followed(self) -> list[Change]:
        return [change for follower in self._followers.values() for change in follower.follow()]

    async def _read_history(self) -> None:
        """Read what evaluations asked for, while none runs: an assessment is made of what was read, or of nothing."""
        workers = asyncio.create_task(self._evaluator.history.run(), name="replay-history")
        idle = asyncio.create_task(self._evaluator.history.idle())
        try:
            await asyncio.wait({workers, idle}, return_when=asyncio.FIRST_COMPLETED)
            if workers.done():
                workers.result()  # raises what ended them: they do not end by themselves
        finally:
            workers.cancel()
            idle.cancel()
            await asyncio.gather(workers, idle, return_exceptions=True)


def _follower(tracked: Tracked, policies: Sequence[AlertPolicy], *, look_seconds: float, start: float) -> StateFollower:
    if not (about := policies_about(tracked.slo, policies)):
        return StateFollower(tracked, look_seconds=look_seconds)
    alerts = AlertFollower(tracked, about, at=start)
    return StateFollower(tracked, look_seconds=min(look_seconds, LOOK_SECONDS), alerts=alerts)


class _NoTelemetry:
    """Implements `ports.telemetry.Telemetry`: nobody scrapes a replay."""

    def assessed(self, assessment: Assessment, *, lag_seconds: float) -> None:
        pass

    def sealed(self, slo: SLO, evidence: Slice, seconds: float) -> None:
        pass

    def late(self, slo: SLO, events: float) -> None:
        pass

    def dropped(self, source: str, count: int) -> None:
        pass

    def forgotten(self, slo: SLO) -> None:
        pass

    def registered(self, *, valid: int, refused: int) -> None:
        pass

    def clock_offset(self, source: str, seconds: float) -> None:
        pass

    def checkpointed(self, outcome: str, slos: int) -> None:
        pass

    def checkpoint_failing(self, *, failing: bool) -> None:
        pass

    def checkpoint_size(self, size_bytes: int) -> None:
        pass

    def incidents(self, counts: Mapping[tuple[str, str], int]) -> None:
        pass

    def incident_took(self, phase: str, seconds: float) -> None:
        pass

    def notified(self, outcome: str) -> None:
        pass

    def status_written(self, outcome: str) -> None:
        pass
