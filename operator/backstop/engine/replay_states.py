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
from backstop.engine.rows import place_of
from backstop.engine.tracked import Tracked
from backstop.vocabulary import State


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state of an SLO moved. `assessment` is the first with the new one."""

    before: State
    assessment: Assessment

    @property
    def after(self) -> State:
        return self.assessment.verdict.state


class StateFollower:
    """What is followed of one SLO."""

    def __init__(self, tracked: Tracked, *, look_seconds: float) -> None:
        """`look_seconds`: how far apart slices are looked at as long as nothing changes."""
        self._tracked = tracked
        self._look_seconds = look_seconds
        self._state: State | None = None
        self._data: DataStatus | None = None
        self._followed = float("-inf")  # source time up to which slices are followed
        self._looked = float("-inf")
        tracked.sealed = []

    def follow(self) -> list[StateChange]:
        """Return the changes in the slices that were sealed since, and hand their data status to the next evaluation.

        To be called once what was missing is sealed, before the SLO is evaluated.
        """
        tracked = self._tracked
        changes: list[StateChange] = []
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
            if turned or end - self._looked >= self._look_seconds:
                changes += self._look(waiting)
                waiting = []
        changes += self._look(waiting)
        tracked.data = self._data
        return changes

    def evaluated(self, assessment: Assessment) -> list[StateChange]:
        """Return the change that an evaluation found."""
        self._data, self._followed = assessment.data, assessment.at
        self._tracked.data = assessment.data
        return list(self._change(assessment))

    def _look(self, slices: Sequence[tuple[int, DataStatus]]) -> Iterator[StateChange]:
        if not slices:
            return
        self._looked = slices[-1][0]
        if self._assess(*slices[-1]).verdict.state is not self._state:
            for end, data in slices:
                yield from self._change(self._assess(end, data))

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
