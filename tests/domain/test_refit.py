import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.ledger import HOURS, LONG_TIERS, STANDARD_TIERS, Ledger
from backstop.domain.refit import refit

START = 1_700_000_040  # a boundary of a minute, not of a quarter


def filled(tiers, hours: int, minutes: int) -> tuple[Ledger, int]:
    ledger = Ledger(tiers)
    row = ledger.add(START)
    for number in range(hours):
        ledger.append(row, good=100.0 + number, bad=number % 3, unknown_seconds=60.0 * (number % 5), seconds=3600)
    for number in range(minutes):
        ledger.append(row, good=float(number), bad=1.0, unknown_seconds=0.0)
    if minutes > 2:
        ledger.mark(row, ledger.newest(row) - 90.0)
    return ledger, row


@settings(max_examples=30)
@given(hours=st.integers(0, 1000), minutes=st.integers(0, 200), data=st.data())
def test_every_window_counts_the_same_in_longer_tiers(hours: int, minutes: int, data: st.DataObject):
    short, row = filled(STANDARD_TIERS, hours, minutes)
    long = Ledger(LONG_TIERS)
    moved = long.restore_row(refit(short.export_row(row), LONG_TIERS))
    end = short.newest(row)
    assert (long.newest(moved), long.marks(moved)) == (end, short.marks(row))
    length = data.draw(st.integers(60, HOURS.span))
    before = short.window(np.array([row]), start=end - length, end=end)
    after = long.window(np.array([moved]), start=end - length, end=end)
    assert (after.good, after.bad, after.unknown_seconds) == (before.good, before.bad, before.unknown_seconds)


def test_the_longer_tier_begins_where_the_row_does():
    short, row = filled(STANDARD_TIERS, 400, 0)
    long = Ledger(LONG_TIERS)
    moved = long.restore_row(refit(short.export_row(row), LONG_TIERS))
    oldest = long.oldest_of(moved, 14_400)
    assert oldest is not None
    assert 0 <= oldest - START < 14_400


def test_a_row_too_young_for_a_longer_tier_has_nothing_in_it():
    short, row = filled(STANDARD_TIERS, 0, 10)
    long = Ledger(LONG_TIERS)
    moved = long.restore_row(refit(short.export_row(row), LONG_TIERS))
    assert long.oldest_of(moved, 14_400) is None
    long.append(moved, good=1.0, bad=0.0, unknown_seconds=0.0, seconds=14_400)
    assert long.oldest_of(moved, 14_400) == -(-START // 14_400) * 14_400


def test_a_row_of_longer_tiers_fits_into_shorter_ones():
    long, row = filled(LONG_TIERS, 1000, 5)
    short = Ledger(STANDARD_TIERS)
    moved = short.restore_row(refit(long.export_row(row), STANDARD_TIERS))
    end = long.newest(row)
    before = long.window(np.array([row]), start=end - 30 * 86_400, end=end)
    after = short.window(np.array([moved]), start=end - 30 * 86_400, end=end)
    assert (after.good, after.bad) == (before.good, before.bad)


def test_what_has_no_minutes_is_refused():
    ledger, row = filled(STANDARD_TIERS, 3, 3)
    state = ledger.export_row(row)
    with pytest.raises(ValueError, match="no tier of 60 s"):
        refit(type(state)(state.tiers[1:], state.marks), STANDARD_TIERS)
