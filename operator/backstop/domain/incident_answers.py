"""What people say of an incident: they take care of it, resolve it, note something, or change its severity. Pure.

They say it by annotations, whose values the API server holds them to (semantics K2). An answer is acted on once: it is
remembered in the incident before the annotation is taken away, so that a restart in between does not act again.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from backstop.domain.alert import AlertStatus
from backstop.domain.alert_policy import Severity
from backstop.domain.incident import Answered, Incident, moment
from backstop.domain.incident_deadlines import begun, met, relaxed, updated
from backstop.domain.incident_limits import shortened
from backstop.domain.incident_telling import said, told
from backstop.domain.incident_text import MAX_ENTRY, MAX_PERSON, cut
from backstop.domain.incident_transitions import resolved
from backstop.vocabulary import Annotation, DeadlineKind, IncidentState, NotificationCause, TimelineKind

# What is said, by the annotation that names who says it; in this order when several come at once.
_SAYING: Final = {
    Annotation.SEVERITY_BY: Annotation.SEVERITY,
    Annotation.ACKNOWLEDGED_BY: None,
    Annotation.NOTED_BY: Annotation.NOTE,
    Annotation.RESOLVED_BY: None,
}
ANSWERS: Final = frozenset(str(name) for pair in _SAYING.items() for name in pair if name is not None)


def answered(incident: Incident, annotations: Mapping[str, str], at: float) -> Incident:
    """Return an incident after the annotations that are on it. Those that were acted on before change nothing."""
    given = {name: shortened(text) for name, text in annotations.items() if name in ANSWERS}
    remembered = {name: text for name, text in incident.answered.values.items() if given.get(name) == text}
    for by, what in _SAYING.items():
        names = [str(by)] if what is None else [str(by), str(what)]
        person = annotations.get(str(by), "").strip()
        if not person or any(name not in given for name in names):
            continue  # half of an answer: the other half may come
        if all(remembered.get(name) == given[name] for name in names):
            continue
        incident = _ACTIONS[by](incident, person, annotations, at)
        remembered |= {name: given[name] for name in names}
    return replace(incident, answered=Answered(values=remembered))


def spent(incident: Incident, annotations: Mapping[str, str]) -> frozenset[str]:
    """Return the annotations that were acted on: they can be taken away, so that the same can be said again."""
    return frozenset(
        name for name, text in incident.answered.values.items() if shortened(annotations.get(name, "")) == text
    )


def _acknowledge(incident: Incident, person: str, annotations: Mapping[str, str], at: float) -> Incident:
    del annotations
    person = cut(person, MAX_PERSON)
    if incident.state is not IncidentState.OPEN:
        over = "it is resolved" if incident.resolved else f"{incident.acknowledged_by} takes care of it already"
        return said(incident, at, TimelineKind.REFUSED, f"not acknowledged: {over}", by=person)
    incident = replace(incident, state=IncidentState.ACKNOWLEDGED, acknowledged_at=moment(at), acknowledged_by=person)
    incident = said(incident, at, TimelineKind.ACKNOWLEDGED, "takes care of it", by=person)
    incident = updated(met(incident, DeadlineKind.ACKNOWLEDGE, at), at)
    return told(incident, NotificationCause.ACKNOWLEDGED, at)


def _note(incident: Incident, person: str, annotations: Mapping[str, str], at: float) -> Incident:
    text = cut(annotations[Annotation.NOTE], MAX_ENTRY)
    incident = said(incident, at, TimelineKind.NOTE, text, by=person)
    return incident if incident.resolved else updated(incident, at)


def _resolve(incident: Incident, person: str, annotations: Mapping[str, str], at: float) -> Incident:
    person = cut(person, MAX_PERSON)
    if incident.resolved:
        return said(incident, at, TimelineKind.REFUSED, "not resolved: it is resolved already", by=person)
    firing = sum(entry.status is AlertStatus.FIRING for entry in incident.alerts)
    unknown = sum(entry.status is AlertStatus.UNKNOWN for entry in incident.alerts)
    state = "while " + " and ".join(
        f"{count} of its alerts {verb}" for count, verb in ((firing, "fire"), (unknown, "are unknown")) if count
    )
    text = f"resolved by {person}" + (f", {state}" if firing or unknown else "")
    why = annotations.get(Annotation.NOTE)
    if why and annotations.get(Annotation.NOTED_BY) == annotations.get(Annotation.RESOLVED_BY):
        text += f": {why}"
    clear_since = None if firing or unknown else max((entry.since for entry in incident.alerts), default=at)
    return resolved(incident, at, text, by=person, mitigated_at=clear_since)


def _change_severity(incident: Incident, person: str, annotations: Mapping[str, str], at: float) -> Incident:
    asked = annotations[Annotation.SEVERITY].strip()
    severity = next((one for one in Severity if one.value == asked), None)
    if severity is None:
        text = f"no change of severity: {cut(asked, MAX_PERSON)} is none of {', '.join(Severity)}"
        return said(incident, at, TimelineKind.REFUSED, text, by=person)
    if incident.resolved:
        return said(incident, at, TimelineKind.REFUSED, "no change of severity: it is resolved", by=person)
    if severity is incident.severity:
        return said(incident, at, TimelineKind.REFUSED, f"no change of severity: it is {severity} already", by=person)
    worse = severity.rank < incident.severity.rank
    before = incident.severity
    incident = replace(incident, severity=severity)
    incident = said(incident, at, TimelineKind.SEVERITY, f"{before} → {severity}", by=person)
    rules = [entry.rule for entry in incident.alerts if entry.status is AlertStatus.FIRING]
    if worse:
        return told(begun(incident, rules, at), NotificationCause.RAISED, at)
    return relaxed(incident, rules, at)


_ACTIONS: Final[Mapping[Annotation, Callable[[Incident, str, Mapping[str, str], float], Incident]]] = {
    Annotation.SEVERITY_BY: _change_severity,
    Annotation.ACKNOWLEDGED_BY: _acknowledge,
    Annotation.NOTED_BY: _note,
    Annotation.RESOLVED_BY: _resolve,
}
