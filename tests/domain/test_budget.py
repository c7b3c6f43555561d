from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.budget import AT_RISK_PERCENT, BudgetUnit, Period, WindowCounts, budget, burn_rate
from backstop.domain.interval import Interval
from backstop.domain.slo import NoTraffic, Objective, Timeslice
from backstop.domain.verdict import DataStatus, judge_budget
from backstop.vocabulary import Reason, State

THREE_NINES = Objective(target_percent=Decimal("99.9"))
NINETY_FIVE = Objective(target_percent=Decimal(95))
MINUTES = Timeslice(seconds=60, target_ratio=Decimal("0.99"))
DAY, WEEK, MONTH = 86_400.0, 7 * 86_400.0, 30 * 86_400.0
ARRIVING = DataStatus(available=True, reason=Reason.SAMPLES_FRESH, message="", since=0.0)


def counts(good, bad, *, seconds=2_592_000.0, unknown=0.0, excluded=0.0):
    return WindowCounts(
        name="30d", seconds=seconds, good=good, bad=bad, unknown_seconds=unknown, excluded_seconds=excluded
    )


def neutral(window, objective=THREE_NINES, **more):
    return budget(window, objective, no_traffic=NoTraffic.NEUTRAL, **more)


def month(previous=None):
    """A period of 30 days."""
    return Period(interval=Interval(0, MONTH), previous=previous)


def state_of(found):
    return judge_budget([found], ARRIVING).state


def test_half_of_the_allowed_errors_leave_half_of_the_budget():
    found = budget(counts(999_500, 500), THREE_NINES, no_traffic=NoTraffic.NEUTRAL)
    assert found.sli_percent == pytest.approx(99.95)
    assert found.consumed_percent == pytest.approx(50)
    assert found.remaining_percent == pytest.approx(50)


def test_an_overspent_budget_is_shown_below_zero():
    found = budget(counts(997, 3), THREE_NINES, no_traffic=NoTraffic.NEUTRAL)
    assert found.remaining_percent == pytest.approx(-200)


def test_known_time_without_events_leaves_the_budget_untouched_and_has_no_sli():
    found = budget(counts(0, 0), THREE_NINES, no_traffic=NoTraffic.NEUTRAL)
    assert (found.sli_percent, found.remaining_percent) == (None, 100)


def test_no_traffic_counts_as_good_where_the_user_says_so():
    assert budget(counts(0, 0), THREE_NINES, no_traffic=NoTraffic.GOOD).sli_percent == 100


def test_nothing_known_says_nothing():
    found = budget(counts(0, 0, unknown=2_592_000), THREE_NINES, no_traffic=NoTraffic.GOOD)
    assert (found.sli_percent, found.consumed_percent, found.remaining_percent) == (None, None, None)


def test_under_five_percent_known_time_it_is_too_early():
    assert budget(counts(9, 1, seconds=1000, unknown=951), THREE_NINES, no_traffic=NoTraffic.NEUTRAL).too_early
    assert not budget(counts(9, 1, seconds=1000, unknown=950), THREE_NINES, no_traffic=NoTraffic.NEUTRAL).too_early


def test_the_rest_of_the_budget_lasts_as_long_as_the_present_burn_allows():
    half = counts(999_500, 500)
    found = budget(half, THREE_NINES, no_traffic=NoTraffic.NEUTRAL, burn_rate=15.0)
    assert found.exhausts_in_seconds == pytest.approx(86_400)  # 50 % of 30 days at 15 times the sustainable rate
    assert budget(half, THREE_NINES, no_traffic=NoTraffic.NEUTRAL, burn_rate=1.0).exhausts_in_seconds is None


def test_burn_rate_one_spends_the_budget_exactly():
    assert burn_rate(counts(999, 1), THREE_NINES) == pytest.approx(1)
    assert burn_rate(counts(0, 5), THREE_NINES) == pytest.approx(1000)
    assert burn_rate(counts(0, 0), THREE_NINES) is None


amount = st.floats(min_value=0, max_value=1e12)


@given(good=amount, bad=amount)
def test_consumed_and_remaining_add_up_to_the_whole(good, bad):
    found = budget(counts(good, bad), THREE_NINES, no_traffic=NoTraffic.NEUTRAL)
    assert found.consumed_percent + found.remaining_percent == pytest.approx(100, abs=1e-6)


@given(good=st.floats(min_value=1, max_value=1e9), bad=amount, more=amount)
def test_more_errors_never_leave_more_budget(good, bad, more):
    less_bad = budget(counts(good, bad), THREE_NINES, no_traffic=NoTraffic.NEUTRAL)
    more_bad = budget(counts(good, bad + more), THREE_NINES, no_traffic=NoTraffic.NEUTRAL)
    assert more_bad.remaining_percent <= less_bad.remaining_percent + 1e-6


