"""What the engine writes into `.status` is what the schema of the CRD has: nothing is pruned, nothing refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backstop.api.to_alert_policy import to_alert_policy
from backstop.api.to_domain import to_domain
from backstop.api.v1alpha1.alert_policy_status import AlertPolicyStatus
from backstop.domain.alert import Alert, AlertState, AlertStatus, Subject, SubjectKind
from backstop.domain.alert_policy import Severity
from backstop.domain.alert_tiers import effective
from backstop.domain.errors import SpecError
from backstop.domain.slo import Uid
from backstop.engine.alert_status import policy_status, refused_policy_status
from backstop.vocabulary import SHOWN_ALERTS, SHOWN_TIERS, AlertReason, Reason
from tests.api.alert_policy_bodies import a_rule, policy_body, when
from tests.api.slo_bodies import slo_body

NOW = datetime(2026, 3, 1, 10, 2, 11, 120_000, tzinfo=UTC)


def an_alert(status: AlertStatus, name: str = "checkout", **fields: Any) -> Alert:
    state = {"since": 1e9, "at": 1e9, "reason": AlertReason.BURNING, "message": "it burns"} | fields
    return Alert(
        policy_uid=Uid("0-1"),
        policy="shop",
        namespace="shop",
        rule="fast-burn",
        severity=Severity.P0,
        subject=Subject(kind=SubjectKind.SLO, name=name, group=(("region", "é" * 5000),), service="checkout"),
        state=AlertState(status=status, **state),
    )


def status_of(*alerts: Alert, body: dict[str, Any] | None = None, slos: int = 1) -> dict[str, Any]:
    policy = to_alert_policy(body or policy_body(preset="google-sre"))
    judged = {f"slo-{index}": effective(policy, to_domain(slo_body()), 1e9) for index in range(slos)}
    incidents = {(alert.rule, alert.subject.key): "shop-5e1f2a9c-3" for alert in alerts}
    return policy_status(alerts, judged, incidents, generation=1, previous=None, now=NOW)


@pytest.mark.parametrize("status", [AlertStatus.FIRING, AlertStatus.PENDING, AlertStatus.UNKNOWN])
def test_a_status_with_an_alert_fits_the_schema_and_keeps_all_of_it(status: AlertStatus) -> None:
    alert = an_alert(status, held_seconds=12.5, clear_seconds=3.0, unknown_since=1e9, started_at=1e9)
    written = status_of(alert)
    read = AlertPolicyStatus.model_validate(written)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == written
    assert read.state == str(status)


def test_a_quiet_status_fits_the_schema() -> None:
    assert AlertPolicyStatus.model_validate(status_of(an_alert(AlertStatus.CLEAR))).alerts is None


def test_a_status_with_rules_that_do_not_fit_an_slo_fits_the_schema() -> None:
    odd = when(burnRate={"long": "1h", "short": "5m", "factor": 10, "window": "w" * 63})
    read = AlertPolicyStatus.model_validate(status_of(body=odd))
    assert read.tiers is not None
    assert [tier.refused for tier in read.tiers] == [True]


def test_a_status_of_everything_at_its_limit_fits_the_schema() -> None:
    alerts = [an_alert(AlertStatus.FIRING, f"slo-{index}", message="m" * 9000) for index in range(SHOWN_ALERTS + 50)]
    rules = [a_rule(name=f"rule-{index}") for index in range(32)]
    read = AlertPolicyStatus.model_validate(status_of(*alerts, body=policy_body(rules=rules), slos=10))
    assert (len(read.alerts or ()), len(read.tiers or ())) == (SHOWN_ALERTS, SHOWN_TIERS)
    assert read.alert_counts is not None
    assert read.alert_counts.firing == SHOWN_ALERTS + 50


def test_a_refused_status_fits_the_schema() -> None:
    problem = SpecError("spec.rules[0].when", "exactly one of burnRate, … must be set")
    written = refused_policy_status(problem, Reason.INVALID, generation=2, previous=status_of(), now=NOW)
    assert AlertPolicyStatus.model_validate(written).state == "Refused"
