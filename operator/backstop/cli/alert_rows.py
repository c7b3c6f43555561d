"""Alerts of policies as rows: what fires, what is pending and why not yet, what cannot be told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from backstop.bootstrap.incidents import Object
from backstop.cli.incident_show import ALERT_COLOURS, why
from backstop.cli.incident_text import SEVERITY_COLOURS, Part, ago, subject_of
from backstop.cli.table import Cell, Column, number
from backstop.domain.alert import AlertStatus
from backstop.domain.duration import format_duration
from backstop.vocabulary import SHOWN_ALERTS, AlertPolicyState

_RANK: Final[Mapping[str, int]] = {AlertStatus.FIRING: 0, AlertStatus.PENDING: 1, AlertStatus.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class Shown:
    """One row: an alert of a policy, or the policy itself where it has no say."""

    policy: Object
    alert: Part


def shown_alerts(policies: Sequence[Object]) -> list[Shown]:
    """Return what fires, then what is pending, then what is unknown, the worst first; refused policies at the top."""
    found = [Shown(policy, alert) for policy in policies for alert in _alerts_of(policy)]

    def order(shown: Shown) -> tuple[int, str, str]:
        rank = _RANK.get(shown.alert.get("status", ""), -1)
        return rank, str(shown.alert.get("severity", "")), str(shown.alert.get("since", ""))

    return sorted(found, key=order)


def left_out(policies: Sequence[Object]) -> int:
    """Return how many alerts the statuses count beyond those that they name."""
    more = 0
    for policy in policies:
        status = _status(policy)
        counted = sum(n for n in (status.get("alertCounts") or {}).values() if isinstance(n, int))
        named = len(status.get("alerts") or [])
        more += max(counted - named, 0) if named >= SHOWN_ALERTS else 0
    return more


def alert_columns(*, wide: bool, namespaces: bool) -> list[Column]:
    """Return the columns of a list of alerts."""
    columns = [Column("NAMESPACE", "namespace")] if namespaces else []
    columns += [
        Column("POLICY", "policy"),
        Column("RULE", "rule"),
        Column("SEVERITY", "severity"),
        Column("SUBJECT", "subject"),
        Column("STATUS", "status"),
        Column("SINCE", "since", right=True),
    ]
    if wide:
        columns += [Column("HELD", "held", right=True), Column("CLEAR", "clear", right=True)]
    return [*columns, Column("WHY", "why"), Column("INCIDENT", "incident")]


def alert_row(shown: Shown, now: datetime) -> dict[str, Cell]:
    """Return the cells of one alert."""
    metadata, alert = shown.policy["metadata"], shown.alert
    status, severity = str(alert.get("status", "-")), str(alert.get("severity", "-"))
    return {
        "namespace": Cell(metadata.get("namespace", "")),
        "policy": Cell(metadata.get("name", "")),
        "rule": Cell(alert.get("rule", "-")),
        "severity": Cell(severity, SEVERITY_COLOURS.get(severity)),
        "subject": Cell(subject_of(alert)),
        "status": Cell(status, "red" if status == AlertPolicyState.REFUSED else ALERT_COLOURS.get(status)),
        "since": Cell(ago(alert.get("since"), now)),
        "held": Cell(_seconds(alert.get("heldSeconds"))),
        "clear": Cell(_seconds(alert.get("clearSeconds"))),
        "why": Cell(why(alert)),
        "incident": Cell(alert.get("incident") or "-"),
    }


def rule_names(policies: Sequence[Object]) -> list[str]:
    """Return the names of all rules and tiers, each once."""
    names = [rule.get("name") for policy in policies for rule in _rules(policy)]
    names += [tier.get("name") for policy in policies for tier in _tiers(policy)]
    return sorted({str(name) for name in names if name})


def rules_named(policies: Sequence[Object], name: str) -> list[tuple[Object, Part]]:
    """Return the rules of that name as they are written, each with its policy."""
    return [(policy, rule) for policy in policies for rule in _rules(policy) if rule.get("name") == name]


def tiers_named(policies: Sequence[Object], name: str) -> list[Shown]:
    """Return the effective tiers of a rule."""
    return [Shown(policy, tier) for policy in policies for tier in _tiers(policy) if tier.get("name") == name]


def tier_columns(*, namespaces: bool) -> list[Column]:
    """Return the columns of a list of tiers."""
    return [
        *([Column("NAMESPACE", "namespace")] if namespaces else []),
        Column("POLICY", "policy"),
        Column("TIER", "tier"),
        Column("SLO", "slo"),
        Column("SEVERITY", "severity"),
        Column("LONG", "long", right=True),
        Column("SHORT", "short", right=True),
        Column("FACTOR", "factor", right=True),
        Column("REFUSED", "refused"),
    ]


def tier_row(shown: Shown) -> dict[str, Cell]:
    """Return the cells of one tier; one that is refused tells why instead of its numbers."""
    metadata, tier = shown.policy["metadata"], shown.alert
    factor = tier.get("factor")
    return {
        "namespace": Cell(metadata.get("namespace", "")),
        "policy": Cell(metadata.get("name", "")),
        "tier": Cell(tier.get("name", "-")),
        "slo": Cell(tier.get("slo") or "-"),
        "severity": Cell(tier.get("severity") or "-"),
        "long": Cell(str(tier.get("long") or "-")),
        "short": Cell(str(tier.get("short") or "-")),
        "factor": Cell(number(factor, "{:g}") if not isinstance(factor, str) else factor),
        "refused": Cell(str(tier.get("message") or "yes") if tier.get("refused") else "-"),
    }


def _alerts_of(policy: Object) -> Iterator[Part]:
    status = _status(policy)
    if status.get("state") == AlertPolicyState.REFUSED:
        yield {
            "status": AlertPolicyState.REFUSED.value,
            "reason": status.get("reason"),
            "message": status.get("message"),
            "subject": "-",
        }
    elif not status:
        yield {"status": "-", "message": "the operator has not taken the policy up yet", "subject": "-"}
    yield from status.get("alerts") or []


def _rules(policy: Object) -> list[Mapping[str, Any]]:
    return policy.get("spec", {}).get("rules") or []


def _tiers(policy: Object) -> list[Mapping[str, Any]]:
    return _status(policy).get("tiers") or []


def _seconds(value: object) -> str:
    return format_duration(value) if isinstance(value, int | float) else "-"


def _status(policy: Object) -> Part:
    return policy.get("status") or {}
