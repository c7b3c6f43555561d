"""Incidents as people read them: which comes first, who cares for it, and what happens next."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from backstop.bootstrap.incidents import Object
from backstop.cli.table import Cell, Column
from backstop.cli.times import age
from backstop.domain.alert import AlertStatus
from backstop.vocabulary import IncidentState

SEVERITY_COLOURS: Final = {"P0": "red", "P1": "yellow"}
STATE_COLOURS: Final[Mapping[str, str]] = {
    IncidentState.OPEN: "red",
    IncidentState.ACKNOWLEDGED: "yellow",
    IncidentState.RESOLVED: "green",
}
_SHOWN_SUBJECTS: Final = 3
_NOT_SEEN: Final = "the operator has not taken it up yet"

Part = Mapping[str, Any]  # of a status


def worst_first(incidents: Sequence[Object]) -> list[Object]:
    """Return those that are not resolved first, of these the worst, then those nobody acknowledged, then the oldest."""

    def order(incident: Object) -> tuple[bool, str, bool, str]:
        cared_for = state_of(incident) == IncidentState.ACKNOWLEDGED
        return is_resolved(incident), severity_of(incident), cared_for, str(_status(incident).get("openedAt", ""))

    return sorted(incidents, key=order)


def state_of(incident: Object) -> str:
    """Return the state; a dash while the operator has not taken it up."""
    return str(_status(incident).get("state", "-"))


def severity_of(incident: Object) -> str:
    """Return the severity; until the operator has taken it up, that of whoever opened it."""
    return str(_status(incident).get("severity") or incident.get("spec", {}).get("severity", "-"))


def is_resolved(incident: Object) -> bool:
    return state_of(incident) == IncidentState.RESOLVED


def columns(*, wide: bool, namespaces: bool) -> list[Column]:
    """Return the columns of a list of incidents."""
    shown_columns = [Column("NAMESPACE", "namespace")] if namespaces else []
    shown_columns += [
        Column("NAME", "name"),
        Column("SEVERITY", "severity"),
        Column("STATE", "state"),
        Column("SINCE", "since", right=True),
        Column("SUBJECTS", "subjects"),
        Column("WHO", "who"),
        Column("NEXT", "next"),
    ]
    if wide:
        shown_columns += [
            Column("SERVICE", "service"),
            Column("ALERTS", "alerts", right=True),
            Column("TITLE", "title"),
        ]
    return shown_columns


def row(incident: Object, now: datetime) -> dict[str, Cell]:
    """Return the cells of one incident. SINCE counts from its opening, or from its resolution."""
    metadata, spec, status = incident.get("metadata", {}), incident.get("spec", {}), _status(incident)
    state, severity = state_of(incident), severity_of(incident)
    resolved = is_resolved(incident)
    since = status.get("resolvedAt" if resolved else "openedAt") or metadata.get("creationTimestamp")
    late = any(is_late(deadline, now) for deadline in _unmet(status))
    return {
        "namespace": Cell(metadata.get("namespace", "")),
        "name": Cell(metadata.get("name", "")),
        "severity": Cell(severity, SEVERITY_COLOURS.get(severity)),
        "state": Cell(state, STATE_COLOURS.get(state)),
        "since": Cell(ago(since, now)),
        "subjects": Cell(subjects(incident)),
        "who": Cell(status.get("resolvedBy" if resolved else "acknowledgedBy") or "-"),
        "next": Cell(next_step(incident, now), "red" if late and not resolved else None),
        "service": Cell(spec.get("service") or "-"),
        "alerts": Cell(str(status.get("alertCount", len(status.get("alerts") or [])))),
        "title": Cell(spec.get("title", "")),
    }


def subjects(incident: Object) -> str:
    """Return what the alerts are about, the first few by name; who opened it by hand may have named a service."""
    alerts = _status(incident).get("alerts") or []
    names = list(dict.fromkeys(subject_of(alert) for alert in alerts))
    if not names:
        return str(incident.get("spec", {}).get("service") or "-")
    left_out = len(names) - _SHOWN_SUBJECTS
    return ", ".join(names[:_SHOWN_SUBJECTS]) + (f" and {left_out} more" if left_out > 0 else "")


def subject_of(alert: Part) -> str:
    """Return the subject of an alert: an SLO by its name and group, anything else with its kind."""
    kind, name = alert.get("subjectKind", "SLO"), alert.get("subject", "-")
    group = ",".join(f"{label}={value}" for label, value in sorted((alert.get("group") or {}).items()))
    return (name if kind == "SLO" else f"{kind} {name}") + (f"{{{group}}}" if group else "")


def next_step(incident: Object, now: datetime) -> str:
    """Return what happens next, and when: the deadline that is due first, and those that were missed before it."""
    if not _status(incident):
        return _NOT_SEEN
    if is_resolved(incident):
        return "-"
    return "; ".join(_deadline_steps(incident, now)) or "-"


def next_steps(incident: Object, now: datetime) -> Iterator[str]:
    """Yield everything that is to happen, as far as the incident tells."""
    status = _status(incident)
    if not status:
        yield _NOT_SEEN
        return
    if not is_resolved(incident):
        yield from (deadline_step(deadline, now) for deadline in by_due(_unmet(status)))
        firing = sum(alert.get("status") == AlertStatus.FIRING for alert in status.get("alerts") or [])
        unknown = sum(alert.get("status") == AlertStatus.UNKNOWN for alert in status.get("alerts") or [])
        if firing or unknown:
            parts = [f"{count} {what}" for count, what in ((firing, "firing"), (unknown, "unknown")) if count]
            yield f"resolves by itself once its alerts are known to be clear ({', '.join(parts)})"
    for notification in status.get("notifications") or []:
        if notification.get("state") == "Pending":
            when = until(notification.get("nextAttemptAt"), now) if notification.get("nextAttemptAt") else "soon"
            yield f"{notification.get('channel', '-')} is told {when} ({notification.get('cause', '-')})"


def deadline_step(deadline: Part, now: datetime) -> str:
    """Return `Acknowledge in 3m`, or since when it is missed."""
    kind, due = deadline.get("kind", "-"), deadline.get("due")
    return f"{kind} missed {ago(due, now)} ago" if is_late(deadline, now) else f"{kind} {until(due, now)}"


def by_due(deadlines: Sequence[Part]) -> list[Part]:
    """Return deadlines in the order in which they are due."""
    return sorted(deadlines, key=lambda deadline: str(deadline.get("due", "")))


def is_late(deadline: Part, now: datetime) -> bool:
    """Tell whether a deadline passed before it was met."""
    due = instant(deadline.get("due"))
    met = instant(deadline.get("metAt"))
    return bool(deadline.get("missed")) or (met is None and due is not None and due < now)


def instant(text: object) -> datetime | None:
    """Return a stored time, None where there is none that can be read."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def ago(text: object, now: datetime) -> str:
    """Return how long a stored time is past: 14m."""
    at = instant(text)
    return "-" if at is None else age((now - at).total_seconds())


def until(text: object, now: datetime) -> str:
    """Return `in 3m`, or `now` for what is due."""
    at = instant(text)
    if at is None:
        return "-"
    seconds = (at - now).total_seconds()
    return f"in {age(seconds)}" if seconds > 0 else "now"


def moment(text: object) -> str:
    """Return a stored time as tables show it: UTC, to the second."""
    at = instant(text)
    return "-" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _deadline_steps(incident: Object, now: datetime) -> Iterator[str]:
    unmet = by_due(_unmet(_status(incident)))
    yield from (deadline_step(deadline, now) for deadline in unmet if is_late(deadline, now))
    yield from [deadline_step(deadline, now) for deadline in unmet if not is_late(deadline, now)][:1]


def _unmet(status: Part) -> list[Part]:
    return [deadline for deadline in status.get("deadlines") or [] if not deadline.get("metAt")]


def _status(incident: Object) -> Part:
    return incident.get("status") or {}
