"""What people answer on an incident: the annotations that say so, when they may, and how one sees it was recorded.

The operator reads the annotations and writes what it makes of them into the status. Only it writes the status; so an
answer counts once the status shows it. The names in the annotations are those by which the API server knows the caller:
it refuses others (semantics K2).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from backstop.bootstrap.incidents import Object
from backstop.cli.incident_text import is_resolved, moment, severity_of, state_of
from backstop.domain.incident_limits import shortened
from backstop.domain.incident_text import MAX_PERSON, cut
from backstop.vocabulary import Annotation, IncidentState, TimelineKind

# What names somebody, and what is said with it.
_SAYING: Final[Mapping[str, str | None]] = {
    Annotation.ACKNOWLEDGED_BY.value: None,
    Annotation.RESOLVED_BY.value: None,
    Annotation.NOTED_BY.value: Annotation.NOTE.value,
    Annotation.SEVERITY_BY.value: Annotation.SEVERITY.value,
}


class Answer(Protocol):
    """One thing that somebody says of an incident."""

    @property
    def what(self) -> str:
        """What it is called: `the acknowledgement`."""
        ...

    def annotations(self, user: str) -> Mapping[str, str]:
        """Return what to set."""
        ...

    def objection(self, incident: Object) -> str | None:
        """Return why it cannot be said of the incident as it is, with what to do instead."""
        ...

    def recorded(self, user: str, before: Object, after: Object) -> bool:
        """Tell whether the status shows it. `before` is the incident as it was when it was said."""
        ...


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody takes care of it."""

    note: str | None = None
    what: str = "the acknowledgement"

    def annotations(self, user: str) -> Mapping[str, str]:
        return {Annotation.ACKNOWLEDGED_BY.value: user} | _note(self.note, user)

    def objection(self, incident: Object) -> str | None:
        if is_resolved(incident):
            return f"is {_resolved(incident)}; there is nothing left to acknowledge"
        if state_of(incident) == IncidentState.ACKNOWLEDGED:
            status = incident["status"]
            by, at = status.get("acknowledgedBy", "somebody"), moment(status.get("acknowledgedAt"))
            return f"is acknowledged already, by {by} at {at}; to add something: backstop note {_name(incident)} TEXT"
        return None

    def recorded(self, user: str, before: Object, after: Object) -> bool:
        taken = state_of(after) in (IncidentState.ACKNOWLEDGED, IncidentState.RESOLVED)
        return taken and (self.note is None or _noted(user, before, after))


@dataclass(frozen=True, slots=True)
class Resolve:
    """Somebody says that it is over."""

    reason: str
    what: str = "the resolution"

    def annotations(self, user: str) -> Mapping[str, str]:
        return {Annotation.RESOLVED_BY.value: user} | _note(self.reason, user)

    def objection(self, incident: Object) -> str | None:
        if is_resolved(incident):
            return f"is {_resolved(incident)}; to add something: backstop note {_name(incident)} TEXT"
        return None

    def recorded(self, user: str, before: Object, after: Object) -> bool:  # noqa: ARG002  the state tells
        return is_resolved(after)


@dataclass(frozen=True, slots=True)
class Note:
    """Somebody has something to say."""

    text: str
    what: str = "the note"

    def annotations(self, user: str) -> Mapping[str, str]:
        return _note(self.text, user)

    def objection(self, incident: Object) -> str | None:  # noqa: ARG002  anything can be noted at any time
        return None

    def recorded(self, user: str, before: Object, after: Object) -> bool:
        return _noted(user, before, after)


@dataclass(frozen=True, slots=True)
class ChangeSeverity:
    """Somebody says that it is worse, or not as bad."""

    severity: str
    reason: str
    what: str = "the severity"

    def annotations(self, user: str) -> Mapping[str, str]:
        changed = {Annotation.SEVERITY.value: self.severity, Annotation.SEVERITY_BY.value: user}
        return changed | _note(self.reason, user)

    def objection(self, incident: Object) -> str | None:
        if is_resolved(incident):
            return f"is {_resolved(incident)}; its severity stays"
        if severity_of(incident) == self.severity:
            return f"has severity {self.severity} already"
        return None

    def recorded(self, user: str, before: Object, after: Object) -> bool:  # noqa: ARG002  the severity tells
        return (after.get("status") or {}).get("severity") == self.severity


def standing(incident: Object, annotations: Mapping[str, str]) -> str | None:
    """Return an answer that the operator is not done with and that is in the way of this one, None if there is none.

    Writing over one that it has not acted on would lose what somebody said; and one that repeats what it remembers to
    have acted on would be taken for the old one, until the annotation is gone and forgotten.
    """
    acted_on = (incident.get("status") or {}).get("answered") or {}
    said = incident["metadata"].get("annotations") or {}
    unread = [name for name in annotations if name in said and acted_on.get(name) != shortened(said[name])]
    repeated = [
        by
        for by, text in _SAYING.items()
        if by in annotations
        and all(acted_on.get(name) == shortened(annotations[name]) for name in (by, text) if name is not None)
    ]
    waiting = [*unread, *repeated]
    return f"{waiting[0]}: {said.get(waiting[0], annotations[waiting[0]])}" if waiting else None


def new_entries(before: Object, after: Object) -> list[Mapping[str, Any]]:
    """Return the entries of the timeline that were added between two readings of an incident."""
    known = Counter(_identity(entry) for entry in _timeline(before))
    new = []
    for entry in _timeline(after):
        if known[_identity(entry)] > 0:
            known[_identity(entry)] -= 1
        else:
            new.append(entry)
    return new


def refusal(user: str, before: Object, after: Object) -> str | None:
    """Return why the operator did not do what was asked, None if it did or has not looked yet."""
    refused = (
        entry
        for entry in new_entries(before, after)
        if entry.get("kind") == TimelineKind.REFUSED and entry.get("by") in (cut(user, MAX_PERSON), None)
    )
    return next((str(entry.get("text", "")) for entry in refused), None)


def _noted(user: str, before: Object, after: Object) -> bool:
    """Tell whether the timeline has a new note of somebody; the operator may shorten its text."""
    new, by = new_entries(before, after), cut(user, MAX_PERSON)
    return any(entry.get("kind") == TimelineKind.NOTE and entry.get("by") == by for entry in new)


def _note(text: str | None, user: str) -> dict[str, str]:
    return {} if text is None else {Annotation.NOTED_BY.value: user, Annotation.NOTE.value: text}


def _resolved(incident: Object) -> str:
    status = incident["status"]
    by = f" by {status['resolvedBy']}" if status.get("resolvedBy") else ""
    return f"resolved already, at {moment(status.get('resolvedAt'))}{by}"


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry.get("at"), entry.get("kind"), entry.get("by"), entry.get("text")


def _timeline(incident: Object) -> list[Mapping[str, Any]]:
    return (incident.get("status") or {}).get("timeline") or []


def _name(incident: Object) -> str:
    return str(incident["metadata"]["name"])
