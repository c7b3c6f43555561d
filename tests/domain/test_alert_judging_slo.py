"""What the evidence of an SLO says of a rule: true, false, or nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert_judging import for_seconds, longest_step_seconds
from backstop.domain.alert_judging_slo import judge_slo_rule, windows_asked
from backstop.domain.alert_policy import (
    BudgetRemainingBelow,
    ExhaustsWithin,
    NoData,
    NodeCondition,
    Query,
)
from backstop.domain.alert_tiers import EffectiveRule
from backstop.domain.budget import Period, WindowCounts, budget
from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.slo import CalendarWindow, Comparison, NoTraffic, Timeslice
from backstop.domain.verdict import DataStatus
from backstop.vocabulary import AlertReason, Reason
from tests.domain.alert_builders import (
    NOW,
    a_rule,
    an_slo,
    burning,
    counts,
    evidence,
    in_force,
    outage,
    steady,
)

DAY = 86_400.0
SLO = an_slo("99.9", "30d")
(FAST,) = in_force(a_rule(burning("1h", "5m", "2")), SLO)
LOST = DataStatus(available=False, reason=Reason.NO_DATA, message="the query answers nothing", since=NOW - 120)


def judged(rule, counting, slo=SLO, **changes):
    return judge_slo_rule(rule, evidence([rule], slo, counting, **changes))


def by_window(windows):
    """Counts by length; the longest one given counts for what is longer."""
    ordered = sorted(windows)

    def counting(seconds):
        return windows[next((length for length in ordered if length >= seconds), ordered[-1])]

    return counting


# burnRate


def test_it_burns_when_both_windows_do_and_the_message_has_the_numbers():
    found = judged(FAST, steady(0.05), bad_since=NOW - 30)
    assert (found.holds, found.reason, found.guarded, found.started_at) == (True, AlertReason.BURNING, False, NOW - 30)
    assert found.message == ("burn 50.00× over 1h and 50.00× over 5m, the limit is 14.4×; 180000 bad of 3600000 events")
    assert found.numbers["longBurn"] == pytest.approx(50)
    assert (found.numbers["factor"], found.numbers["shortCoverage"]) == (pytest.approx(14.4), 1.0)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        pytest.param({300: (2990, 10, 0), 3600: (35000, 1000, 0)}, "27.78× over 1h and 3.33×", id="not any more"),
        pytest.param({300: (2900, 100, 0), 3600: (35900, 100, 0)}, "2.78× over 1h and 33.33×", id="not for long"),
        pytest.param({300: (0, 0, 0), 3600: (0, 0, 0)}, "0.00× over 1h and 0.00×", id="no traffic at all"),
        pytest.param({300: (0, 0, 0), 3600: (900, 100, 0)}, "100.00× over 1h and 0.00×", id="no traffic any more"),
    ],
)
def test_it_does_not_burn_when_one_window_does_not(windows, expected):
    found = judged(FAST, by_window(windows))
    assert (found.holds, found.reason) == (False, AlertReason.NOT_BURNING)
    assert expected in found.message
    assert found.message.endswith("the limit is 14.4×")


def test_exactly_at_the_factor_it_burns():
    assert judged(FAST, steady(0.0144)).holds is True
    assert judged(FAST, steady(0.01439)).holds is False


def test_too_few_events_are_guarded_with_the_reason_of_the_guard():
    found = judged(FAST, by_window({300: (1, 1, 0), 3600: (2, 1, 0)}))
    assert (found.holds, found.guarded, found.reason) == (True, True, AlertReason.LOW_TRAFFIC)
    assert found.message.endswith("1 bad of 3 events; at least 2 bad ones are needed")


def test_nothing_but_errors_for_long_enough_is_no_longer_guarded():
    counting = by_window({300: (0, 1, 0), 3600: (0, 3, 0)})
    (rule,) = in_force(a_rule(burning("1h", "5m", factor="8")), an_slo("90"))
    assert judged(rule, counting, an_slo("90")).guarded
    proven = judged(rule, counting, an_slo("90"), all_bad_seconds=900)
    assert proven.guarded is False
    assert proven.message.endswith("3 bad of 3 events; no good one for 15m, allBadFor is 15m")


def test_a_budget_of_time_burns_by_its_slices():
    slices = an_slo("99.9", "30d", timeslice=Timeslice(seconds=60, target_ratio=Decimal("0.95")))
    one = judged(FAST, by_window({300: (4, 1, 0), 3600: (59, 1, 0)}), slices)
    six = judged(FAST, by_window({300: (0, 5, 0), 3600: (54, 6, 0)}), slices)
    assert (one.guarded, six.holds, six.guarded) == (True, True, False)
    assert "burn 100.00× over 1h" in six.message


@pytest.mark.parametrize(
    ("windows", "holds"),
    [
        pytest.param({300: (0, 0, 300), 3600: (0, 0, 3600)}, None, id="nothing known"),
        pytest.param({300: (3000, 0, 0), 3600: (3000, 0, 3300)}, False, id="the short window tells that it does not"),
        pytest.param({300: (3000, 0, 160), 3600: (36000, 0, 0)}, False, id="the long window tells that it does not"),
        pytest.param(
            {300: (3000, 0, 160), 3600: (30000, 6000, 0)}, None, id="less than half of the short one is known"
        ),
        pytest.param({300: (3000, 0, 140), 3600: (30000, 6000, 0)}, False, id="more than half of it is"),
        pytest.param(
            {300: (60, 3000, 0), 3600: (60, 3000, 3200)}, True, id="so many errors that the unknown cannot undo"
        ),
        pytest.param({300: (2900, 100, 0), 3600: (2900, 100, 3300)}, None, id="errors that the unknown could undo"),
        pytest.param({300: (1500, 100, 160), 3600: (30000, 6000, 0)}, True, id="the same in the short window"),
        pytest.param({300: (2000, 30, 200), 3600: (30000, 6000, 0)}, None, id="and again too few for certain"),
    ],
)
def test_unknown_time_may_hold_anything(windows, holds):
    found = judged(FAST, by_window(windows))
    assert found.holds is holds
    if holds is None:
        assert found.reason is AlertReason.EVIDENCE_UNKNOWN
        assert "% of the last" in found.message


def test_a_window_that_is_excluded_whole_tells_nothing_and_the_message_says_so():
    asked = evidence([FAST], SLO, steady(0.5))
    short = WindowCounts(name="", seconds=300, good=0, bad=0, unknown_seconds=0, excluded_seconds=300)
    found = judge_slo_rule(FAST, replace(asked, counts={**asked.counts, 300: short}))
    assert found.holds is None
    assert found.message.endswith("all of the last 5m is excluded")


@given(
    good=st.integers(0, 10**6),
    bad=st.integers(0, 10**6),
    unknown_share=st.floats(0, 1),
    hidden_good=st.floats(0, 1),
)
def test_whatever_hides_in_unknown_time_at_the_same_pace_a_proof_of_burning_stands(
    good, bad, unknown_share, hidden_good
):
    """What was found to burn would have been found so with the gap filled; half of the time decides the rest."""

    def known(seconds):
        share = seconds / 3600 * (1 - unknown_share)
        return good * share, bad * share, seconds * unknown_share

    def filled(seconds):
        share = seconds / 3600
        pace = (good + bad) * share * unknown_share
        return (good * (1 - unknown_share) * share + pace * hidden_good,
                bad * (1 - unknown_share) * share + pace * (1 - hidden_good), 0.0)  # fmt: skip

    found, truth = judged(FAST, known), judged(FAST, filled)
    if found.holds and unknown_share > 0.5:
        assert truth.holds is True


def test_without_data_no_rule_tells_anything_but_the_one_that_speaks_of_it():
    rules = [
        FAST,
        *in_force(a_rule(BudgetRemainingBelow(percent=Decimal(50))), SLO),
        *in_force(a_rule(ExhaustsWithin(duration_seconds=DAY)), SLO),
    ]
    for rule in rules:
        found = judged(rule, steady(0.5), data=LOST)
        assert (found.holds, found.reason) == (None, AlertReason.EVIDENCE_UNKNOWN)
        assert found.message == "NoData: the query answers nothing"


def test_the_rules_tell_which_windows_they_ask_for():
    rules = [
        FAST,
        *in_force(a_rule(burning("6h", "30m", "5")), SLO),
        *in_force(a_rule(BudgetRemainingBelow(percent=Decimal(0))), SLO),
        *in_force(a_rule(NoData(for_seconds=600)), SLO),
        *in_force(a_rule(ExhaustsWithin(duration_seconds=4 * 3600, lookback_seconds=1800)), SLO),
    ]
    back = {30 * DAY - hours * 3600 for hours in (1, 2, 3, 4)}
    assert windows_asked(rules) == {300, 3600, 1800, 6 * 3600} | back


def test_a_window_that_is_not_counted_yet_tells_nothing():
    asked = evidence([FAST], SLO, steady(0.5))
    found = judge_slo_rule(FAST, replace(asked, counts={300.0: asked.counts[300.0]}))
    assert (found.holds, found.message) == (None, "the last 1h are not counted yet")


def test_a_burn_rate_without_a_factor_is_a_mistake_and_no_verdict():
    asked = evidence([FAST], SLO, steady(0.5))
    with pytest.raises(ValueError, match="has no factor"):
        judge_slo_rule(EffectiveRule(rule=FAST.rule), asked)


# budgetRemainingBelow


def remaining(percent, left, slo=SLO):
    (rule,) = in_force(a_rule(BudgetRemainingBelow(percent=Decimal(percent))), slo)
    return judged(rule, steady((100 - left) / 100 * 0.001), slo)


@pytest.mark.parametrize(
    ("percent", "left", "holds"),
    [
        ("25", 24.9, True),
        ("25", 25.1, False),
        ("0", 0.1, False),
        ("0", -0.1, True),
        ("-50", -49, False),
        ("-50", -51, True),
    ],
)
def test_less_of_the_budget_is_left_than_the_rule_asks_for(percent, left, holds):
    found = remaining(percent, left)
    assert found.holds is holds
    assert found.reason is (AlertReason.BUDGET_BELOW if holds else AlertReason.BUDGET_ABOVE)
    assert found.message == f"{left:.1f} % of the 30d budget left, the limit is {percent} %"


@pytest.mark.parametrize(("percent", "left", "holds"), [("0", 0.0, True), ("25", 25.0, False), ("-5", -5.0, False)])
def test_exactly_the_percentage_is_not_below_it_but_nothing_left_is_as_for_the_state_of_the_slo(percent, left, holds):
    (rule,) = in_force(a_rule(BudgetRemainingBelow(percent=Decimal(percent))), SLO)
    spent = replace(evidence([rule], SLO, steady(0)).budgets["30d"], remaining_percent=left)
    assert judge_slo_rule(rule, evidence([rule], SLO, steady(0), budgets={"30d": spent})).holds is holds


def test_a_budget_of_which_too_little_is_known_is_not_judged():
    for when in (BudgetRemainingBelow(percent=Decimal(50)), ExhaustsWithin(duration_seconds=3600)):
        (rule,) = in_force(a_rule(when), SLO)

        def known_for_a_day(seconds):
            return 0.0, min(seconds, DAY), max(seconds - DAY, 0.0)

        found = judged(rule, known_for_a_day)
        assert (found.holds, found.reason) == (None, AlertReason.TOO_EARLY)
        assert found.message == "1d of window 30d are known; its budget is judged from 1d12h on"


def test_a_rule_may_name_another_window_of_the_slo():
    slo = an_slo(windows=(SLO.windows[0], replace(SLO.windows[0], name="7d", seconds=7 * DAY)))
    counting = outage(0.01, DAY / 2)  # half a day: a sixth of the month's budget, 71 % of the week's
    for name, holds in (("30d", False), ("7d", True)):
        (rule,) = in_force(a_rule(BudgetRemainingBelow(percent=Decimal(50), window=name)), slo)
        assert judged(rule, counting, slo).holds is holds


# exhaustsWithin


def exhausting(duration, counting, slo=SLO, **changes):
    (rule,) = in_force(a_rule(ExhaustsWithin(duration_seconds=duration)), slo)
    return judged(rule, counting, slo, **changes)


def spent_before(percent, burn, recent=3600.0, *, expiring=0.0, expires_within=0.0):
    """A month of which `percent` of the budget were spent, `expiring` of them in its first part, and a present pace."""

    def counting(seconds):
        month = 30 * DAY
        bad = month * (percent - expiring) / 100 * 0.001 if seconds > recent else 0.0
        if expiring and seconds > month - expires_within:
            share = (seconds - (month - expires_within)) / expires_within
            bad += month * expiring / 100 * 0.001 * share
        bad += min(seconds, recent) * burn * 0.001
        return seconds - bad, bad, 0.0

    return lambda seconds: tuple(1000 * each if n < 2 else each for n, each in enumerate(counting(seconds)))


def test_the_budget_is_gone_in_time_at_the_burn_rate_of_the_lookback():
    # 1 % of 30 d is 7.2 h at burn rate 1; what the last hour spent at burn rate 2 is 0.28 %
    counting = spent_before(98.72, burn=2)
    soon, later = exhausting(4 * 3600, counting), exhausting(3 * 3600, counting)
    assert (soon.holds, soon.reason) == (True, AlertReason.EXHAUSTS_SOON)
    assert (later.holds, later.reason) == (False, AlertReason.LASTS)
    assert soon.numbers["leastBurn"] == pytest.approx(1.8, rel=5e-3)
    assert soon.message.startswith("burn 2.00× over 1h; 1.0 % of the 30d budget left, which 1.80× spends within 4h; ")


def test_what_a_rolling_window_forgets_meanwhile_comes_back():
    # as above, and of what was spent 1 % lies in the first four hours of the window, which pass
    counting = spent_before(98.72, burn=2, expiring=1, expires_within=4 * 3600)
    found = exhausting(4 * 3600, counting)
    assert (found.holds, found.reason) == (False, AlertReason.LASTS)
    assert found.numbers["leastBurn"] == pytest.approx(3.6, rel=5e-3)
    assert found.numbers["returnedPercent"] == pytest.approx(1.0, rel=1e-2)
    assert exhausting(4 * 3600, spent_before(98.3, burn=4, expiring=1, expires_within=4 * 3600)).holds is True


def test_budget_that_comes_back_late_does_not_hide_that_it_is_gone_before():
    # all of it comes back in the last hour of four, and the rest lasts for two
    late = spent_before(99.5, burn=2, expiring=3, expires_within=4 * 3600)

    def counting(seconds):
        month = 30 * DAY
        _, bad, _ = late(min(seconds, month - 4 * 3600))
        returned = 1000 * month * 0.03 * 0.001 if seconds > month - 4 * 3600 else 0.0
        return 1000 * seconds - bad - returned, bad + returned, 0.0

    found = exhausting(4 * 3600, counting)
    assert found.holds is True
    assert found.numbers["returnedPercent"] == 0


@pytest.mark.parametrize(
    ("percent", "burn", "holds"),
    [
        pytest.param(100, 0.9, False, id="gone, and it does not burn any more"),
        pytest.param(110, 1.5, True, id="gone, and it burns on"),
        pytest.param(99.95, 0.9, False, id="hardly any left, at a pace that lasts"),
    ],
)
def test_a_budget_is_only_said_to_be_gone_soon_while_it_burns(percent, burn, holds):
    assert exhausting(4 * 3600, spent_before(percent, burn)).holds is holds


def test_few_failures_of_a_quiet_service_are_guarded_here_too():
    # 1 of 4 is a burn rate of 250; 10 % of the budget are left
    few = exhausting(10 * DAY, lambda seconds: (3.0, 1.0, 0.0) if seconds <= 3600 else (9990.0, 9.0, 0.0))
    assert (few.holds, few.guarded, few.reason) == (True, True, AlertReason.LOW_TRAFFIC)


def test_a_lookback_that_is_mostly_unknown_tells_nothing():
    def counting(seconds):
        return (1000.0, 1.5, 2000.0) if seconds <= 3600 else (2e6, 1995.0, 2000.0)

    found = exhausting(DAY, counting)
    assert (found.holds, found.reason) == (None, AlertReason.EVIDENCE_UNKNOWN)
    assert found.message.endswith("only 44 % of the last 1h are known")


def a_month(at, spent_percent, burn):
    """A month of the calendar in UTC, as far as it has gone, with even traffic and that much of its budget spent."""
    window = CalendarWindow(name="month", periods=CalendarPeriods(unit=CalendarUnit.MONTH, zone=ZoneInfo("UTC")))
    slo = an_slo(windows=(window,))
    period = window.periods.period_at(at)
    passed = at - period.start
    bad = spent_percent / 100 * 0.001 * period.seconds
    month = WindowCounts(name="month", seconds=passed, good=passed - bad, bad=bad, unknown_seconds=0)
    left = budget(
        month, slo.objective, no_traffic=NoTraffic.NEUTRAL, period=Period(interval=period, previous=counts(
            "month", 30 * DAY, lambda seconds: (seconds, 0.0, 0.0)))
    )  # fmt: skip
    return slo, {"month": left}, steady(burn * 0.001, per_second=1000)


def test_a_period_of_the_calendar_that_ends_before_has_a_new_budget():
    early = datetime(2026, 6, 29, tzinfo=UTC).timestamp()
    late = datetime(2026, 6, 30, 22, tzinfo=UTC).timestamp()
    # 1 % of June is 7.2 h: burn rate 2 spends it in 3.6 h, and two hours before the end of the month it does not
    for at, holds in ((early, True), (late, False)):
        slo, budgets, counting = a_month(at, 99, burn=2)
        found = exhausting(4 * 3600, counting, slo, budgets=budgets, at=at)
        assert found.holds is holds, found.message
        assert found.numbers["leastBurn"] == pytest.approx(1.8 if at == early else 3.6, rel=1e-3)
    assert "within 2h" in found.message


def test_a_calendar_month_asks_for_its_lookback_alone():
    slo, _, _ = a_month(NOW, 0, burn=1)
    assert windows_asked(in_force(a_rule(ExhaustsWithin(duration_seconds=3600)), slo)) == {3600}


# noData


def test_lost_data_holds_since_it_was_lost():
    (rule,) = in_force(a_rule(NoData(for_seconds=600)), SLO)
    found = judged(rule, steady(0), data=LOST)
    assert (found.holds, found.reason, found.held_since) == (True, AlertReason.DATA_LOST, NOW - 120)
    assert found.message == "NoData: the query answers nothing"
    present = judged(rule, steady(0.5))
    assert (present.holds, present.reason) == (False, AlertReason.DATA_PRESENT)


def test_how_long_a_rule_has_to_hold_and_how_often_it_is_looked_at_follow_from_it():
    query = Query(expression="x", op=Comparison.GT, value=Decimal(1), source="d", for_seconds=10, interval_seconds=600)
    node = NodeCondition(type="Ready", statuses=frozenset({"False"}), for_seconds=20)
    whens = (FAST.rule.when, NoData(for_seconds=30), query, node)
    assert [for_seconds(a_rule(when)) for when in whens] == [0, 30, 10, 20]
    assert [longest_step_seconds(a_rule(when)) for when in whens] == [300, 300, 1800, 300]


def test_a_rule_of_another_kind_is_a_mistake():
    other = a_rule(NodeCondition(type="Ready", statuses=frozenset({"False"})), name="other")
    with pytest.raises(TypeError, match="rule other is not about SLOs"):
        judge_slo_rule(EffectiveRule(rule=other, window=SLO.windows[0]), evidence([], SLO, steady(0)))
