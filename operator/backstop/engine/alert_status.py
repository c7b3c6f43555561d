"""Builds `.status` of an AlertPolicy: what fires, what is pending and why not, what cannot be told. Pure."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from backstop.domain.alert import Alert, AlertStatus
from backstop.domain.alert_tiers import EffectiveRule, RefusedRule
from backstop.domain.duration import format_duration
from backstop.domain.errors import SpecError
from backstop.domain.label_value import shown_value
from backstop.engine.conditions import MAX_MESSAGE, ConditionNow, rfc3339, stamped
from backstop.vocabulary import (
    MAX_ALERT_MESSAGE,
    SHOWN_ALERTS,
    SHOWN_SLOS,
    SHOWN_TIERS,
    AlertPolicyReason,
    AlertPolicyState,
    Condition,
)

_MOST_BYTES: Final = 160 * 1024  # of alerts; the rest of an object is less than 64 KiB, and 256 KiB are allowed
_ORDER: Final = {AlertStatus.FIRING: 0, AlertStatus.PENDING: 1, AlertStatus.UNKNOWN: 2, AlertStatus.CLEAR: 3}


def policy_status(
    alerts: Iterable[Alert],
    rules: Mapping[str, Sequence[EffectiveRule | RefusedRule]],
    incidents: Mapping[tuple[str, str], str],
    *,
    generation: int,
    previous: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the status of a policy that is followed.

    `rules` are the effective ones by name of the SLO; `incidents` the names of open incidents by rule and subject key.
    """
    judged = list(alerts)
    told = sorted(
        (alert for alert in judged if alert.state.status is not AlertStatus.CLEAR),
        key=lambda alert: (_ORDER[alert.state.status], alert.severity.rank, alert.state.since, alert.subject.key),
    )
    counts = Counter(alert.state.status for alert in told)
    refused = [(slo, rule) for slo, all_of_it in rules.items() for rule in all_of_it if isinstance(rule, RefusedRule)]
    ready = _ready(rules, refused)
    state = _state(counts) if judged else AlertPolicyState.UNKNOWN
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "state": state.value,
        "reason": ready.reason.value if ready.status is not True else _why(judged, told).value,
        "message": (ready.message if ready.status is not True else _words(judged, told))[:MAX_MESSAGE],
        "alertCounts": {
            "firing": counts[AlertStatus.FIRING],
            "pending": counts[AlertStatus.PENDING],
            "unknown": counts[AlertStatus.UNKNOWN],
        },
        "conditions": stamped([ready], generation=generation, previous=previous, now=now),
        "slos": {"count": len(rules)} | ({"names": sorted(rules)[:SHOWN_SLOS]} if rules else {}),
    }
    if tiers := [_tier(slo, rule) for slo, all_of_it in sorted(rules.items()) for rule in all_of_it]:
        status["tiers"] = tiers[:SHOWN_TIERS]
    if told:
        status["alerts"] = _fitting([_alert(alert, incidents) for alert in told[:SHOWN_ALERTS]])
    return status


