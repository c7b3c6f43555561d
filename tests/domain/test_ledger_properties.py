"""The ledger against brute force, whatever happens to its rows and in whichever order.

A truth says for every minute what was counted in it. Slices of it reach the ledger as they do in life: appended by the
minute or in longer slices, prepended tier by tier, interrupted by marks, by export and restore, by rows that go and
whose numbers come back. Small tiers roll over within an hour. At any moment every window must be what the truth says,
as finely as the tier that still reaches back so far can tell.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backstop.domain.ledger import HOURS, LONG_TIERS, MINUTE, MINUTES, QUARTERS, Ledger
from backstop.domain.refit import refit
from backstop.domain.ring import Tier
from tests.domain.brute_force import NOW, SMALL, Row, Truth

instants = st.floats(min_value=-4 * 3600, max_value=900) | st.integers(min_value=-240, max_value=15).map(
    lambda minutes: minutes * 60.0
)


class LedgerAgainstBruteForce(RuleBasedStateMachine):
    """Any number of rows, anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(SMALL)
        self.rows: dict[int, Row] = {}
        self.seed = 0
        self.once_marked: list[float] = []

    def _seed(self) -> int:
        self.seed += 1
        return self.seed

    def _some(self, data: st.DataObject) -> tuple[int, Row]:
        row = data.draw(st.sampled_from(sorted(self.rows)))
        return row, self.rows[row]

    def _taken(self, row: int) -> int:
        assert row not in self.rows, "a number that is in use was given out again"
        return row

    @rule(minute=st.integers(min_value=-20, max_value=0))
    def add(self, minute: int) -> None:
        anchor = NOW + minute * MINUTE
        row = Row(Truth.random(self._seed()), anchor, {tier.step: None for tier in SMALL})
        row.reached(anchor, finest=0, tiers=SMALL)
        self.rows[self._taken(self.ledger.add(anchor))] = row

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number, _ = self._some(data)
        self.remove_exactly(number)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), minutes=st.integers(min_value=1, max_value=40))
    def append_minutes(self, data: st.DataObject, minutes: int) -> None:
        number, row = self._some(data)
        for _ in range(minutes):
            self._append(number, row, 1)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), minutes=st.sampled_from((3, 5, 15)))
    def append_a_longer_slice(self, data: st.DataObject, minutes: int) -> None:
        number, row = self._some(data)
        row.flatten(row.newest, row.newest + minutes * MINUTE)
        self._append(number, row, minutes)

    def _append(self, number: int, row: Row, minutes: int) -> None:
        end = row.newest + minutes * MINUTE
        good, bad, unknown = row.truth.total(row.newest, end)
        self.ledger.append(number, good=good, bad=bad, unknown_seconds=unknown, seconds=minutes * MINUTE)
        for boundary in range(row.newest + MINUTE, end + 1, MINUTE):
            row.newest = boundary
            row.reached(boundary, finest=0, tiers=SMALL)
        row.head = None

    @precondition(lambda self: self.rows)
    @rule(
        data=st.data(),
        tier=st.sampled_from(range(len(SMALL))),
        times=st.integers(min_value=1, max_value=12),
        columns=st.sampled_from((1, 1, 3)),
    )
    def prepend(self, data: st.DataObject, tier: int, times: int, columns: int) -> None:
        number, row = self._some(data)
        step = SMALL[tier].step
        for _ in range(times):
            bounds = row.bounds(SMALL[tier])
            assert self.ledger.oldest_of(number, step) == (bounds and bounds[0])
            if bounds is None:
                return
            begin, end = bounds[0] - step * columns, bounds[0]
            if columns > 1:
                if end > min(low for low in row.lowest.values() if low is not None):
                    return  # a finer tier knows it better
                row.flatten(begin, end)
            good, bad, unknown = row.truth.total(begin, end)
            self.ledger.prepend(number, step=step, good=good, bad=bad, unknown_seconds=unknown, seconds=step * columns)
            for boundary in range(end - step, begin - 1, -step):
                row.reached(boundary, finest=tier, tiers=SMALL)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), seconds=st.floats(min_value=0, max_value=90), values=st.tuples(*[st.integers(0, 50)] * 2))
    def read_the_head(self, data: st.DataObject, seconds: float, values: tuple[int, int]) -> None:
        number, row = self._some(data)
        row.head = row.newest + seconds, (*map(float, values), 0.0)
        self.ledger.set_head(number, end=row.newest + seconds, good=values[0], bad=values[1], unknown_seconds=0.0)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), grain=st.sampled_from((MINUTE, 300)))
    def mark(self, data: st.DataObject, grain: int) -> None:
        number, row = self._some(data)
        at = data.draw(row.instants())
        covering = next((tier for tier in SMALL if _covers(row, tier, at)), None)
        can = covering is not None and (covering.step <= grain or at % covering.step == 0)
        held = row.between_columns(at, SMALL) if can else None
        assert self.ledger.mark(number, at, grain=grain) == can
        if held is not None:
            row.marks[at] = held
            self.once_marked.append(at)
            assert {mark.at for mark in self.ledger.marks(number)} == set(row.marks)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def mark_what_was_read_again(self, data: st.DataObject) -> None:
        number, row = self._some(data)
        at = data.draw(row.instants())
        boundary = self.ledger.boundary_below(number, at)
        covering = next((tier for tier in SMALL if _covers(row, tier, at)), None)
        assert boundary == (None if covering is None else at // covering.step * covering.step)
        unknown = 0.0 if boundary is None else row.truth.total(boundary, boundary + covering.step)[2]
        assert self.ledger.unknown_around(number, at) == pytest.approx(unknown)
        if boundary is not None:
            good, bad, unknown = row.truth.total(boundary, at)
            self.ledger.mark_after(number, boundary, at, good=good, bad=bad, unknown_seconds=unknown)
            row.marks[at] = row.since(at)
            self.once_marked.append(at)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def forget_a_mark(self, data: st.DataObject) -> None:
        number, row = self._some(data)
        if row.marks:
            at = data.draw(st.sampled_from(sorted(row.marks)))
            del row.marks[at]
            self.ledger.forget_mark(number, at)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def export_and_restore(self, data: st.DataObject) -> None:
        number, row = self._some(data)
        state = self.ledger.export_row(number)
        self.remove_exactly(number)
        row.head = None
        self.rows[self._taken(self.ledger.restore_row(state))] = row

    @precondition(lambda self: self.rows)
    @rule()
    def restart(self) -> None:
        """All that is left is what was exported."""
        states = {number: self.ledger.export_row(number) for number in self.rows}
        self.ledger = Ledger(SMALL)
        for row in self.rows.values():
            row.head = None
        self.rows = {self.ledger.restore_row(states[number]): row for number, row in self.rows.items()}

    def remove_exactly(self, number: int) -> None:
        self.ledger.remove(number)
        del self.rows[number]

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def add_like(self, data: st.DataObject) -> None:
        number, row = self._some(data)
        lowest = min(*(bounds[0] for tier in SMALL if (bounds := row.bounds(tier))), *row.marks, row.newest)
        silent = range(int(lowest // MINUTE), row.newest // MINUTE)
        truth = row.truth.silent(silent, self._seed())
        like = replace(row, truth=truth, lowest=_held(row), marks={})
        like.marks = {at: (*like.since(at)[:2], values[2]) for at, values in row.marks.items()}
        if row.head is not None:
            like.head = row.head[0], (0.0, 0.0, row.head[1][2])
        self.rows[self._taken(self.ledger.add_like(number))] = like

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), begin=instants, end=instants)
    def ask(self, data: st.DataObject, begin: float, end: float) -> None:
        _, row = self._some(data)
        self._ask(*sorted((row.newest + begin, row.newest + end)))

    def _ask(self, start: float, stop: float) -> None:
        numbers = sorted(self.rows)
        counts = self.ledger.window(np.array(numbers), start=start, end=stop)
        for index, number in enumerate(numbers):
            found = float(counts.good[index]), float(counts.bad[index]), float(counts.unknown_seconds[index])
            assert found == pytest.approx(self.rows[number].window(start, stop, SMALL), abs=1e-3), (number, start, stop)

    @precondition(lambda self: self.rows and self.once_marked)
    @rule(data=st.data(), more=st.floats(min_value=0, max_value=600))
    def ask_since_what_was_marked_once(self, data: st.DataObject, more: float) -> None:
        start = data.draw(st.sampled_from(self.once_marked))
        self._ask(start, start + more)

    @invariant()
    def no_row_is_leaked(self) -> None:
        assert len(self.ledger) == len(self.rows)


def _covers(row: Row, tier: Tier, at: float) -> bool:
    bounds, below = row.bounds(tier), at // tier.step * tier.step
    return bounds is not None and bounds[0] <= below and below + tier.step <= bounds[1]


def _held(row: Row) -> dict[int, int | None]:
    return {tier.step: bounds and bounds[0] for tier in SMALL for bounds in [row.bounds(tier)]}


TestLedgerAgainstBruteForce = LedgerAgainstBruteForce.TestCase
TestLedgerAgainstBruteForce.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_a_long_slice_that_is_unknown_is_unknown_to_the_second_in_every_minute_of_it():
    ledger = Ledger(LONG_TIERS)
    row = ledger.add(NOW)
    for _ in range(3):
        ledger.append(row, good=0, bad=0, unknown_seconds=14_400, seconds=14_400)
    for minute in range(0, 3 * 240, 7):
        counts = ledger.window(np.array([row]), start=NOW + minute * MINUTE, end=NOW + (minute + 1) * MINUTE)
        assert counts.unknown_seconds[0] == MINUTE


@given(minutes=st.integers(1, 400), more=st.integers(0, 5))
def test_a_row_that_moves_to_longer_tiers_answers_as_before(minutes, more):
    small, long = (MINUTES, QUARTERS), (MINUTES, QUARTERS, HOURS)
    ledger, moved, truth = Ledger(small), Ledger(long), Truth.random(minutes)
    row = ledger.add(NOW)
    for minute in range(minutes):
        good, bad, unknown = truth.minute(NOW // MINUTE + minute)
        ledger.append(row, good=good, bad=bad, unknown_seconds=unknown)
    again = moved.restore_row(refit(ledger.export_row(row), long))
    for minute in range(minutes, minutes + more):
        good, bad, unknown = truth.minute(NOW // MINUTE + minute)
        for book, number in ((ledger, row), (moved, again)):
            book.append(number, good=good, bad=bad, unknown_seconds=unknown)
    end = NOW + (minutes + more) * MINUTE
    for start in (end - 60, end - 3600, end - 5 * 3600, NOW - 60):
        was = ledger.window(np.array([row]), start=start, end=end)
        now = moved.window(np.array([again]), start=start, end=end)
        assert (now.good[0], now.bad[0], now.unknown_seconds[0]) == (was.good[0], was.bad[0], was.unknown_seconds[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"oldest": -(10**17)},
        {"newest": 10**17},
        {"oldest": 7},
        {"step": 61},
        {"good": np.zeros(3)},
    ],
    ids=str,
)
def test_a_row_that_does_not_hold_together_is_refused_and_leaves_nothing_behind(changes):
    ledger = Ledger(SMALL)
    row = ledger.add(NOW)
    ledger.append(row, good=1, bad=0, unknown_seconds=0)
    state = ledger.export_row(row)
    finest, *coarser = state.tiers
    with pytest.raises(ValueError, match=r"fit|boundary|are not the"):
        ledger.restore_row(replace(state, tiers=(replace(finest, **changes), *coarser)))
    assert len(ledger) == 1
