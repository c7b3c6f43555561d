"""What people answer on an incident: the annotations that say so, when they may, and how one sees it was recorded.

The operator reads the annotations and writes what it makes of them into the status. Only it writes the status; so an
answer counts once the status shows it. The names in the annotations are those by which the API server knows the caller:
it refuses others (semantics K2).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from backstop.bootstrap.incidents import Object
from backstop.cli.incident_text import is_resolved, moment, severity_of, state_of
from backstop.domain.incident_limits import shortened
from backstop.vocabulary import Annotation, IncidentState, TimelineKind


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


def standing(incident: Object, names: Collection[str]) -> str | None:
    """Return an answer under one of these names that the operator has not acted on yet, None if there is none.

    Writing over it would lose what somebody said.
    """
    acted_on = (incident.get("status") or {}).get("answered") or {}
    said = incident["metadata"].get("annotations") or {}
    waiting = [name for name in names if name in said and acted_on.get(name) != shortened(said[name])]
    return f"{waiting[0]}: {said[waiting[0]]}" if waiting else None


def new_entries(before: Object, after: Object) -> list[Mapping[str, Any]]:
    """Return the entries of the timeline that were added between two readings of an incident."""
    known = {_identity(entry) for entry in _timeline(before)}
    return [entry for entry in _timeline(after) if _identity(entry) not in known]


def refusal(user: str, before: Object, after: Object) -> str | None:
    """Return why the operator did not do what was asked, None if it did or has not looked yet."""
    refused = (
        entry
        for entry in new_entries(before, after)
        if entry.get("kind") == TimelineKind.REFUSED and entry.get("by") in (user, None)
    )
    return next((str(entry.get("text", "")) for entry in refused), None)


def _noted(user: str, before: Object, after: Object) -> bool:
    """Tell whether the timeline has a new note of somebody; the operator may shorten its text."""
    new = new_entries(before, after)
    return any(entry.get("kind") == TimelineKind.NOTE and entry.get("by") == user for entry in new)


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