@pytest.mark.parametrize("target", ["0", "100", "-1", "100.5"])
def test_an_objective_outside_of_zero_and_hundred_cannot_be_built(target):
    with pytest.raises(ValueError, match="between 0 and 100"):
        Objective(target_percent=Decimal(target))


def test_the_target_stays_exact():
    assert Objective(target_percent=Decimal("99.95")).error_ratio == Decimal("0.0005")


def test_two_weeks_of_one_minute_slices_at_95_percent_have_a_budget_of_1008_minutes():
    # Published with OpenSLO's budgeting methods: 14 d × 24 h × 60 min × 5 %.
    for bad in (0, 100, 1008, 2000):
        found = neutral(counts(20_160 - bad, bad, seconds=2 * WEEK), NINETY_FIVE, timeslice=MINUTES)
        assert (found.unit, found.total) == (BudgetUnit.MINUTES, pytest.approx(1008))
        assert (found.consumed, found.remaining) == (pytest.approx(bad), pytest.approx(1008 - bad))


def test_a_budget_of_time_is_told_in_minutes_whatever_the_length_of_its_slices():
    hours = Timeslice(seconds=3600, target_ratio=Decimal("0.99"))
    found = neutral(counts(334, 2, seconds=2 * WEEK), NINETY_FIVE, timeslice=hours)
    assert (found.total, found.consumed) == (pytest.approx(1008), pytest.approx(120))


def test_time_that_is_unknown_or_excluded_shortens_a_budget_of_time():
    week = counts(3 * 1440, 0, seconds=WEEK, unknown=DAY, excluded=3 * DAY)
    assert neutral(week, NINETY_FIVE, timeslice=MINUTES).total == pytest.approx(3 * 1440 * 0.05)


def test_the_whole_of_a_calendar_period_counts_in_its_budget_of_time_from_the_first_minute():
    first_day = counts(1440, 0, seconds=DAY)
    assert neutral(first_day, NINETY_FIVE, timeslice=MINUTES, period=month()).total == pytest.approx(30 * 1440 * 0.05)


def test_the_events_of_a_calendar_period_are_forecast_from_the_one_before():
    previous = counts(3_000_000, 0)
    found = neutral(counts(49_950, 50, seconds=DAY / 2), period=month(previous))
    assert (found.total, found.forecast) == (pytest.approx(3000), True)
    assert found.consumed_percent == pytest.approx(50 / 3000 * 100)
    assert state_of(found) is State.HEALTHY  # half a day is enough, since it is known how many to expect


def test_more_events_than_forecast_are_the_total_themselves():
    found = neutral(counts(4_000_000, 0, seconds=10 * DAY), period=month(counts(3_000_000, 0)))
    assert found.total == pytest.approx(4000)


def test_the_forecast_is_scaled_from_the_known_time_before_to_the_time_that_counts_now():
    half_known = counts(1_500_000, 0, unknown=15 * DAY)
    now = counts(0, 0, seconds=10 * DAY, unknown=2 * DAY, excluded=3 * DAY)
    assert neutral(now, period=month(half_known)).total == pytest.approx(3000 * 25 / 30)


@pytest.mark.parametrize(
    "previous",
    [None, counts(9, 1, unknown=0.96 * MONTH), counts(0, 0)],
    ids=["none", "hardly known", "without events"],
)
def test_a_period_of_events_without_a_past_is_too_early_until_five_percent_of_it_are_known(previous):
    early = neutral(counts(999, 1, seconds=1.4 * DAY), period=month(previous))
    assert (state_of(early), early.forecast) == (State.UNKNOWN, True)
    later = neutral(counts(999, 1, seconds=1.5 * DAY), period=month(previous))
    assert state_of(later) is not State.UNKNOWN
    assert later.total == pytest.approx(20)  # as many as so far, until its end


def test_at_the_instant_at_which_a_period_begins_its_budget_is_whole():
    begun = counts(0, 0, seconds=0.0)
    for found in (
        neutral(begun, period=month(counts(3_000_000, 0))),
        neutral(begun, NINETY_FIVE, timeslice=MINUTES, period=month()),
    ):
        assert (found.remaining_percent, state_of(found)) == (100, State.HEALTHY)
        assert found.total > 0
    assert state_of(neutral(begun, period=month())) is State.UNKNOWN


def test_a_window_that_is_all_excluded_is_not_judged():
    for found in (neutral(counts(0, 0, excluded=MONTH)), neutral(counts(0, 0, excluded=MONTH), timeslice=MINUTES)):
        assert (found.remaining_percent, state_of(found)) == (None, State.UNKNOWN)


