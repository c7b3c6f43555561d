import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.interval import Interval, clip, merge, total_seconds

MOMENTS = st.integers(min_value=-20, max_value=60)
INTERVALS = st.lists(st.tuples(MOMENTS, MOMENTS).map(lambda pair: Interval(min(pair), max(pair))), max_size=12)


def seconds_in(intervals):
    """Every whole second that some interval contains: with whole bounds that is all there is to know."""
    return {at for at in range(-20, 60) if any(at in interval for interval in intervals)}


def test_an_interval_contains_its_start_and_not_its_end():
    assert 10 in Interval(10, 20)
    assert 19.999 in Interval(10, 20)
    assert 20 not in Interval(10, 20)


@pytest.mark.parametrize(
    ("start", "end"), [(2, 1), (math.nan, 1), (1, math.nan), (-math.inf, 1), (1, math.inf), (math.inf, math.inf)]
)
def test_an_interval_that_ends_before_it_starts_or_never_cannot_be_built(start, end):
    with pytest.raises(ValueError, match="from a finite start to an end not before it"):
        Interval(start, end)


def test_overlapping_touching_and_nested_intervals_become_one():
    assert merge([Interval(30, 40), Interval(0, 10), Interval(10, 20), Interval(5, 15), Interval(12, 13)]) == (
        Interval(0, 20),
        Interval(30, 40),
    )


def test_an_interval_without_time_leaves_nothing():
    assert merge([Interval(5, 5), Interval(0, 3)]) == (Interval(0, 3),)
    assert clip([Interval(5, 5)], 0, 10) == ()


@given(INTERVALS)
def test_merging_keeps_exactly_the_time_and_is_sorted_and_disjoint(intervals):
    merged = merge(intervals)
    assert seconds_in(merged) == seconds_in(intervals)
    assert all(before.end < after.start for before, after in itertools.pairwise(merged))
    assert all(interval.seconds > 0 for interval in merged)
    assert merge(merged) == merged
    assert merge(reversed(intervals)) == merged


@given(INTERVALS, MOMENTS, MOMENTS)
def test_clipping_keeps_exactly_the_time_between_the_bounds(intervals, start, end):
    clipped = clip(intervals, start, end)
    assert seconds_in(clipped) == {at for at in seconds_in(intervals) if start <= at < end}
    assert all(start <= interval.start < interval.end <= end for interval in clipped)


@given(INTERVALS)
def test_time_that_is_covered_twice_counts_once(intervals):
    assert total_seconds(intervals) == len(seconds_in(intervals))


@given(INTERVALS, MOMENTS)
def test_time_before_and_after_a_cut_adds_up(intervals, cut):
    before, after = clip(intervals, -20, cut), clip(intervals, cut, 60)
    assert total_seconds(before) + total_seconds(after) == total_seconds(intervals)
