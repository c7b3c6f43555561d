"""Rules about an SLO with groupBy are judged for the whole and for each group (semantics B5)."""

from decimal import Decimal

import pytest

from backstop.domain.alert import AlertStatus
from backstop.domain.alert_policy import AlertPolicy, BurnRate, Rule, Severity
from backstop.domain.alert_tiers import effective
from backstop.domain.ledger import Ledger
from backstop.domain.slo import RollingWindow, Uid
from backstop.domain.verdict import DataStatus
from backstop.engine.alert_book import AlertBook
from backstop.engine.assess import assess
from backstop.engine.slo_judging import judge_slo
from backstop.engine.tracked import Tracked
from backstop.vocabulary import AlertReason, Reason
from tests.builders import a_slo

ANCHOR = 1_772_625_600
MINUTES = 60
BURN = BurnRate(long_seconds=600, short_seconds=60, factor=Decimal(5))
RULE = Rule(name="fast", severity=Severity.P0, when=BURN)
POLICY = AlertPolicy(uid=Uid("p"), namespace="shop", name="shop", generation=1, slos=None, rules=(RULE,))
LONG_VALUE = "x" * 500


def tracked(**groups):
    """Return an SLO by region that lived for an hour; each group has so many good and bad events a minute."""
    ledger = Ledger()
    slo = a_slo(group_by=("region",), windows=(RollingWindow(name="1h", seconds=3600),))
    rows = {(region,): ledger.add(ANCHOR) for region in groups}
    whole = ledger.add(ANCHOR)
    for _ in range(MINUTES):
        for region, (good, bad) in groups.items():
            ledger.append(rows[(region,)], good=good, bad=bad, unknown_seconds=0)
        good, bad = (sum(each[n] for each in groups.values()) for n in (0, 1))
        ledger.append(whole, good=good, bad=bad, unknown_seconds=0)
    data = DataStatus(available=True, reason=Reason.SAMPLES_FRESH, message="samples arrive", since=ANCHOR)
    return Tracked(
        slo=slo, ledger=ledger, row=whole, groups=rows, anchor=ANCHOR, data=data, rule_windows=(60.0, 600.0, 900.0)
    )


def judged(book, one, *, at=ANCHOR + 60.0 * MINUTES):
    (assessment,) = assess([one], one.ledger, at=at, clock_skew_seconds=0.0)
    judge_slo(book, effective(POLICY, one.slo, at), assessment, one)
    return {alert.subject.key: alert.state for alert in book}


def test_a_group_that_burns_fires_by_itself():
    states = judged(AlertBook(POLICY), tracked(eu=(1000, 0), us=(50, 50)))
    assert states['SLO/checkout{region="us"}'].status is AlertStatus.FIRING
    assert states['SLO/checkout{region="eu"}'].status is AlertStatus.CLEAR
    assert states["SLO/checkout"].status is AlertStatus.CLEAR
    assert states['SLO/checkout{region="us"}'].started_at == ANCHOR + 60


def test_a_group_without_events_any_more_is_clear_and_of_unknown_data_nothing_is_said():
    book, one = AlertBook(POLICY), tracked(eu=(1000, 0), us=(50, 50))
    judged(book, one)
    for region in ("eu", "us"):
        one.ledger.remove(one.groups.pop((region,)))
    one.data = DataStatus(available=False, reason=Reason.NO_DATA, message="nothing", since=ANCHOR)
    states = judged(book, one)
    assert states['SLO/checkout{region="us"}'].status is AlertStatus.FIRING
    one.data = DataStatus(available=True, reason=Reason.SAMPLES_FRESH, message="samples arrive", since=ANCHOR)
    state = judged(book, one)['SLO/checkout{region="us"}']
    assert (state.status, state.reason) == (AlertStatus.CLEAR, AlertReason.NOT_BURNING)


@pytest.mark.parametrize("value", [LONG_VALUE, 'quote"and\\slash', "\n\x1b[31m"])
def test_a_group_is_the_same_after_its_alert_was_written_and_read_back(value):
    book = AlertBook(POLICY)
    judged(book, tracked(**{value: (50, 50)}))
    (subject,) = [alert.subject for alert in book if alert.subject.group]
    assert len(subject.group[0][1]) <= 128
    assert [alert.subject for alert in book.groups_of("checkout")] == [subject]
