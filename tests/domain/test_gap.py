from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.gap import slices_across
from backstop.domain.ledger import HOURS, LONG_TIERS, MINUTES, QUARTERS, STANDARD_TIERS

NEWEST = st.integers(0, 100_000).map(lambda minutes: 1_700_000_040 + minutes * 60)
DAY = 86_400


def across(tiers, newest: int, upto: int, *, most: int = 240) -> list[tuple[int, int]]:
    """Walk over a gap; return each slice as its end and its length."""
    walked: list[tuple[int, int]] = []
    while newest < upto:
        step, ends = slices_across(tiers, newest=newest, upto=upto, most=most)
        assert 1 <= len(ends) <= most
        assert all(later - earlier == step for earlier, later in pairwise([newest, *ends]))
        walked += [(end, step) for end in ends]
        newest = ends[-1]
    return walked


@given(newest=NEWEST, minutes=st.integers(1, 36 * 1440), most=st.integers(1, 300))
def test_a_gap_is_closed_exactly_and_every_tier_keeps_its_resolution(newest: int, minutes: int, most: int):
    upto = newest + minutes * 60
    walked = across(LONG_TIERS, newest, upto, most=most)
    assert walked[-1][0] == upto
    for end, step in walked:
        assert end % step == 0
        for finer in (tier for tier in LONG_TIERS if tier.step < step):
            assert end <= upto - finer.span, f"{step} s, where the ledger would hold {finer.step} s"


@given(newest=NEWEST, minutes=st.integers(1, 36 * 1440))
def test_no_slice_is_finer_than_the_ledger_would_hold_but_for_reaching_a_boundary(newest: int, minutes: int):
    upto = newest + minutes * 60
    fine = [(end, step) for end, step in across(STANDARD_TIERS, newest, upto) if end < upto - QUARTERS.span]
    before_the_hour = [step for _, step in fine if step < HOURS.step]
    assert sum(before_the_hour) < HOURS.step * 2


@pytest.mark.parametrize(
    ("gap_seconds", "slices"),
    [
        pytest.param(5 * 3600, 300, id="what minutes reach back to is read in minutes"),
        pytest.param(MINUTES.span, 360, id="exactly as far as minutes reach"),
        pytest.param(DAY, 432, id="a day: 18 hours in quarters, then minutes"),
        pytest.param(30 * DAY, 27 * 24 + 66 * 4 + 360, id="a month: hours, quarters, minutes"),
    ],
)
def test_slices_across_a_gap_from_a_full_hour(gap_seconds: int, slices: int):
    newest = 1_699_999_200
    assert len(across(STANDARD_TIERS, newest, newest + gap_seconds)) == slices
