"""Semantics E2, line by line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.evidence import Reading, Slice, judge
from backstop.domain.slo import NoTraffic
from backstop.vocabulary import Reason


def a_reading(**changes):
    known = {"total": 100.0, "part": 3.0, "part_is_good": False, "newest_age_seconds": 5.0, "series_present": True}
    return Reading(**(known | changes))


def judged(reading, *, no_traffic=NoTraffic.NEUTRAL, good_seen=True):
    return judge(reading, no_traffic=no_traffic, stale_after_seconds=120, good_seen=good_seen)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        pytest.param(a_reading(), Slice(97, 3), id="bad of total"),
        pytest.param(a_reading(part_is_good=True), Slice(3, 97), id="good of total"),
        pytest.param(a_reading(part=None), Slice(100, 0), id="total present and bad empty is no bad event"),
        pytest.param(a_reading(part=None, part_is_good=True), Slice(0, 100), id="good seen before and now empty"),
        pytest.param(a_reading(total=0.0, part=None), Slice(0, 0), id="no traffic is known time"),
        pytest.param(a_reading(total=0.0, part=0.0), Slice(0, 0), id="no traffic with a bad series"),
        pytest.param(
            a_reading(part=100.00000001), Slice(0, 100.00000001), id="last bits of a float are no contradiction"
        ),
        pytest.param(a_reading(newest_age_seconds=None), Slice(97, 3), id="age unknown is not stale"),
        pytest.param(a_reading(newest_age_seconds=120.0), Slice(97, 3), id="exactly at the limit is fresh"),
    ],
)
def test_known_evidence(reading, expected):
    assert judged(reading) == expected


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        pytest.param(a_reading(total=None, part=None, series_present=False), Reason.NO_DATA, id="total missing"),
        pytest.param(
            a_reading(total=None, part=None), Reason.BASELINE, id="series present, nothing may be counted yet"
        ),
        pytest.param(a_reading(newest_age_seconds=120.1), Reason.STALE, id="newest sample too old"),
        pytest.param(a_reading(total=math.nan), Reason.NOT_A_NUMBER, id="total NaN"),
        pytest.param(a_reading(part=math.nan), Reason.NOT_A_NUMBER, id="part NaN"),
        pytest.param(a_reading(part=101.0), Reason.INCONSISTENT, id="more bad than total"),
        pytest.param(a_reading(part=-1.0), Reason.INCONSISTENT, id="negative part"),
        pytest.param(a_reading(total=-1.0), Reason.INCONSISTENT, id="negative total"),
        pytest.param(a_reading(total=math.inf), Reason.INCONSISTENT, id="infinite total"),
        pytest.param(a_reading(total=0.0, part=2.0), Reason.INCONSISTENT, id="bad without total"),
    ],
)
def test_unknown_evidence_carries_its_reason(reading, reason):
    evidence = judged(reading)
    assert (evidence.reason, evidence.events) == (reason, 0)
    assert evidence.message


def test_total_without_good_is_unknown_until_good_was_seen():
    reading = a_reading(part=None, part_is_good=True)
    assert judged(reading, good_seen=False).reason is Reason.GOOD_NEVER_SEEN
    assert judged(reading, good_seen=True).bad == 100


def test_no_traffic_is_unknown_only_where_the_user_says_so():
    reading = a_reading(total=0.0, part=None)
    assert judged(reading, no_traffic=NoTraffic.UNKNOWN).reason is Reason.NO_TRAFFIC
    assert judged(reading, no_traffic=NoTraffic.GOOD).known


number = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@given(total=number, part=number, is_good=st.booleans(), age=number, present=st.booleans(), seen=st.booleans())
def test_whatever_comes_in_known_evidence_is_finite_and_not_negative(total, part, is_good, age, present, seen):
    reading = Reading(
        total=total,
        part=part,
        part_is_good=is_good,
        newest_age_seconds=age,
        series_present=present or total is not None,
    )
    evidence = judged(reading, good_seen=seen)
    assert math.isfinite(evidence.good)
    assert math.isfinite(evidence.bad)
    assert min(evidence.good, evidence.bad) >= 0
    if not evidence.known:
        assert evidence.events == 0
