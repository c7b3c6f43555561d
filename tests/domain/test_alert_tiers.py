"""Rules about SLOs that are in force: factors, tiers of the preset, refusals that say what to write."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert_judging_slo import judge_slo_rule
from backstop.domain.alert_policy import (
    BudgetRemainingBelow,
    ExhaustsWithin,
    NoData,
    Query,
    Severity,
    TierOverride,
)
from backstop.domain.alert_tiers import TIER_NAMES, EffectiveRule, RefusedRule, effective, period_seconds
from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.slo import CalendarWindow, Comparison, Objective, RollingWindow, Timeslice
from tests.domain.alert_builders import a_policy, a_rule, an_slo, burning, evidence, in_force, refusal, steady

DAY = 86_400.0
BERLIN = ZoneInfo("Europe/Berlin")


def factors(slo, at=0.0):
    found = in_force(None, slo, at, preset="google-sre")
    assert tuple(each.rule.name for each in found) == TIER_NAMES
    return [round(each.factor, 3) for each in found]


def calendar(unit, zone=BERLIN, count=1):
    return CalendarWindow(name="period", periods=CalendarPeriods(unit=unit, zone=zone, count=count))


def at_noon(year, month, day):
    return datetime(year, month, day, 12, tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("target", "window", "expected"),
    [
        pytest.param("99.9", "30d", [14.4, 6.0, 3.0, 1.0], id="the numbers of the SRE workbook"),
        pytest.param("99.9", "28d", [13.44, 5.6, 2.8, 1.0], id="four weeks: the slowest would be 0.933, under 1"),
        pytest.param("99.9", "4w2d", [14.4, 6.0, 3.0, 1.0], id="a length however it is written"),
        pytest.param("99.9", "20d", [38.4, 10.0, 4.0, 2.8], id="under four weeks: larger shares of a smaller budget"),
        pytest.param("99.9", "7d", [13.44, 3.5, 1.4, 1.0], id="a week"),
        pytest.param("99.9", "365d", [175.2, 73.0, 36.5, 12.167], id="a year"),
        pytest.param("99", "365d", [80.0, 73.0, 36.5, 12.167], id="a year: the fastest is what an outage exceeds"),
        pytest.param("50", "7d", [1.6, 1.6, 1.4, 1.0], id="half may fail: hardly room between 1 and an outage"),
        pytest.param("20", "30d", [1.0, 1.0, 1.0, 1.0], id="the lowest target there is room for"),
    ],
)
def test_factors_of_the_preset(target, window, expected):
    assert factors(an_slo(target, window)) == expected


@pytest.mark.parametrize(
    ("day", "days", "fastest"),
    [((2026, 2, 10), 28, 13.44), ((2026, 4, 10), 30, 14.4), ((2026, 8, 10), 31, 14.88)],
)
def test_factors_are_those_of_the_month_that_it_is(day, days, fastest):
    slo = an_slo(windows=(calendar(CalendarUnit.MONTH),))
    assert period_seconds(slo.windows[0], at_noon(*day)) == days * DAY
    assert factors(slo, at_noon(*day))[0] == fastest


def test_a_week_that_lacks_the_hour_of_summer_time_is_not_refused():
    slo = an_slo(windows=(calendar(CalendarUnit.WEEK),))
    at = at_noon(2026, 3, 27)
    assert period_seconds(slo.windows[0], at) == 7 * DAY - 3600
    assert factors(slo, at)[0] == round(0.08 * (7 * 24 - 1), 3)


@given(
    target=st.decimals(Decimal(50), Decimal("99.99"), places=2),
    period=st.floats(7 * DAY, 366 * DAY),
)
def test_a_total_outage_fires_every_tier_and_nine_tenths_of_the_budget_none(target, period):
    slo = replace(
        an_slo(), objective=Objective(target_percent=target), windows=(RollingWindow(name="w", seconds=period),)
    )
    rules = in_force(None, slo, preset="google-sre")
    assert len(rules) == 4
    error_ratio = float(slo.objective.error_ratio)
    down = evidence(rules, slo, steady(1.0, per_second=10_000))
    fine = evidence(rules, slo, steady(0.9 * error_ratio, per_second=10_000))
    for rule in rules:
        assert rule.factor >= 1
        assert rule.factor * error_ratio <= 0.8 + 1e-12
        found = judge_slo_rule(rule, down)
        assert (found.holds, found.guarded) == (True, False), found.message
        assert judge_slo_rule(rule, fine).holds is False


@given(
    target=st.decimals(Decimal(50), Decimal("99.99"), places=2),
    period=st.floats(3600, 366 * DAY),
    long=st.floats(60, 40 * DAY),
    percent=st.decimals(Decimal("0.01"), Decimal(100), places=2),
)
def test_a_rule_of_ones_own_is_refused_or_its_factor_lies_within_the_limits(target, period, long, percent):
    slo = replace(
        an_slo(), objective=Objective(target_percent=target), windows=(RollingWindow(name="w", seconds=period),)
    )
    when = replace(burning("1h", "5m"), long_seconds=long, short_seconds=long / 12, budget_percent=percent)
    (found,) = effective(a_policy(a_rule(when)), slo, 0.0)
    expected = float(percent) / 100 * period / long
    allowed = 1 <= expected <= 0.8 / float(slo.objective.error_ratio) and long <= period / 2
    near = any(
        abs(value - limit) <= 1e-6 * limit
        for value, limit in ((expected, 1), (expected, 0.8 / float(slo.objective.error_ratio)), (long, period / 2))
    )
    assert near or isinstance(found, EffectiveRule) == allowed
    if isinstance(found, EffectiveRule):
        assert found.factor == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param(
            burning("1h", "5m", "0.1"),
            "budgetPercent 0.1 in 1h of the 30d of window 30d is factor 0.72: at this burn rate a budget outlasts its"
            " window; set budgetPercent to 0.139 or more",
            id="so little of the budget that it lasts longer than the window",
        ),
        pytest.param(
            burning("1h", "5m", factor="0.5"),
            "factor 0.5: at this burn rate a budget outlasts its window; set factor to 1 or more",
            id="a factor under 1",
        ),
        pytest.param(
            burning("1h", "5m", "112"),
            "budgetPercent 112 in 1h of the 30d of window 30d is factor 806.4: an error ratio of 80.6 % at target 99.9,"
            " which hardly a total outage exceeds; the limit is 80 %: set budgetPercent to 111 or less, or long to 1h1m"
            " or more",
            id="more than a total outage burns",
        ),
        pytest.param(
            burning("1h", "5m", factor="900"),
            "factor 900: an error ratio of 90 % at target 99.9, which hardly a total outage exceeds; the limit is 80 %:"
            " set factor to 800 or less",
            id="a factor above the limit",
        ),
        pytest.param(
            burning("16d", "1d", "60"),
            "long 16d is more than half of the 30d of window 30d: set it to 15d or less",
            id="a long window of more than half",
        ),
        pytest.param(
            burning("1h", "1h", "2"),
            "short 1h is not shorter than long 1h: set it to 5m, a twelfth",
            id="a short window that is no shorter",
        ),
        pytest.param(
            burning("1h", "5m", "2", window="7d"),
            "SLO shop/checkout has no window 7d: name one of 30d, or leave window out for the first",
            id="a window that the SLO has not",
        ),
        pytest.param(
            ExhaustsWithin(duration_seconds=30 * DAY),
            "duration 30d is no shorter than the 30d of window 30d, which every budget lasts that burns at all: set it"
            " to 15d or less",
            id="exhaustsWithin: longer than the budget",
        ),
        pytest.param(
            ExhaustsWithin(duration_seconds=3600, lookback_seconds=16 * DAY),
            "lookback 16d is more than half of the 30d of window 30d: set it to 15d or less",
            id="exhaustsWithin: a lookback of more than half",
        ),
        pytest.param(
            BudgetRemainingBelow(percent=Decimal(0), window="month"),
            "SLO shop/checkout has no window month: name one of 30d, or leave window out for the first",
            id="budgetRemainingBelow: a window that the SLO has not",
        ),
    ],
)
def test_a_rule_that_could_not_work_is_refused_with_numbers_and_a_way_out(when, expected):
    assert refusal(a_rule(when), an_slo()) == expected


def test_what_a_refusal_advises_is_accepted():
    slo = an_slo()
    for when in (
        burning("1h", "5m", "0.139"),
        burning("1h", "5m", "111"),
        burning("1h1m", "5m", "112"),
        burning("1h", "5m", factor="800"),
        burning("1h", "5m", factor="1"),
        burning("15d", "1d", "60"),
    ):
        assert len(in_force(a_rule(when), slo)) == 1


def test_exactly_at_a_limit_is_within_it():
    assert in_force(a_rule(burning("1h", "5m", factor="8")), an_slo("90"))[0].factor == pytest.approx(8)
    assert in_force(a_rule(burning("72h", "6h", "10")), an_slo())[0].factor == pytest.approx(1)


def test_a_budget_of_time_needs_five_slices_in_the_short_window():
    minutes = an_slo(timeslice=Timeslice(seconds=60, target_ratio=None))
    assert len(in_force(a_rule(burning("1h", "5m", "2")), minutes)) == 1
    assert refusal(a_rule(burning("1h", "4m", "2")), minutes) == (
        "short 4m holds fewer than 5 slices of 1m, which SLO shop/checkout counts: set it to 5m or more"
    )
    assert refusal(a_rule(ExhaustsWithin(duration_seconds=3600, lookback_seconds=240)), minutes).startswith(
        "lookback 4m holds fewer than 5 slices"
    )


def test_a_tier_of_the_preset_with_too_few_slices_is_refused_and_the_others_are_not():
    fives = an_slo(timeslice=Timeslice(seconds=300, target_ratio=None))
    first, *others = effective(a_policy(preset="google-sre"), fives, 0.0)
    assert isinstance(first, RefusedRule)
    assert (first.name, first.severity) == ("google-sre-1h", Severity.P0)
    assert first.message.endswith("set it to 25m or more")
    assert [each.rule.name for each in others] == list(TIER_NAMES[1:])


@pytest.mark.parametrize(
    ("slo", "expected"),
    [
        pytest.param(
            an_slo(window="6d"),
            "preset google-sre is for windows of 7d and more, and window 6d has 6d: write burnRate rules of your own,"
            " with a long window of at most 3d",
            id="under a week",
        ),
        pytest.param(
            an_slo("10"),
            "at target 10 of SLO shop/checkout a total outage is a burn rate of 1.11, too little to tell from none:"
            " burn rates need a target of 20 or more",
            id="a target that leaves no room",
        ),
    ],
)
def test_the_preset_is_refused_where_it_could_not_work(slo, expected):
    found = effective(a_policy(preset="google-sre"), slo, 0.0)
    assert [each.name for each in found] == list(TIER_NAMES)
    assert {each.message for each in found} == {expected}


def test_tiers_can_be_switched_off_and_have_another_severity_and_other_channels():
    overrides = (
        TierOverride(name="google-sre-3d", enabled=False),
        TierOverride(name="google-sre-6h", severity=Severity.P0, notify=("oncall",)),
    )
    found = in_force(None, an_slo(), preset="google-sre", preset_notify=("team",), overrides=overrides)
    assert [(each.rule.name, each.rule.severity, each.rule.notify) for each in found] == [
        ("google-sre-1h", Severity.P0, ("team",)),
        ("google-sre-6h", Severity.P0, ("oncall",)),
        ("google-sre-1d", Severity.P2, ("team",)),
    ]
    assert all(each.preset for each in found)


def test_an_override_of_no_tier_is_told_and_the_tiers_are_in_force():
    policy = a_policy(preset="google-sre", overrides=(TierOverride(name="google-sre-2h"),))
    refused, *tiers = effective(policy, an_slo(), 0.0)
    assert refused.message == f"preset google-sre has no tier google-sre-2h: its tiers are {', '.join(TIER_NAMES)}"
    assert len(tiers) == 4


def test_an_unknown_preset_is_told():
    (refused,) = effective(a_policy(preset="sloth"), an_slo(), 0.0)
    assert refused.message == "preset sloth is unknown: use google-sre"


def test_a_rule_may_not_have_the_name_of_a_tier_as_nobody_could_tell_the_alerts_apart():
    rule = a_rule(burning("1h", "5m", "2"), name="google-sre-1h")
    refused, *tiers = effective(a_policy(rule, preset="google-sre"), an_slo(), 0.0)
    assert refused.message == "google-sre-1h is the name of a tier of preset google-sre: give the rule another one"
    assert len(tiers) == 4
    assert len(in_force(rule, an_slo())) == 1, "without the preset the name is free"


def test_rules_about_slos_pass_with_their_window_and_others_do_not():
    slo = an_slo(windows=(RollingWindow(name="30d", seconds=30 * DAY), RollingWindow(name="7d", seconds=7 * DAY)))
    rules = (
        a_rule(burning("1h", "5m", "2", window="7d"), name="fast"),
        a_rule(BudgetRemainingBelow(percent=Decimal(0)), name="gone"),
        a_rule(NoData(for_seconds=600), name="blind"),
        a_rule(Query(expression="x", op=Comparison.GT, value=Decimal(1), source="default"), name="queue"),
        a_rule(NoData(for_seconds=60), name="off", enabled=False),
    )
    found = effective(a_policy(*rules), slo, 0.0)
    assert [(each.rule.name, each.window and each.window.name) for each in found] == [
        ("fast", "7d"),
        ("gone", "30d"),
        ("blind", None),
    ]
    assert found[0].factor == pytest.approx(0.02 * 7 * 24)
    assert (found[0].burn, found[1].burn) == (rules[0].when, None)
