"""The ledger against brute force: every window is the sum of the slices in it, whatever the tier and the order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.ledger import HOURS, LONG_TIERS, MINUTE, QUARTERS, STANDARD_TIERS, Ledger
from backstop.domain.readout import Readout

ANCHOR = 1_700_000_040 // 60 * 60


def window(ledger, row, start, end):
    counts = ledger.window(np.array([row]), start=start, end=end)
    return float(counts.good[0]), float(counts.bad[0]), float(counts.unknown_seconds[0])


def filled(minutes):
    """Return a ledger with one row of these (good, bad, unknown seconds) minutes, and the row."""
    ledger = Ledger()
    row = ledger.add(ANCHOR)
    for good, bad, unknown in minutes:
        ledger.append(row, good=good, bad=bad, unknown_seconds=unknown)
    return ledger, row


minute = st.tuples(
    st.integers(min_value=0, max_value=10_000), st.integers(min_value=0, max_value=10_000), st.sampled_from([0, 60])
)


@given(minutes=st.lists(minute, min_size=1, max_size=300), data=st.data())
def test_a_window_on_boundaries_is_the_sum_of_its_minutes(minutes, data):
    ledger, row = filled(minutes)
    first = data.draw(st.integers(min_value=0, max_value=len(minutes) - 1))
    last = data.draw(st.integers(min_value=first + 1, max_value=len(minutes)))
    got = window(ledger, row, ANCHOR + first * MINUTE, ANCHOR + last * MINUTE)
    assert got == pytest.approx(tuple(np.sum(minutes[first:last], axis=0)))


@given(minutes=st.lists(minute, min_size=2, max_size=100), share=st.floats(min_value=0, max_value=1))
def test_inside_a_minute_events_are_spread_evenly(minutes, share):
    ledger, row = filled(minutes)
    start = ANCHOR + share * MINUTE
    good, bad, _ = window(ledger, row, start, ANCHOR + len(minutes) * MINUTE)
    assert good == pytest.approx((1 - share) * minutes[0][0] + sum(m[0] for m in minutes[1:]), abs=1e-3)
    assert bad == pytest.approx((1 - share) * minutes[0][1] + sum(m[1] for m in minutes[1:]), abs=1e-3)


@given(minutes=st.lists(minute, min_size=1, max_size=200), data=st.data())
def test_history_that_is_prepended_reads_like_history_that_was_appended(minutes, data):
    split = data.draw(st.integers(min_value=0, max_value=len(minutes)))
    appended, row_a = filled(minutes)
    prepended = Ledger()
    row_b = prepended.add(ANCHOR + split * MINUTE)
    for good, bad, unknown in minutes[split:]:
        prepended.append(row_b, good=good, bad=bad, unknown_seconds=unknown)
    for good, bad, unknown in reversed(minutes[:split]):
        prepended.prepend(row_b, step=MINUTE, good=good, bad=bad, unknown_seconds=unknown)
    end = ANCHOR + len(minutes) * MINUTE
    start = data.draw(st.floats(min_value=ANCHOR - 600, max_value=end))
    # Cumulative sums with another origin round elsewhere.
    assert window(appended, row_a, start, end) == pytest.approx(window(prepended, row_b, start, end), abs=1e-3)


def test_time_before_all_history_and_after_its_end_is_unknown():
    ledger, row = filled([(1, 0, 0)] * 10)
    end = ANCHOR + 600
    assert window(ledger, row, ANCHOR - 300, end) == (10, 0, 300)
    assert window(ledger, row, ANCHOR - 300, end + 120) == (10, 0, 420)
    assert window(ledger, row, end + 60, end + 120) == (0, 0, 60)
    assert window(ledger, row, ANCHOR - 900, ANCHOR - 300) == (0, 0, 600)


def test_the_head_counts_until_it_is_replaced_or_sealed():
    ledger, row = filled([(60, 0, 0)] * 5)
    end = ANCHOR + 300
    ledger.set_head(row, end=end + 30, good=20, bad=10, unknown_seconds=0)
    assert window(ledger, row, ANCHOR, end + 30) == (320, 10, 0)
    assert window(ledger, row, ANCHOR, end + 45) == (320, 10, 15)
    assert window(ledger, row, end + 15, end + 30) == (10, 5, 0)
    ledger.clear_head(row)
    assert window(ledger, row, ANCHOR, end + 30) == (300, 0, 30)


@pytest.mark.parametrize("days", [2, 10])
def test_long_windows_come_from_coarser_columns_and_lose_no_event(days):
    rng = np.random.default_rng(7)
    events = rng.integers(0, 50, size=(days * 1440, 2))
    ledger, row = filled([(int(good), int(bad), 0) for good, bad in events])
    end = ANCHOR + len(events) * MINUTE
    for hours in (1, 5, 30, 24 * days - 2):
        start = end - hours * 3600
        good, bad, unknown = window(ledger, row, start, end)
        expected = events[-hours * 60 :].sum(axis=0)
        # The window begins inside a slice of the tier that still holds it: at most one slice is cut unevenly.
        step = 60 if hours <= 5 else QUARTERS.step if hours <= 71 else HOURS.step
        assert abs(good - expected[0]) <= step / 60 * 50
        assert abs(bad - expected[1]) <= step / 60 * 50
        assert unknown == 0


def test_backfill_goes_back_through_all_tiers():
    ledger = Ledger(LONG_TIERS)
    row = ledger.add(ANCHOR)
    for tier in LONG_TIERS:
        while True:
            oldest = ledger.oldest_of(row, tier.step)
            assert oldest is not None
            if oldest - tier.step < ANCHOR - tier.span:
                break
            ledger.prepend(row, step=tier.step, good=tier.step / 60, bad=0, unknown_seconds=0)
    for days in (0.2, 2, 30, 365):
        start = ANCHOR - days * 86_400
        assert window(ledger, row, start, ANCHOR) == pytest.approx((days * 1440, 0, 0))


def test_a_full_ring_refuses_what_is_older_than_it_can_hold():
    ledger, row = filled([(1, 0, 0)] * (6 * 60 + 10))
    oldest = ledger.oldest_of(row, MINUTE)
    ledger.prepend(row, step=MINUTE, good=5, bad=5, unknown_seconds=0)
    assert ledger.oldest_of(row, MINUTE) == oldest


def test_rows_are_reused_without_a_trace_of_their_former_owner():
    ledger, row = filled([(7, 7, 60)] * 30)
    ledger.set_head(row, end=ANCHOR + 1830, good=9, bad=9, unknown_seconds=0)
    ledger.remove(row)
    again = ledger.add(ANCHOR + 1800)
    assert again == row
    assert window(ledger, again, ANCHOR, ANCHOR + 1860) == (0, 0, 1860)


def test_adding_and_removing_many_rows_does_not_grow_the_ledger():
    ledger = Ledger()
    for _ in range(20):
        rows = [ledger.add(ANCHOR) for _ in range(50)]
        for row in rows:
            ledger.remove(row)
    assert len(ledger) == 0
    assert max(ledger.add(ANCHOR) for _ in range(50)) < 64


@settings(max_examples=20)
@given(rows=st.lists(st.lists(minute, min_size=1, max_size=30), min_size=1, max_size=80))
def test_many_rows_at_once_read_like_each_alone(rows):
    ledger = Ledger()
    numbers = []
    for minutes in rows:
        row = ledger.add(ANCHOR)
        numbers.append(row)
        for good, bad, unknown in minutes:
            ledger.append(row, good=good, bad=bad, unknown_seconds=unknown)
    start, end = ANCHOR + 90.0, ANCHOR + 1800.0
    counts = ledger.window(np.array(numbers), start=start, end=end)
    for index, row in enumerate(numbers):
        alone = window(ledger, row, start, end)
        assert (counts.good[index], counts.bad[index], counts.unknown_seconds[index]) == alone


def test_an_anchor_off_the_minute_is_refused():
    with pytest.raises(ValueError, match="not a minute boundary"):
        Ledger().add(ANCHOR + 1)


def test_a_standard_row_takes_about_thirty_kilobytes():
    assert Ledger(STANDARD_TIERS).bytes_per_row() < 30_000


def test_several_windows_at_once_read_like_each_alone_for_young_and_old_rows():
    ledger = Ledger()
    rows = [ledger.add(ANCHOR) for _ in range(3)]
    for row, minutes in zip(rows, (5, 400, 1500), strict=True):  # inside one tier, beyond the first, beyond the second
        for _ in range(minutes):
            ledger.append(row, good=row + 1, bad=1, unknown_seconds=row)
    end = ANCHOR + 1500 * MINUTE + 20.0
    lengths = (300.0, 7200.0, 86_400.0, 30 * 86_400.0)
    readout = Readout(ledger, np.array(rows))
    for length in lengths:
        for index, row in enumerate(rows):
            counts = readout.between(end - length, end)
            read = counts.good[index], counts.bad[index], counts.unknown_seconds[index]
            assert read == pytest.approx(window(ledger, row, end - length, end))
