"""Sealed slices that are read again: what they hold more by then came too late (semantics K19)."""

from decimal import Decimal

import pytest

from backstop.domain.evidence import Slice, unknown
from backstop.domain.ledger import Ledger
from backstop.domain.slo import Budgeting, Timeslice
from backstop.engine.late_samples import SLICES_BACK, late_events, slice_to_read_again
from backstop.engine.tracked import Tracked
from backstop.vocabulary import Reason
from tests.builders import a_slo

ANCHOR = 1_772_625_600
FIVE_MINUTES = {
    "budgeting": Budgeting.TIMESLICES,
    "timeslice": Timeslice(seconds=300, target_ratio=Decimal("0.9")),
}


def sealed(*slices, **slo):
    """Return an SLO whose row began at ANCHOR and was sealed with these good and bad events since."""
    ledger = Ledger()
    tracked = Tracked(slo=a_slo(**slo), ledger=ledger, row=ledger.add(ANCHOR), anchor=ANCHOR)
    for good, bad in slices:
        ledger.append(tracked.row, good=good, bad=bad, unknown_seconds=0.0, seconds=tracked.slice_seconds)
    return tracked


def test_a_slice_is_read_again_some_slices_later():
    assert slice_to_read_again(sealed(*[(1, 0)] * (SLICES_BACK + 1))) == ANCHOR + 60
    assert slice_to_read_again(sealed(*[(1, 0)] * (SLICES_BACK + 1), **FIVE_MINUTES)) == ANCHOR + 300


def test_what_was_not_sealed_by_us_while_it_was_new_is_not_read_again():
    assert slice_to_read_again(sealed(*[(1, 0)] * SLICES_BACK)) is None
    assert slice_to_read_again(Tracked(slo=a_slo())) is None
    tracked = sealed(*[(1, 0)] * (SLICES_BACK + 1))
    tracked.caught_up_to = ANCHOR + 60
    assert slice_to_read_again(tracked) is None
    tracked.caught_up_to, tracked.catching_up = 0, True
    assert slice_to_read_again(tracked) is None


@pytest.mark.parametrize(
    ("again", "late"),
    [
        pytest.param(Slice(10, 2), 0, id="the same"),
        pytest.param(Slice(13, 2), 3, id="good ones"),
        pytest.param(Slice(10, 6), 4, id="bad ones"),
        pytest.param(Slice(8, 2), 0, id="fewer, as when series were deleted"),
        pytest.param(unknown(Reason.NO_DATA, "gone"), 0, id="unknown by now"),
    ],
)
def test_late_are_the_events_that_a_slice_has_beyond_those_it_was_sealed_with(again, late):
    assert late_events(sealed((1, 1), (10, 2), (1, 1)), ANCHOR + 120, again) == late


def test_a_slice_of_a_budget_of_time_is_late_when_it_would_be_judged_otherwise():
    tracked = sealed((1, 0), (1, 0), **FIVE_MINUTES)
    assert late_events(tracked, ANCHOR + 600, Slice(1, 0)) == 0
    assert late_events(tracked, ANCHOR + 600, Slice(0, 1)) == 1
