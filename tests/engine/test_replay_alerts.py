"""Alert policies over a past whose truth is known."""

from decimal import Decimal

import pytest

from backstop.domain.alert_policy import AlertPolicy, BurnRate, NodeCondition, Rule, Severity
from backstop.domain.evidence import Slice, unknown
from backstop.domain.maintenance import SLOSelector
from backstop.domain.slo import Uid
from backstop.engine.replay_alerts import AlertFollower, policies_about, refusals
from backstop.engine.tracked import Tracked
from backstop.vocabulary import Reason
from tests.builders import a_slo
from tests.engine.test_replay import DAY, DAY_WINDOW, HOURS, MINUTES, NOW, a_source, an_slo, burst, replayed

pytestmark = pytest.mark.looptime

FAST = BurnRate(long_seconds=3600.0, short_seconds=300.0, factor=Decimal(10))  # at a target of 99 %
TROUBLE = NOW - 6 * HOURS
GOOD, BAD, SILENT = Slice(100.0, 0.0), Slice(50.0, 50.0), Slice(0.0, 0.0)
BLIND = unknown(Reason.NO_DATA, "nothing")


def a_rule(name="fast", when=FAST, **fields):
    return Rule(name=name, severity=Severity.P0, when=when, **fields)


def a_policy(*rules, name="pages", namespace="shop", slos=None):
    return AlertPolicy(
        uid=Uid(name), namespace=namespace, name=name, generation=1, slos=slos, rules=rules or (a_rule(),)
    )


async def alerts_of(*policies, errors, start=NOW - 7 * HOURS, step=7 * HOURS):
    source = a_source(errors=errors)
    slo = an_slo(windows=(DAY_WINDOW,))
    moments = await replayed(source, slo, start=start, step=step, policies=policies)
    return [change for moment in moments for change in moment.alerts]


def told(changes):
    return [(change.alert.rule, change.fires, (change.at - TROUBLE) / MINUTES) for change in changes]


@pytest.mark.parametrize("step", [HOURS, 7 * HOURS])
async def test_when_an_alert_fires_does_not_depend_on_the_moments_that_are_asked_for(step):
    changes = await alerts_of(a_policy(), errors=burst(TROUBLE, TROUBLE + 20 * MINUTES, 10), step=step)
    # 10 % of an hour is 6 minutes of nothing but errors; the 7th rules chance out. The short window holds for 5 more.
    assert told(changes) == [("fast", True, 7.0), ("fast", False, 25.0)]
    begins, ends = changes
    assert begins.began == TROUBLE + MINUTES
    assert ends.began is None


async def test_an_alert_that_fires_between_two_looks_is_found(monkeypatch):
    monkeypatch.setattr("backstop.engine.replay.LOOKS", 1)  # so that only bad slices are looked at sooner than need be
    short = a_rule(when=BurnRate(long_seconds=600.0, short_seconds=60.0, factor=Decimal(10)))
    errors = burst(TROUBLE + MINUTES, TROUBLE + 3 * MINUTES, 10)
    changes = await alerts_of(a_policy(short), errors=errors)
    assert told(changes) == [("fast", True, 3.0), ("fast", False, 4.0)]


async def test_an_alert_that_keeps_firing_ends_that_much_later():
    errors = burst(TROUBLE, TROUBLE + 20 * MINUTES, 10)
    _, ends = await alerts_of(a_policy(), errors=errors)
    _, kept = await alerts_of(a_policy(a_rule(keep_firing_seconds=1800.0)), errors=errors)
    assert kept.at - ends.at == 1800


async def test_an_alert_that_fires_at_the_first_moment_is_told_with_what_went_before():
    errors = burst(TROUBLE, TROUBLE + 3 * HOURS, 10)
    first, _ = await alerts_of(a_policy(), errors=errors, start=TROUBLE + HOURS, step=5 * HOURS)
    assert (first.fires, first.at, first.began) == (True, TROUBLE + HOURS, TROUBLE + MINUTES)


async def test_policies_of_others_have_no_say():
    errors = burst(TROUBLE, NOW, 10)
    other_namespace = a_policy(namespace="other")
    other_slos = a_policy(slos=SLOSelector(names=frozenset({"search"})))
    assert await alerts_of(other_namespace, other_slos, errors=errors) == []
    named = a_policy(slos=SLOSelector(names=frozenset({"checkout"})))
    assert [change.alert.policy for change in await alerts_of(named, errors=errors)] == ["pages"]


def test_a_policy_without_a_selector_is_about_all_slos_of_its_namespace():
    every, others = a_policy(), a_policy(namespace="other")
    assert policies_about(a_slo(), [every, others]) == [every]


def test_rules_that_are_not_in_force_are_told_and_those_about_other_things_are_not_rules_about_slos():
    too_long = a_rule("month", BurnRate(long_seconds=2.0 * DAY, short_seconds=300.0, factor=Decimal(2)))
    node = a_rule("node", NodeCondition(type="Ready", statuses=frozenset({"False"})))
    (text,) = refusals([an_slo(windows=(DAY_WINDOW,))], [a_policy(a_rule(), too_long, node)], at=NOW)
    assert text.startswith("AlertPolicy shop/pages: rule month is not in force for SLO shop/checkout: long 2d is more")


@pytest.mark.parametrize(
    ("slices", "began"),
    [
        pytest.param([GOOD, BAD, BAD], 2, id="the first bad one"),
        pytest.param([BAD, GOOD, GOOD, GOOD, GOOD, BAD], 1, id="four good ones between are one trouble"),
        pytest.param([BAD, GOOD, GOOD, GOOD, GOOD, GOOD, BAD], 7, id="five are two"),
        pytest.param([BAD, GOOD, SILENT, BLIND, GOOD, GOOD, GOOD, BAD], 1, id="silence and the unknown end nothing"),
        pytest.param([BAD, *[GOOD] * 5], None, id="nothing goes on"),
        pytest.param([SILENT, BLIND, GOOD], None, id="nothing was bad"),
    ],
)
def test_what_goes_on_began_with_its_first_bad_slice(slices, began):
    follower = AlertFollower(Tracked(slo=a_slo()), [], at=NOW)
    for minute, evidence in enumerate(slices, start=1):
        follower.heard(float(minute), evidence)
    assert follower.first_bad == began
