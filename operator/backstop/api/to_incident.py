"""Between an Incident object and `backstop.domain.incident.Incident`, both ways: the record is what the object holds.

What is written and read back is the same incident, so that an operator that was killed goes on where it was (T1).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from backstop.api.field_types import kind_of
from backstop.api.objects import Checked, combined, header_problems, identity_problems, name_problems, read_spec
from backstop.api.problems import Problem, problems_of
from backstop.api.v1alpha1.incident import IncidentSpec
from backstop.api.v1alpha1.incident_status import (
    IncidentAlert,
    IncidentNotification,
    IncidentPlan,
    IncidentReview,
    IncidentStatus,
)
from backstop.domain.alert_policy import Deadlines, Severity
from backstop.domain.incident import (
    AlertEntry,
    Answered,
    Deadline,
    Incident,
    Plan,
    PlannedRule,
    Review,
    TimelineEntry,
    moment,
)
from backstop.domain.leadership import FencingToken
from backstop.domain.notification import Notification
from backstop.vocabulary import API_VERSION, Condition, IncidentReason, IncidentState

KIND: Final = "Incident"
_LEAST: Final = "title and severity"

Body = Mapping[str, Any]


def check_incident(body: object) -> Checked[IncidentSpec]:
    """Read an Incident as people write it. Raises nothing."""
    if not isinstance(body, Mapping):
        return Checked(spec=None, problems=(Problem(location=(), text=f"an object is a map, not {kind_of(body)}"),))
    metadata = body.get("metadata")
    named_by_server = isinstance(metadata, Mapping) and "name" not in metadata and "generateName" in metadata
    problems = [*header_problems(body, kind=KIND), *name_problems(metadata)]
    if named_by_server:
        problems = [problem for problem in problems if problem.location != ("metadata", "name")]
    spec, found = read_spec(body, IncidentSpec, least=_LEAST)
    problems += found
    return Checked(spec=spec, problems=tuple(problems))


def to_incident(body: object) -> Incident:
    """Return the incident of an object as the API server holds it; `opened_at` None: nobody has taken it up yet.

    Raises SpecError as `to_domain` does for an SLO.
    """
    checked = check_incident(body)
    problems = [*checked.problems, *identity_problems(body)]
    if checked.spec is None or problems or not isinstance(body, Mapping):
        raise combined(problems)
    metadata, spec = body["metadata"], checked.spec
    blank = Incident(
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        title=spec.title,
        severity=spec.severity,
        policy=spec.policy,
        service=spec.service,
        description=spec.description,
    )
    raw = body.get("status")
    if not raw or "openedAt" not in raw:
        return blank
    try:
        status = IncidentStatus.model_validate(raw)
    except ValidationError as error:
        raise combined(problems_of(error, IncidentStatus, at=("status",))) from error
    return _recorded(blank, status)


def new_object(incident: Incident) -> dict[str, Any]:
    """Return the object to create for a new incident. Its status is a second write."""
    spec = {
        "title": incident.title,
        "severity": incident.severity.value,
        "policy": incident.policy,
        "service": incident.service,
        "description": incident.description,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": incident.name, "namespace": incident.namespace},
        "spec": _without_none(spec),
    }


def to_status(incident: Incident) -> dict[str, Any]:
    """Return `.status` of an incident that was taken up."""
    status = {
        "observedGeneration": incident.generation,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "groupKey": incident.group_key,
        "policyUid": incident.policy_uid,
        "openedAt": _instant(incident.opened_at),
        "startedAt": _instant(incident.started_at),
        "firstFiredAt": _instant(incident.first_fired_at),
        "acknowledgedAt": _instant(incident.acknowledged_at),
        "acknowledgedBy": incident.acknowledged_by,
        "resolvedAt": _instant(incident.resolved_at),
        "resolvedBy": incident.resolved_by,
        "resolution": incident.resolution,
        "reopened": incident.reopened,
        "alerts": [_alert_out(entry) for entry in incident.alerts],
        "alertCount": incident.alert_count,
        "timeline": [_timeline_out(entry) for entry in incident.timeline],
        "deadlines": [_deadline_out(deadline) for deadline in incident.deadlines],
        "plan": _plan_out(incident.plan),
        "notifications": [_notification_out(notification) for notification in incident.notifications],
        "channels": list(incident.channels) or None,
        "review": None if incident.review is None else _review_out(incident.review),
        "askedToCloseAt": _instant(incident.asked_to_close_at),
        "answered": dict(sorted(incident.answered.values.items())) or None,
        "writer": None if incident.writer is None else _writer_out(incident.writer),
        "conditions": _conditions(incident),
    }
    return _without_none(status)


def _recorded(blank: Incident, status: IncidentStatus) -> Incident:
    known = next((c for c in status.conditions or () if c.type == Condition.EVIDENCE_KNOWN), None)
    writer = status.writer
    return Incident(
        namespace=blank.namespace,
        name=blank.name,
        generation=blank.generation,
        title=blank.title,
        severity=status.severity or blank.severity,
        policy=blank.policy,
        service=blank.service,
        description=blank.description,
        state=status.state or IncidentState.OPEN,
        group_key=status.group_key,
        policy_uid=status.policy_uid,
        opened_at=_unix(status.opened_at),
        first_fired_at=_unix(status.first_fired_at),
        started_at=_unix(status.started_at),
        acknowledged_at=_unix(status.acknowledged_at),
        acknowledged_by=status.acknowledged_by,
        resolved_at=_unix(status.resolved_at),
        resolved_by=status.resolved_by,
        resolution=status.resolution,
        reopened=status.reopened or 0,
        alerts=tuple(_alert_in(alert) for alert in status.alerts or ()),
        alert_count=status.alert_count or 0,
        timeline=tuple(
            TimelineEntry(at=_at(entry.at), kind=entry.kind, text=entry.text, by=entry.by, count=entry.count or 1)
            for entry in status.timeline or ()
        ),
        deadlines=tuple(
            Deadline(kind=d.kind, due=_at(d.due), met_at=_unix(d.met_at), missed=bool(d.missed))
            for d in status.deadlines or ()
        ),
        plan=Plan() if status.plan is None else _plan_in(status.plan),
        notifications=tuple(_notification_in(notification) for notification in status.notifications or ()),
        channels=tuple(status.channels or ()),
        review=None if status.review is None else _review_in(status.review),
        evidence_known=known is None or known.status == "True",
        evidence_changed_at=None if known is None else _at(known.last_transition_time),
        asked_to_close_at=_unix(status.asked_to_close_at),
        answered=Answered(values=dict(status.answered or {})),
        writer=None
        if writer is None
        else FencingToken(lease_uid=writer.lease, transitions=writer.transitions, identity=writer.identity),
    )


def _alert_out(entry: AlertEntry) -> dict[str, Any]:
    return _without_none(
        {
            "rule": entry.rule,
            "severity": entry.severity.value,
            "subjectKind": entry.subject_kind.value,
            "subject": entry.subject,
            "group": dict(entry.group) or None,
            "status": entry.status.value,
            "since": _instant(entry.since),
            "startedAt": _instant(entry.started_at),
            "unknownSince": _instant(entry.unknown_since),
            "reason": entry.reason.value,
            "message": entry.message,
        }
    )


def _alert_in(alert: IncidentAlert) -> AlertEntry:
    return AlertEntry(
        rule=alert.rule,
        severity=alert.severity,
        subject_kind=alert.subject_kind,
        subject=alert.subject,
        group=tuple(sorted((alert.group or {}).items())),
        status=alert.status,
        since=_at(alert.since),
        reason=alert.reason,
        message=alert.message,
        started_at=_unix(alert.started_at),
        unknown_since=_unix(alert.unknown_since),
    )


def _timeline_out(entry: TimelineEntry) -> dict[str, Any]:
    count = entry.count if entry.count != 1 else None
    return _without_none(
        {"at": _instant(entry.at), "kind": entry.kind.value, "by": entry.by, "text": entry.text, "count": count}
    )


def _deadline_out(deadline: Deadline) -> dict[str, Any]:
    return _without_none(
        {
            "kind": deadline.kind.value,
            "due": _instant(deadline.due),
            "metAt": _instant(deadline.met_at),
            "missed": deadline.missed or None,
        }
    )


def _plan_out(plan: Plan) -> dict[str, Any]:
    def by_severity(seconds: Mapping[Severity, float]) -> dict[str, float] | None:
        return {severity.value: seconds[severity] for severity in sorted(seconds)} or None

    rules = [
        _without_none(
            {
                "name": rule.name,
                "notify": list(rule.notify) or None,
                "acknowledgeSeconds": rule.acknowledge_within_seconds,
                "resolveSeconds": rule.resolve_within_seconds,
            }
        )
        for rule in plan.rules
    ]
    return _without_none(
        {
            "acknowledgeSeconds": by_severity(plan.deadlines.acknowledge),
            "resolveSeconds": by_severity(plan.deadlines.resolve),
            "updateSeconds": by_severity(plan.deadlines.update),
            "reopenWithinSeconds": plan.reopen_within_seconds,
            "inhibit": plan.inhibit,
            "rules": rules or None,
        }
    )


def _plan_in(plan: IncidentPlan) -> Plan:
    def by_severity(seconds: Mapping[str, float] | None) -> dict[Severity, float]:
        known = {severity.value: severity for severity in Severity}
        return {known[name]: value for name, value in (seconds or {}).items() if name in known}

    return Plan(
        deadlines=Deadlines(
            acknowledge=by_severity(plan.acknowledge_seconds),
            resolve=by_severity(plan.resolve_seconds),
            update=by_severity(plan.update_seconds),
        ),
        rules=tuple(
            PlannedRule(
                name=rule.name,
                notify=tuple(rule.notify or ()),
                acknowledge_within_seconds=rule.acknowledge_seconds,
                resolve_within_seconds=rule.resolve_seconds,
            )
            for rule in plan.of_rules or ()
        ),
        reopen_within_seconds=plan.reopen_within_seconds,
        inhibit=plan.inhibit,
    )


def _notification_out(notification: Notification) -> dict[str, Any]:
    return _without_none(
        {
            "id": notification.id,
            "channel": notification.channel,
            "cause": str(notification.cause),
            "sequence": notification.sequence,
            "createdAt": _instant(notification.created_at),
            "state": notification.state.value,
            "attempts": notification.attempts,
            "nextAttemptAt": _instant(notification.next_attempt_at),
            "sentAt": _instant(notification.sent_at),
            "error": notification.error,
        }
    )


def _notification_in(notification: IncidentNotification) -> Notification:
    return Notification(
        id=notification.id,
        channel=notification.channel,
        cause=notification.cause,
        sequence=notification.sequence,
        created_at=_at(notification.created_at),
        state=notification.state,
        attempts=notification.attempts,
        next_attempt_at=_unix(notification.next_attempt_at),
        sent_at=_unix(notification.sent_at),
        error=notification.error,
    )


def _review_out(review: Review) -> dict[str, Any]:
    return _without_none(
        {
            "detectSeconds": review.detect_seconds,
            "acknowledgeSeconds": review.acknowledge_seconds,
            "mitigateSeconds": review.mitigate_seconds,
            "resolveSeconds": review.resolve_seconds,
            "budgetSpentPercent": review.budget_spent_percent,
        }
    )


def _review_in(review: IncidentReview) -> Review:
    return Review(
        detect_seconds=review.detect_seconds,
        acknowledge_seconds=review.acknowledge_seconds,
        mitigate_seconds=review.mitigate_seconds,
        resolve_seconds=review.resolve_seconds,
        budget_spent_percent=review.budget_spent_percent,
    )


def _writer_out(token: FencingToken) -> dict[str, Any]:
    return {"lease": token.lease_uid, "transitions": token.transitions, "identity": token.identity}


def _conditions(incident: Incident) -> list[dict[str, Any]]:
    if incident.evidence_known:
        evidence = ("True", IncidentReason.EVIDENCE_PRESENT, "it can be told whether it is over")
    elif incident.asked_to_close_at is None:
        evidence = ("False", IncidentReason.EVIDENCE_MISSING, "it cannot be told whether it is over")
    else:
        text = "it could not be told for 24 h whether it is over: please resolve it"
        evidence = ("False", IncidentReason.PLEASE_CLOSE, text)
    ready = ("True", IncidentReason.RECORDED, "what happens is recorded in this status")
    return [
        _condition(Condition.READY, *ready, at=incident.opened_at, generation=incident.generation),
        _condition(
            Condition.EVIDENCE_KNOWN, *evidence, at=incident.evidence_changed_at, generation=incident.generation
        ),
    ]


def _condition(
    kind: Condition, status: str, reason: IncidentReason, message: str, *, at: float | None, generation: int
) -> dict[str, Any]:
    return {
        "type": kind.value,
        "status": status,
        "reason": reason.value,
        "message": message,
        "lastTransitionTime": _instant(0.0 if at is None else at),
        "observedGeneration": generation,
    }


def _instant(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _at(text: str) -> float:
    """Return a stored time. Raises SpecError for what is none: the schema lets only times through."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise combined([Problem(location=("status",), text=f"{text[:40]!r} is no time (RFC 3339)")]) from None
    return moment((read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp())


def _unix(text: str | None) -> float | None:
    return None if text is None else _at(text)


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is absent: the API server takes no nulls."""
    return {name: value for name, value in fields.items() if value is not None}
