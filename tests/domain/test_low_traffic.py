"""The guard of quiet services: what stays pending, what is proven, and what is no burn at all."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.low_traffic import Grounds, Proof, all_bad_seconds, has_few_events, prove_exceeded
from backstop.domain.slo import Evaluation

DEFAULT = Evaluation()
FAST = 0.0144  # burn rate 14.4 of a target of 99.9 %
RATIOS = (1.0, 14.4, 6.0, 3.0)


def judged(bad, events, *, threshold=FAST, lasting=0.0, evaluation=DEFAULT):
    """Judge `bad` of `events`, after bad events without a good one for `lasting` seconds."""
    return prove_exceeded(
        good=events - bad, bad=bad, threshold_ratio=threshold, all_bad_seconds=lasting, evaluation=evaluation
    )


def asking(**changes):
    return replace(DEFAULT, **changes)


@pytest.mark.parametrize("events", [1, 3, 12, 60])
def test_one_failed_request_stays_silent_however_few_there_are(events):
    found = judged(1, events)
    assert (found.proof, found.grounds) == (Proof.LOW_TRAFFIC, Grounds.FEW_BAD_EVENTS)
    assert found.message == f"1 bad of {events} events; at least 2 bad ones are needed"
    assert (found.bad, found.events, found.p_value) == (1, events, None)


@pytest.mark.parametrize("threshold", [1e-9, 1e-5, 0.001, 0.0144, 0.3, 0.8])
@pytest.mark.parametrize("confidence", [0.5, 0.999])
def test_one_failed_request_is_never_proof_whatever_the_threshold(threshold, confidence):
    assert judged(1, 1, threshold=threshold, evaluation=asking(confidence=confidence)).proof is Proof.LOW_TRAFFIC


@pytest.mark.parametrize("threshold", [0.001, 0.0144, 0.3, 0.8])
@pytest.mark.parametrize("minimum", [0, 100])
def test_three_of_three_over_a_quarter_of_an_hour_are_proof_whatever_the_threshold(threshold, minimum):
    found = judged(3, 3, threshold=threshold, lasting=900, evaluation=asking(minimum_events=minimum))
    assert (found.proof, found.grounds) == (Proof.PROVEN, Grounds.ALL_BAD)
    assert found.message == "3 bad of 3 events; no good one for 15m, allBadFor is 15m"


def test_three_of_three_within_less_time_need_the_test_and_the_events_that_are_asked_for():
    assert judged(3, 3, lasting=899).grounds is Grounds.UNLIKELY
    assert judged(3, 3, threshold=0.3, lasting=899).proof is Proof.LOW_TRAFFIC
    assert judged(3, 3, lasting=899, evaluation=asking(minimum_events=4)).proof is Proof.LOW_TRAFFIC


def test_two_of_three_are_proof_and_two_of_four_may_be_chance():
    # P(X ≥ 2 of 3) = 3p²(1 − p) + p³ and P(X ≥ 2 of 4) = 6p²(1 − p)² + 4p³(1 − p) + p⁴
    p = Fraction(FAST)
    three, four = judged(2, 3), judged(2, 4)
    assert (three.proof, three.grounds) == (Proof.PROVEN, Grounds.UNLIKELY)
    assert (four.proof, four.grounds) == (Proof.LOW_TRAFFIC, Grounds.MAY_BE_CHANCE)
    assert three.p_value == pytest.approx(float(3 * p**2 * (1 - p) + p**3), rel=1e-12)
    assert four.p_value == pytest.approx(float(6 * p**2 * (1 - p) ** 2 + 4 * p**3 * (1 - p) + p**4), rel=1e-12)
    assert (
        three.message
        == "2 bad of 3 events; at 1.44 % chance makes as many with a probability of 0.00062, at most 0.001"
    )
    assert (
        four.message
        == "2 bad of 4 events; at 1.44 % chance makes as many with a probability of 0.0012, more than 0.001"
    )


def test_confidence_says_how_unlikely_chance_must_be():
    assert judged(2, 4, evaluation=asking(confidence=0.99)).proof is Proof.PROVEN
    assert judged(2, 3, evaluation=asking(confidence=0.9999)).proof is Proof.LOW_TRAFFIC


def test_what_exceeds_the_threshold_by_little_is_pending_until_there_are_enough_events():
    assert judged(150, 10_000).grounds is Grounds.MAY_BE_CHANCE
    assert judged(15_000, 1_000_000).grounds is Grounds.UNLIKELY
    assert judged(144, 10_000).grounds is Grounds.MAY_BE_CHANCE, "exactly at the threshold counts as exceeded"


def test_under_the_threshold_is_no_burn_and_says_so_with_its_numbers():
    found = judged(1, 100)
    assert (found.proof, found.grounds) == (Proof.NOT_EXCEEDED, Grounds.UNDER_THRESHOLD)
    assert found.message == "1 bad of 100 events are under 1.44 %"
    assert judged(1, 100, lasting=900).proof is Proof.NOT_EXCEEDED, "a run of bad events raises no ratio"


@pytest.mark.parametrize("events", [0, 5, 1e9])
def test_without_a_bad_event_nothing_is_exceeded(events):
    assert judged(0, events).grounds is Grounds.NO_BAD_EVENT
    assert judged(0, events, lasting=1e6).proof is Proof.NOT_EXCEEDED, "a run that left the window"


def test_fewer_events_than_asked_for_are_pending_even_where_chance_is_ruled_out():
    evaluation = asking(minimum_events=100)
    found = judged(50, 99, evaluation=evaluation)
    assert (found.proof, found.grounds) == (Proof.LOW_TRAFFIC, Grounds.FEW_EVENTS)
    assert found.message == "50 bad of 99 events; minimumEvents asks for 100"
    assert judged(50, 100, evaluation=evaluation).proof is Proof.PROVEN


def test_a_window_is_small_below_the_events_asked_for():
    evaluation = asking(minimum_events=10)
    assert has_few_events(9.9, evaluation)
    assert not has_few_events(10 - 1e-9, evaluation), "a difference of floats"
    assert not has_few_events(0, DEFAULT)


def test_parts_of_events_are_rounded_so_that_they_prove_less():
    found = prove_exceeded(good=1.1, bad=2.9, threshold_ratio=FAST, all_bad_seconds=0, evaluation=DEFAULT)
    assert (found.bad, found.events) == (2, 4)
    assert found.proof is Proof.LOW_TRAFFIC
    almost = prove_exceeded(good=0, bad=1.9, threshold_ratio=FAST, all_bad_seconds=0, evaluation=DEFAULT)
    assert almost.grounds is Grounds.FEW_BAD_EVENTS
    part = prove_exceeded(good=0, bad=0.4, threshold_ratio=FAST, all_bad_seconds=0, evaluation=DEFAULT)
    assert part.message == "0 bad of 0 events; at least 2 bad ones are needed"


def test_what_differs_from_a_whole_number_by_rounding_is_that_number():
    found = prove_exceeded(good=1 + 1e-8, bad=2 - 1e-8, threshold_ratio=FAST, all_bad_seconds=0, evaluation=DEFAULT)
    assert (found.bad, found.events, found.proof) == (2, 3, Proof.PROVEN)
    none = prove_exceeded(good=-1e-9, bad=-1e-9, threshold_ratio=FAST, all_bad_seconds=0, evaluation=DEFAULT)
    assert none.grounds is Grounds.NO_BAD_EVENT


counts = st.floats(min_value=0, max_value=1e9)
thresholds = st.floats(min_value=1e-9, max_value=0.999)


@given(good=counts, bad=counts, threshold=thresholds, minimum=st.integers(0, 1000))
def test_what_is_exceeded_is_proven_or_pending_and_never_clear(good, bad, threshold, minimum):
    found = prove_exceeded(
        good=good,
        bad=bad,
        threshold_ratio=threshold,
        all_bad_seconds=0,
        evaluation=asking(minimum_events=minimum),
    )
    assert (found.proof is Proof.NOT_EXCEEDED) == (bad <= 1e-6 or bad + 1e-6 < threshold * (good + bad))
    if found.proof is Proof.PROVEN:
        assert found.bad >= 2
        assert found.events >= minimum
        assert found.p_value <= 1 - DEFAULT.confidence


@given(good=counts, bad=st.floats(2, 1e9), threshold=thresholds, fewer=st.floats(0, 1e6))
def test_fewer_good_events_never_take_a_proof_away(good, bad, threshold, fewer):
    def proof(good):
        return prove_exceeded(
            good=good, bad=bad, threshold_ratio=threshold, all_bad_seconds=0, evaluation=DEFAULT
        ).proof

    if proof(good) is Proof.PROVEN:
        assert proof(max(good - fewer, 0)) is Proof.PROVEN


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"good": -1.0}, "good -1 must be a finite number, 0 or more"),
        ({"good": math.nan}, "good nan must be a finite number"),
        ({"bad": -0.5}, "bad -0.5 must be a finite number"),
        ({"bad": math.inf}, "bad inf must be a finite number"),
        ({"all_bad_seconds": math.nan}, "all_bad_seconds nan must be a finite number"),
        ({"all_bad_seconds": -1.0}, "all_bad_seconds -1 must be a finite number"),
        ({"threshold_ratio": 0.0}, "threshold_ratio 0 must be above 0 and below 1"),
        ({"threshold_ratio": math.nan}, "threshold_ratio nan must be above 0 and below 1"),
        ({"threshold_ratio": 1.0}, "no error ratio exceeds 1, so such a rule never fires: lower its burn rate factor"),
        ({"evaluation": asking(confidence=1.0)}, "evaluation.confidence 1.0 must be above 0 and below 1"),
        ({"evaluation": asking(confidence=math.nan)}, "evaluation.confidence nan must be above 0 and below 1"),
        ({"evaluation": asking(minimum_events=-1)}, "evaluation.minimum_events -1 must be a finite number"),
        ({"evaluation": asking(all_bad_for_seconds=0.0)}, "evaluation.all_bad_for_seconds 0.0 must be above 0"),
    ],
)
def test_what_is_no_input_is_refused_by_name(changes, message):
    arguments = {"good": 1.0, "bad": 2.0, "threshold_ratio": FAST, "all_bad_seconds": 0.0, "evaluation": DEFAULT}
    with pytest.raises(ValueError, match=message):
        prove_exceeded(**(arguments | changes))


def run(*slices, step=60):
    """Return for how long all was bad, of slices written as `g` good, `b` bad, `x` both, `?` unknown, `.` nothing."""
    good, bad, unknown = (
        np.cumsum([0.0, *(float(one in which) for one in slices)]) * amount
        for which, amount in (("gx", 1.0), ("bx", 1.0), ("?", 20.0))
    )
    return all_bad_seconds(np.arange(len(slices) + 1.0) * step, good, bad, unknown)


@pytest.mark.parametrize(
    ("slices", "minutes"),
    [
        pytest.param("", 0, id="no time"),
        pytest.param("ggggg", 0, id="all good"),
        pytest.param("gg....b.........", 0, id="silence after a bad event adds nothing"),
        pytest.param("ggb..b", 3, id="two bad events"),
        pytest.param("b..............b", 15, id="nothing is known before"),
        pytest.param("b...g...b..b.", 3, id="a good event ends the run"),
        pytest.param("b.......b..x", 0, id="who came first in a slice is not known"),
        pytest.param("b...?...b..b.", 3, id="a good event may hide in unknown time"),
        pytest.param("b..b..?", 0, id="what is unknown just now is no proof"),
        pytest.param("bbbbb", 4, id="bad all the time"),
    ],
)
def test_a_run_of_bad_events_lasts_from_the_first_to_the_latest(slices, minutes):
    assert run(*slices) == minutes * 60


def test_slices_may_be_of_any_length():
    assert all_bad_seconds(
        np.array([0.0, 3600.0, 4500.0, 4560.0]), np.zeros(4), np.array([0.0, 1.0, 1.0, 2.0]), np.zeros(4)
    ) == pytest.approx(960)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="equally many"):
        all_bad_seconds(np.zeros(3), np.zeros(3), np.zeros(2), np.zeros(3))
