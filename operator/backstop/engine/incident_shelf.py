"""The incidents that exist, as they are stored: by uid, by name, and by the group whose alerts they are about."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from backstop.api.to_incident import KIND, to_incident
from backstop.domain.errors import SpecError
from backstop.domain.incident import Incident
from backstop.domain.incident_answers import ANSWERS
from backstop.domain.incident_group import numbered
from backstop.domain.slo import Uid
from backstop.engine.registry import identity
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import Annotation

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]
Group = tuple[str, str]  # namespace, and what the names of a group's incidents begin with


@dataclass(slots=True, kw_only=True)
class Held:
    """An object. `incident` None: it is over and done with, or cannot be read; only its facts are kept."""

    ref: ObjectRef
    version: str
    created_at: float
    opened_by: str | None  # a person
    answers: Mapping[str, str]  # annotations of people
    number: int
    group: Group
    incident: Incident | None
    severity: str = ""
    state: str = ""
    resolved_at: float | None = None

    @property
    def blank(self) -> bool:
        """True when nobody has taken it up yet."""
        return self.incident is not None and self.incident.opened_at is None

    @property
    def ours(self) -> bool:
        """True when a policy opened it."""
        return self.opened_by is None and self.incident is not None and self.incident.policy is not None

    @property
    def open(self) -> bool:
        """True when it is taken up, and not resolved."""
        return self.incident is not None and not self.incident.resolved and not self.blank

    @property
    def done(self) -> bool:
        """True when it is resolved and nothing is left to tell or to answer."""
        incident = self.incident
        told = incident is None or not any(notification.pending for notification in incident.notifications)
        return self.resolved_at is not None and told and not self.answers

    def became(self, incident: Incident) -> None:
        """Take the incident as it is stored now."""
        self.incident = incident
        self.severity, self.state = incident.severity.value, incident.state.value
        self.resolved_at = incident.resolved_at


@dataclass(slots=True)
class Shelf:
    """All incidents that we know of."""

    by_uid: dict[Uid, Held] = field(default_factory=dict)
    _by_group: dict[Group, dict[Uid, Held]] = field(default_factory=dict)
    _live: dict[Uid, Held] = field(default_factory=dict)  # those that are not resolved: few of many

    def __iter__(self) -> Iterator[Held]:
        return iter(tuple(self.by_uid.values()))

    def put(self, body: Body) -> Held | None:
        """Take an object as the API server has it; None without an identity. An older state than ours is not taken."""
        ref, _ = identity(KIND, body)
        if ref is None:
            log.warning("object.without_identity", kind=KIND)
            return None
        known = self.by_uid.get(ref.uid)
        version = str(body["metadata"].get("resourceVersion", ""))
        if known is not None and _older(version, known.version):
            return known  # the watch is behind our own writes
        held = _held(ref, version, body)
        self.by_uid[ref.uid] = held
        self._by_group.setdefault(held.group, {})[ref.uid] = held
        self._sort(held)
        return held

    def became(self, held: Held, incident: Incident) -> None:
        """Take an incident as it is stored now."""
        held.became(incident)
        if self.by_uid.get(held.ref.uid) is held:
            self._sort(held)

    def _sort(self, held: Held) -> None:
        if held.open or held.blank:
            self._live[held.ref.uid] = held
        else:
            self._live.pop(held.ref.uid, None)

    def remove(self, uid: Uid) -> Held | None:
        """Forget an object that is gone."""
        held = self.by_uid.pop(uid, None)
        self._live.pop(uid, None)
        if held is not None:
            of_group = self._by_group.get(held.group, {})
            of_group.pop(uid, None)
            if not of_group:
                self._by_group.pop(held.group, None)
        return held

    def newest(self, group: Group) -> Held | None:
        """Return the incident of a group that was opened last; None when there is none."""
        ours = [held for held in self._by_group.get(group, {}).values() if held.ours]
        return max(ours, key=lambda held: held.number, default=None)

    def next_number(self, group: Group) -> int:
        """Return the number of a group's next incident. Whoever made an object of that name: it is taken."""
        return max((held.number for held in self._by_group.get(group, {}).values()), default=0) + 1

    def of_policy(self, policy_uid: str) -> list[Held]:
        """Return the open incidents of a policy."""
        return [
            held
            for held in self._live.values()
            if held.open and held.incident is not None and held.incident.policy_uid == policy_uid
        ]

    def blank_of(self, namespace: str, policy: str) -> set[Group]:
        """Return the groups whose incident we made for a policy and did not take up yet."""
        return {
            held.group
            for held in self._live.values()
            if held.blank and held.ours and held.ref.namespace == namespace
            if held.incident is not None and held.incident.policy == policy
        }

    def slim(self) -> None:
        """Let go of the content of what is over: a newer one of its group decides what a fire means."""
        for held in self.by_uid.values():
            if held.done and (held.opened_by is not None or self.newest(held.group) is not held):
                held.incident = None

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many there are by severity and state."""
        return Counter((held.severity, held.state) for held in self.by_uid.values() if held.state)


def _held(ref: ObjectRef, version: str, body: Body) -> Held:
    metadata = body["metadata"]
    annotations = metadata.get("annotations")
    given = annotations if isinstance(annotations, Mapping) else {}
    prefix, number = numbered(ref.name)
    held = Held(
        ref=ref,
        version=version,
        created_at=_created(metadata),
        opened_by=given.get(Annotation.OPENED_BY.value),
        answers={name: text for name, text in given.items() if name in ANSWERS},
        number=number,
        group=(ref.namespace, prefix),
        incident=None,
    )
    try:
        incident = to_incident(body)
    except SpecError as problem:
        log.warning("incident.unreadable", incident=ref.key, problem=str(problem))
        return held
    held.incident = incident
    if incident.opened_at is not None:
        held.became(incident)
    return held


def _created(metadata: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(metadata.get("creationTimestamp"))).timestamp()
    except ValueError:
        return 0.0


def _older(version: str, known: str) -> bool:
    """Versions are numbers on every API server that we run on; where they are not, the newest message counts."""
    return version.isdigit() and known.isdigit() and int(version) < int(known)
