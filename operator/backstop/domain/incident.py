"""An incident: what is wrong, since when, who was told and who takes care. Data only; what happens to it is in
incident_transitions.py, incident_answers.py and incident_deadlines.py.

All times are unix seconds, rounded to milliseconds, so that an incident that was stored and read back is the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstop.domain.alert import AlertStatus, Subject, SubjectKind
from backstop.domain.alert_policy import Deadlines, Severity
from backstop.domain.leadership import FencingToken
from backstop.domain.notification import Notification
from backstop.vocabulary import AlertReason, DeadlineKind, IncidentState, TimelineKind

EntryKey = tuple[str, SubjectKind, str, tuple[tuple[str, str], ...]]  # rule, and what it is about


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEntry:
    """An alert of an incident, as it was when it last changed. `status` Unknown: it cannot be told whether it is over.

    `since` is of the status; `unknown_since` is since when the evidence is unknown.
    """

    rule: str
    severity: Severity
    subject_kind: SubjectKind
    subject: str
    group: tuple[tuple[str, str], ...] = ()
    status: AlertStatus
    since: float
    reason: AlertReason
    message: str
    started_at: float | None = None
    unknown_since: float | None = None

    @property
    def key(self) -> EntryKey:
        """What tells the alerts of an incident apart."""
        return (self.rule, self.subject_kind, self.subject, self.group)

    @property
    def subject_key(self) -> str:
        """The subject as people read it: `SLO/checkout{region="eu"}`."""
        return Subject(kind=self.subject_kind, name=self.subject, group=self.group).key

    @property
    def over(self) -> bool:
        """True when it is known to be clear, or what it was about is gone."""
        return self.status is AlertStatus.CLEAR

    @property
    def gone(self) -> bool:
        """True when it ended because its subject or its rule does not exist any more."""
        return self.over and self.reason is AlertReason.SUBJECT_GONE


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened. `count` is how many entries a Summary stands for."""

    at: float
    kind: TimelineKind
    text: str
    by: str | None = None  # user name of a person; None: Backstop
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Something that has to be done by a time. One that was missed may still be met late."""

    kind: DeadlineKind
    due: float
    met_at: float | None = None
    missed: bool = False

    @property
    def running(self) -> bool:
        """True while it is neither met nor missed."""
        return self.met_at is None and not self.missed


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRule:
    """What a rule said for itself when the incident opened."""

    name: str
    notify: tuple[str, ...] = ()
    acknowledge_within_seconds: float | None = None
    resolve_within_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the policy said when the incident opened. Later edits of the policy leave it alone."""

    deadlines: Deadlines = field(default_factory=Deadlines)
    rules: tuple[PlannedRule, ...] = ()
    reopen_within_seconds: float = 1800.0
    inhibit: bool = True

    def rule(self, name: str) -> PlannedRule | None:
        """Return what was planned for a rule; None for one that came later."""
        return next((rule for rule in self.rules if rule.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How long it took, in seconds; None where there is nothing to count from."""

    detect_seconds: float | None = None  # from the first bad evidence to the first firing alert
    acknowledge_seconds: float | None = None  # from the opening
    mitigate_seconds: float | None = None  # from the first bad evidence until no alert fired
    resolve_seconds: float | None = None  # from the first bad evidence to the resolution
    budget_spent_percent: float | None = None

    @property
    def phases(self) -> tuple[tuple[str, float], ...]:
        """The times that are known, by the names that metrics have for them (semantics S7)."""
        seconds = {
            "detect": self.detect_seconds,
            "acknowledge": self.acknowledge_seconds,
            "mitigate": self.mitigate_seconds,
            "resolve": self.resolve_seconds,
        }
        return tuple((phase, took) for phase, took in seconds.items() if took is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Annotations that were acted on and may still stand on the object, by name."""

    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident. `opened_at` None: the object exists and was not taken up yet.

    `channels` are those that were told of it, `alert_count` the most alerts that it had at a time. `policy_uid` None:
    a person opened it. `writer` is the term of leadership in which it was written last.
    """

    namespace: str
    name: str
    title: str
    severity: Severity
    policy: str | None = None
    service: str | None = None
    description: str | None = None
    generation: int = 0
    state: IncidentState = IncidentState.OPEN
    group_key: str | None = None
    policy_uid: str | None = None
    opened_at: float | None = None
    first_fired_at: float | None = None
    started_at: float | None = None
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    resolved_at: float | None = None
    resolved_by: str | None = None
    resolution: str | None = None
    reopened: int = 0
    alerts: tuple[AlertEntry, ...] = ()
    alert_count: int = 0
    timeline: tuple[TimelineEntry, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    plan: Plan = field(default_factory=Plan)
    notifications: tuple[Notification, ...] = ()
    channels: tuple[str, ...] = ()
    review: Review | None = None
    evidence_known: bool = True
    evidence_changed_at: float | None = None
    asked_to_close_at: float | None = None
    answered: Answered = field(default_factory=Answered)
    writer: FencingToken | None = None

    @property
    def key(self) -> str:
        """`namespace/name`, as people and messages call it."""
        return f"{self.namespace}/{self.name}"

    @property
    def resolved(self) -> bool:
        return self.state is IncidentState.RESOLVED

    def entry(self, key: EntryKey) -> AlertEntry | None:
        """Return the alert of that key, None if it is not named."""
        return next((entry for entry in self.alerts if entry.key == key), None)


def moment(at: float) -> float:
    """Return a time as it is stored: to the millisecond."""
    return round(at, 3)
