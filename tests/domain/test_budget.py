from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.budget import WindowCounts, budget, burn_rate
from backstop.domain.slo import NoTraffic, Objective

THREE_NINES = Objective(target_percent=Decimal("99.9"))


def counts(good, bad, *, seconds=2_592_000.0, unknown=0.0):
    return WindowCounts(name="30d", seconds=seconds, good=good, bad=bad, unknown_seconds=unknown)


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