def _fitting(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return as many entries as an object may hold, the worst first (semantics S6)."""
    sizes = itertools.accumulate(len(json.dumps(entry, ensure_ascii=False).encode()) for entry in entries)
    return [entry for entry, size in zip(entries, sizes, strict=True) if size <= _MOST_BYTES]


def refused_policy_status(
    problem: SpecError, reason: StrEnum, *, generation: int, previous: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Return the status of a policy that cannot be followed as it stands: no alert of it is judged."""
    condition = ConditionNow(type=Condition.READY, status=False, reason=reason, message=str(problem))
    return {
        "observedGeneration": generation,
        "state": AlertPolicyState.REFUSED.value,
        "reason": reason.value,
        "message": condition.message[:MAX_MESSAGE],
        "conditions": stamped([condition], generation=generation, previous=previous, now=now),
    }


def policy_changed(written: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Return whether an alert came, went or moved: that is written at once, since it has to survive a restart."""
    return _keys(written) != _keys(current)


def policy_moved(written: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Return whether what is shown of a policy differs otherwise."""
    return written.get("tiers") != current.get("tiers") or any(
        before.get("message") != after.get("message")
        for before, after in zip(written.get("alerts") or (), current.get("alerts") or (), strict=False)
    )


def _keys(status: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    return {
        (
            alert.get("rule"),
            alert.get("subjectKind"),
            alert.get("subject"),
            tuple(sorted((alert.get("group") or {}).items())),
            alert.get("status"),
            alert.get("severity"),
            alert.get("incident"),
        )
        for alert in status.get("alerts") or ()
    }


def _state(counts: Counter[AlertStatus]) -> AlertPolicyState:
    if counts[AlertStatus.FIRING]:
        return AlertPolicyState.FIRING
    if counts[AlertStatus.PENDING]:
        return AlertPolicyState.PENDING
    return AlertPolicyState.UNKNOWN if counts[AlertStatus.UNKNOWN] else AlertPolicyState.QUIET


def _why(judged: Sequence[Alert], told: Sequence[Alert]) -> StrEnum:
    if told:
        return told[0].state.reason
    return AlertPolicyReason.IN_FORCE if judged else AlertPolicyReason.NOT_JUDGED_YET


def _words(judged: Sequence[Alert], told: Sequence[Alert]) -> str:
    if not told:
        return "every rule is clear" if judged else "no rule was judged yet: what they look at is still to be read"
    worst = told[0]
    more = f"; and {len(told) - 1} more" if len(told) > 1 else ""
    return f"{worst.rule} of {worst.subject.key} is {worst.state.status}: {worst.state.message}{more}"


def _ready(
    rules: Mapping[str, Sequence[EffectiveRule | RefusedRule]], refused: Sequence[tuple[str, RefusedRule]]
) -> ConditionNow:
    if refused:
        slo, rule = refused[0]
        more = f"; and {len(refused) - 1} more" if len(refused) > 1 else ""
        message = f"rule {rule.name} cannot be judged for SLO {slo}: {rule.message}{more}"
        return ConditionNow(type=Condition.READY, status=False, reason=AlertPolicyReason.RULES_REFUSED, message=message)
    about_slos = f"{sum(map(len, rules.values()))} rules about {len(rules)} SLOs"
    message = f"judges {about_slos}" if rules else "judges rules about other things than SLOs, or about none yet"
    return ConditionNow(type=Condition.READY, status=True, reason=AlertPolicyReason.IN_FORCE, message=message)


def _tier(slo: str, rule: EffectiveRule | RefusedRule) -> dict[str, Any]:
    if isinstance(rule, RefusedRule):
        severity = {} if rule.severity is None else {"severity": rule.severity.value}
        return {"name": rule.name, "slo": slo, **severity, "refused": True, "message": rule.message[:MAX_ALERT_MESSAGE]}
    tier: dict[str, Any] = {"name": rule.rule.name, "slo": slo, "severity": rule.rule.severity.value}
    if rule.burn is not None and rule.factor is not None:
        tier |= {
            "long": format_duration(rule.burn.long_seconds),
            "short": format_duration(rule.burn.short_seconds),
            "factor": round(rule.factor, 4),
        }
    return tier


def _alert(alert: Alert, incidents: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return an entry of `status.alerts`: what `alert_book` reads back after a restart."""
    state = alert.state
    entry: dict[str, Any] = {
        "rule": alert.rule,
        "severity": alert.severity.value,
        "status": state.status.value,
        "subjectKind": alert.subject.kind.value,
        "subject": alert.subject.name,
        "since": _instant(state.since),
        "at": _instant(state.at),
        "reason": state.reason.value,
        "message": state.message[:MAX_ALERT_MESSAGE],
    }
    if alert.subject.group:
        entry["group"] = {label: shown_value(value) for label, value in alert.subject.group}
    if alert.subject.service is not None:
        entry["service"] = alert.subject.service
    if state.held_seconds:
        entry["heldSeconds"] = round(state.held_seconds, 3)
    if state.clear_seconds:
        entry["clearSeconds"] = round(state.clear_seconds, 3)
    for name, at in (("unknownSince", state.unknown_since), ("startedAt", state.started_at)):
        if at is not None:
            entry[name] = _instant(at)
    if (incident := incidents.get((alert.rule, alert.subject.key))) is not None:
        entry["incident"] = incident
    return entry


def _instant(at: float) -> str:
    return rfc3339(datetime.fromtimestamp(at, UTC))
