"""Follows the state of an SLO from slice to slice, between the moments at which it is evaluated.

A replay evaluates every few hours, and a state may change in between, for a few minutes even. Slices that are sealed
tell more than those moments: after each of them the operator would have known what the ledger holds up to its end. So
they are assessed too, by the same functions, every few slices and wherever data came or went; where the state differs
from the one before, the slices in between are looked at one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backstop.domain.assessment import Assessment
from backstop.domain.verdict import DataStatus, follow_data
from backstop.engine.assess import assess
from backstop.engine.replay_alerts import AlertChange, AlertFollower
from backstop.engine.rows import place_of
from backstop.engine.tracked import Tracked
from backstop.vocabulary import State


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state of an SLO moved. `assessment` is the first with the new one."""

    before: State
    assessment: Assessment

    @property
    def at(self) -> float:
        return self.assessment.at

    @property
    def after(self) -> State:
        return self.assessment.verdict.state


Change = StateChange | AlertChange


class StateFollower:
    """What is followed of one SLO."""

    def __init__(self, tracked: Tracked, *, look_seconds: float, alerts: AlertFollower | None = None) -> None:
        """`look_seconds`: how far apart slices are looked at as long as nothing changes; `alerts` are judged then."""
        self._tracked = tracked
        self._alerts = alerts
        self._look_seconds = look_seconds
        self._state: State | None = None
        self._data: DataStatus | None = None
        self._followed = float("-inf")  # source time up to which slices are followed
        self._looked = float("-inf")
        tracked.sealed = []

    def follow(self) -> list[Change]:
        """Return the changes in the slices that were sealed since, and hand their data status to the next evaluation.

        To be called once what was missing is sealed, before the SLO is evaluated.
        """
        tracked = self._tracked
        changes: list[Change] = []
        sealed, tracked.sealed = tracked.sealed or [], []
        if self._state is None or tracked.bucket_problem is not None or tracked.too_many_groups:
            return []  # not begun, or no slice can tell its state: evaluations do
        waiting: list[tuple[int, DataStatus]] = []
        for end, evidence in sealed:
            if end <= self._followed:
                continue
            before = self._data
            self._data = follow_data(
                before, evidence, at=end, stale_after_seconds=tracked.slo.evaluation.stale_after_seconds
            )
            self._followed = end
            waiting.append((end, self._data))
            turned = before is None or before.available != self._data.available
            if self._alerts is not None:
                self._alerts.heard(end, evidence)
                turned = turned or self._alerts.needs_a_look(evidence)
            if turned or end - self._looked >= self._look_seconds:
                changes += self._look(waiting)
                waiting = []
        changes += self._look(waiting)
        tracked.data = self._data
        return changes

    def evaluated(self, assessment: Assessment) -> list[Change]:
        """Return the changes that an evaluation found."""
        self._data, self._followed = assessment.data, assessment.at
        self._tracked.data = assessment.data
        alerts = [] if self._alerts is None else self._alerts.judge(assessment)
        return [*alerts, *self._change(assessment)]

    def _look(self, slices: Sequence[tuple[int, DataStatus]]) -> Iterator[Change]:
        if not slices:
            return
        self._looked = slices[-1][0]
        before = None if self._alerts is None else self._alerts.judged()
        _, found = self._judge(*slices[-1])
        moved = self._alerts is not None and before is not None and self._alerts.moved(before)
        if found.verdict.state is self._state and not moved:
            return
        if self._alerts is not None and before is not None:
            self._alerts.go_back(before)
        for end, data in slices:
            alerts, assessment = self._judge(end, data)
            yield from alerts
            yield from self._change(assessment)

    def _judge(self, end: int, data: DataStatus) -> tuple[list[AlertChange], Assessment]:
        """Assess a slice's end, and judge the alerts: one that fires may be why the state is another one (B7)."""
        assessment, burning = self._assess(end, data), self._tracked.burning
        changes = [] if self._alerts is None else self._alerts.judge(assessment)
        return changes, assessment if self._tracked.burning == burning else self._assess(end, data)

    def _assess(self, end: int, data: DataStatus) -> Assessment:
        tracked, newest = self._tracked, self._tracked.data
        ledger, _ = place_of(tracked)
        tracked.data = data  # what was known of the data then
        try:
            return assess([tracked], ledger, at=float(end), clock_skew_seconds=0.0)[0]
        finally:
            tracked.data = newest

    def _change(self, assessment: Assessment) -> Iterator[StateChange]:
        before, self._state = self._state, assessment.verdict.state
        if before is not None and before is not self._state:
            yield StateChange(before, assessment)
