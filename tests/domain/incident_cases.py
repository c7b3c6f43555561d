"""Alerts and policies for tests of incidents; a test names only what it cares about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from backstop.domain.alert import Alert, AlertState, AlertStatus, Subject, SubjectKind
from backstop.domain.alert_policy import AlertPolicy, BurnRate, Deadlines, NoData, Rule, Severity
from backstop.domain.incident import Incident
from backstop.domain.incident_group import group_key, name_prefix
from backstop.domain.incident_telling import inhibited
from backstop.domain.incident_transitions import Reading, opened
from backstop.domain.slo import Uid
from backstop.vocabulary import AlertReason

NOW = 1_790_000_000.0
_REASONS = {
    AlertStatus.FIRING: AlertReason.BURNING,
    AlertStatus.PENDING: AlertReason.LOW_TRAFFIC,
    AlertStatus.CLEAR: AlertReason.NOT_BURNING,
    AlertStatus.UNKNOWN: AlertReason.EVIDENCE_UNKNOWN,
}


def a_rule(name: str = "fast", severity: Severity = Severity.P0, **changes: Any) -> Rule:
    burn = BurnRate(long_seconds=3600, short_seconds=300, budget_percent=Decimal(2))
    known: dict[str, Any] = {"name": name, "severity": severity, "when": burn, "notify": ("oncall",)}
    return Rule(**(known | changes))


FAST = a_rule()
SLOW = a_rule("slow", Severity.P2, notify=("team",))
BLIND = a_rule("blind", Severity.P3, when=NoData(for_seconds=600), notify=("team",))


def a_policy(*rules: Rule, **changes: Any) -> AlertPolicy:
    known: dict[str, Any] = {
        "uid": Uid("policy-1"),
        "namespace": "shop",
        "name": "checkout",
        "generation": 1,
        "slos": None,
        "rules": rules or (FAST, SLOW, BLIND),
        "deadlines": Deadlines(
            acknowledge={Severity.P0: 300.0, Severity.P2: 3600.0},
            resolve={Severity.P0: 7200.0},
            update={Severity.P0: 1800.0},
        ),
    }
    return AlertPolicy(**(known | changes))


def an_alert(
    rule: Rule = FAST,
    status: AlertStatus = AlertStatus.FIRING,
    *,
    slo: str = "availability",
    group: tuple[tuple[str, str], ...] = (),
    since: float = NOW,
    service: str | None = "checkout",
    **changes: Any,
) -> Alert:
    known: dict[str, Any] = {
        "status": status,
        "since": since,
        "at": max(since, NOW),
        "reason": _REASONS[status],
        "message": f"{rule.name} is {status}",
        "started_at": since - 60 if status is AlertStatus.FIRING else None,
    }
    return Alert(
        policy_uid=Uid("policy-1"),
        policy="checkout",
        namespace="shop",
        rule=rule.name,
        severity=rule.severity,
        subject=Subject(kind=SubjectKind.SLO, name=slo, group=group, service=service),
        state=AlertState(**(known | changes)),
        notify=rule.notify,
    )


def a_reading(*alerts: Alert, at: float = NOW, policy: AlertPolicy | None = None) -> Reading:
    return Reading(at=at, alerts=alerts, silent=inhibited(policy or a_policy(), alerts))


def an_incident(*alerts: Alert, at: float = NOW, policy: AlertPolicy | None = None) -> Incident:
    """An incident as it is when these alerts opened it."""
    policy = policy or a_policy()
    alerts = alerts or (an_alert(),)
    key = group_key(policy.incident_by, alerts[0])
    name = name_prefix(policy.name, policy.uid, key) + "-1"
    return opened(policy, name, key, a_reading(*alerts, at=at, policy=policy))


def now_is(alert: Alert, status: AlertStatus, since: float, **changes: Any) -> Alert:
    """The same alert, as it is later."""
    known: dict[str, Any] = {"status": status, "since": since, "at": since, "reason": _REASONS[status]}
    known["message"] = f"{alert.rule} is {status}"
    return replace(alert, state=replace(alert.state, **(known | changes)))
