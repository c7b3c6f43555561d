"""Exclusions against brute force: what is excluded is as if it had never been."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.interval import Interval, merge, total_seconds
from backstop.domain.ledger import MINUTE, Ledger
from backstop.domain.readout import Readout

ANCHOR = 1_700_000_100 // 3600 * 3600
MINUTES = 30

minutes = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from((0, 0, 60))),
    min_size=MINUTES,
    max_size=MINUTES,
)
instants = st.integers(-10 * 60, (MINUTES + 10) * 60)
exclusions = st.lists(st.tuples(instants, instants).map(lambda pair: Interval(*map(ANCHOR.__add__, sorted(pair)))))


def ledger_of(*rows):
    ledger = Ledger()
    numbers = []
    for slices in rows:
        number = ledger.add(ANCHOR)
        for good, bad, unknown in slices:
            ledger.append(number, good=good, bad=bad, unknown_seconds=unknown)
        numbers.append(number)
    return ledger, np.array(numbers)


def read(readout, start, end):
    found = readout.between(start, end)
    return (
        *(float(values[0]) for values in (found.good, found.bad, found.unknown_seconds)),
        found.seconds,
        found.excluded_seconds,
    )


def by_the_second(slices, excluded, start, end):
    """Add up every second that is in the window and in no exclusion."""
    at = np.arange(start, end)
    kept = np.ones(len(at), dtype=bool)
    for interval in excluded:
        kept &= (at < interval.start) | (at >= interval.end)
    inside = (at >= ANCHOR) & (at < ANCHOR + MINUTES * MINUTE)
    counts = np.array([*slices, (0, 0, 60)])[np.where(inside, (at - ANCHOR) // MINUTE, MINUTES)] / MINUTE
    return (*counts[kept].sum(axis=0), end - start, (~kept).sum())


@settings(max_examples=60, deadline=None)
@given(slices=minutes, excluded=exclusions, start=instants, length=st.integers(0, 2 * MINUTES * 60))
def test_a_window_counts_every_second_that_is_not_excluded_and_no_other(slices, excluded, start, length):
    ledger, rows = ledger_of(slices)
    start, end = ANCHOR + start, ANCHOR + start + length
    found = read(Readout(ledger, rows, merge(excluded)), start, end)
    assert found == pytest.approx(by_the_second(slices, excluded, start, end), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(slices=minutes, excluded=exclusions, more=exclusions, start=instants, length=st.integers(0, 3600))
def test_an_exclusion_that_is_taken_back_leaves_no_trace(slices, excluded, more, start, length):
    ledger, rows = ledger_of(slices)
    window = ANCHOR + start, ANCHOR + start + length
    before = read(Readout(ledger, rows, merge(excluded)), *window)
    read(Readout(ledger, rows, merge([*excluded, *more])), *window)
    assert read(Readout(ledger, rows, merge(excluded)), *window) == before


@settings(max_examples=30, deadline=None)
@given(slices=minutes, excluded=exclusions)
def test_exclusions_that_overlap_count_once(slices, excluded):
    ledger, rows = ledger_of(slices)
    window = ANCHOR - 3600, ANCHOR + 4 * 3600
    once = read(Readout(ledger, rows, merge(excluded)), *window)
    assert read(Readout(ledger, rows, merge([*excluded, *excluded])), *window) == once
    assert once[-1] == pytest.approx(total_seconds(excluded))


def test_events_that_are_all_excluded_leave_none_behind_however_many_there_were():
    ledger, rows = ledger_of([(1e9 / 3, 1e9 / 7, 0)] * 10 + [(0, 0, 0)] * 20)
    excluded = (Interval(ANCHOR, ANCHOR + 10 * MINUTE),)
    assert read(Readout(ledger, rows, excluded), ANCHOR, ANCHOR + MINUTES * MINUTE)[:3] == (0, 0, 0)


def test_each_row_keeps_its_own_counts():
    ledger, rows = ledger_of([(1, 0, 0)] * MINUTES, [(0, 2, 0)] * MINUTES)
    found = Readout(ledger, rows, (Interval(ANCHOR + 600, ANCHOR + 1200),)).between(ANCHOR, ANCHOR + 1800)
    assert found.good.tolist() == [20, 0]
    assert found.bad.tolist() == [0, 40]