def test_what_is_left_of_a_period_may_outlast_it():
    half = counts(4_990_000, 10_000, seconds=15 * DAY)
    previous = counts(20_000_000, 0)
    assert neutral(half, period=month(previous), burn_rate=2.0).exhausts_in_seconds == pytest.approx(7.5 * DAY)
    assert neutral(half, period=month(previous), burn_rate=0.9).exhausts_in_seconds is None
    assert neutral(half, period=month(previous), burn_rate=1.001).exhausts_in_seconds == pytest.approx(
        15 * DAY / 1.001, rel=1e-6
    )
    untouched = counts(5_000_000, 0, seconds=15 * DAY)
    assert neutral(untouched, period=month(previous), burn_rate=1.5).exhausts_in_seconds is None


def test_the_rest_lasts_as_long_as_the_time_that_counts_allows():
    week = counts(99_950, 50, seconds=WEEK, unknown=DAY, excluded=2 * DAY)
    assert neutral(week, burn_rate=2.0).exhausts_in_seconds == pytest.approx(0.5 * 4 * DAY / 2)


seconds_of = st.integers(0, 30 * 24).map(lambda hours: hours * 3600.0)
periods = st.none() | st.just(month()) | st.just(month(counts(2_000_000, 1000))) | st.just(month(counts(0, 0)))
shares = st.floats(min_value=0, max_value=1)


@st.composite
def windows(draw):
    """Counts that go together: time that is known holds its slices."""
    seconds = draw(seconds_of)
    excluded = draw(shares) * seconds
    unknown = draw(shares) * (seconds - excluded)
    return seconds, excluded, unknown


@given(window=windows(), bad_share=shares, more=shares, period=periods, time=st.booleans(), events=amount)
def test_whatever_the_window_more_bad_never_leaves_more(window, bad_share, more, period, time, events):
    seconds, excluded, unknown = window
    total = (seconds - excluded - unknown) / 60 if time else events
    timeslice = MINUTES if time else None
    worse_share = bad_share + more * (1 - bad_share)

    def left(share):
        window = counts(
            total * (1 - share), total * share, seconds=seconds if period else MONTH, excluded=excluded, unknown=unknown
        )
        return neutral(window, NINETY_FIVE, timeslice=timeslice, period=period).remaining_percent

    if left(bad_share) is not None:
        assert left(worse_share) <= left(bad_share) + 1e-6


@given(good=amount, bad=amount, unknown=shares, more=shares)
def test_time_that_is_not_known_makes_a_rolling_budget_neither_better_nor_worse(good, bad, unknown, more):
    longer = unknown + more * (1 - unknown)
    known, less_known = (neutral(counts(good, bad, unknown=share * MONTH)) for share in (unknown, longer))
    assert less_known.remaining_percent in (None, known.remaining_percent)
    assert state_of(less_known) in (State.UNKNOWN, state_of(known))


@given(bad_share=shares, unknown=st.floats(min_value=0, max_value=0.9), more=shares)
def test_time_that_is_not_known_makes_a_budget_of_time_neither_better_nor_worse(bad_share, unknown, more):
    def of(unknown_share):
        slices = MONTH / 60 * (1 - unknown_share)
        window = counts(slices * (1 - bad_share), slices * bad_share, unknown=unknown_share * MONTH)
        return neutral(window, NINETY_FIVE, timeslice=MINUTES)

    longer = unknown + more * (0.9 - unknown)
    assert of(longer).remaining_percent == pytest.approx(of(unknown).remaining_percent, abs=1e-6)


@given(bad=st.floats(min_value=0, max_value=1e6), unknown=shares, more=shares, period=periods)
def test_time_that_is_not_known_never_makes_the_budget_of_a_period_better(bad, unknown, more, period):
    longer = unknown + more * (1 - unknown)
    found = [
        neutral(counts(1e6, bad, seconds=10 * DAY, unknown=share * 10 * DAY), period=period)
        for share in (unknown, longer)
    ]
    if found[1].remaining_percent is not None and period is not None and found[1].counts.known_seconds > 0:
        previous = period.previous is not None and period.previous.events > 0
        if previous:  # without one, the same events in less time forecast more of them
            assert found[1].remaining_percent <= found[0].remaining_percent + 1e-6


@given(good=amount, bad=amount, burn=st.floats(min_value=0, max_value=1e6))
def test_state_follows_what_is_left(good, bad, burn):
    found = neutral(counts(good, bad), burn_rate=burn)
    left = found.remaining_percent
    expected = State.EXHAUSTED if left <= 0 else State.AT_RISK if left < AT_RISK_PERCENT else State.HEALTHY
    assert state_of(found) is expected
    if found.exhausts_in_seconds is not None:
        assert left > 0
        assert burn > 1
        assert 0 <= found.exhausts_in_seconds <= MONTH
