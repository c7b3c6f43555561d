"""An alert: one rule about one subject, and what it is at a moment. Data only; the machine is in alert_state.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from backstop.domain.alert_policy import Severity
from backstop.domain.slo import Uid
from backstop.vocabulary import AlertReason


class AlertStatus(StrEnum):
    """What a rule says of a subject. What cannot be told is Unknown; it neither fires nor resolves."""

    FIRING = "Firing"
    PENDING = "Pending"  # true, but not for long enough, or by too few events to be more than chance
    CLEAR = "Clear"
    UNKNOWN = "Unknown"


class SubjectKind(StrEnum):
    """What a rule can be about."""

    SLO = "SLO"
    TARGET = "Target"  # a value of targetLabel
    NODE = "Node"
    CRON_JOB = "CronJob"
    JOBS = "Jobs"
    QUERY = "Query"  # a query without targetLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an alert is about. `group` are the groupBy labels of a part of an SLO; empty for the whole."""

    kind: SubjectKind
    name: str
    group: tuple[tuple[str, str], ...] = ()  # sorted by label
    service: str | None = None  # spec.service of the SLO

    @property
    def key(self) -> str:
        """One text that tells subjects apart, such as `SLO/checkout{region="eu"}`."""
        labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in self.group)
        return f"{self.kind}/{self.name}" + (f"{{{labels}}}" if labels else "")


def _escaped(value: str) -> str:
    """Quotes within a value must not end it, or two groups could have one key."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What evidence says of a rule at one moment, before any `for` and `keepFiringFor`.

    `holds` None: it cannot be told. `guarded`: it holds as counted, but too few events prove it (semantics A3): such a
    rule is pending however long that lasts. `held_since` is since when it holds where the evidence itself tells, and
    `started_at` when what is wrong began, such as the first bad slice; unix seconds of the source.
    """

    holds: bool | None
    reason: AlertReason
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    guarded: bool = False
    held_since: float | None = None
    started_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """An alert between two evaluations; all that has to survive a restart.

    Unknown evidence leaves a firing alert firing and a pending one pending: `unknown_since` tells since when.
    """

    status: AlertStatus
    since: float  # of the status, unix seconds
    at: float  # of the newest evaluation
    reason: AlertReason
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    held_seconds: float = 0.0  # known time for which it holds without interruption
    clear_seconds: float = 0.0  # known time for which a firing alert does not hold any more
    unknown_since: float | None = None
    started_at: float | None = None  # when what is wrong began, as far as the evidence tells
    holds: bool | None = None  # what the newest evaluation found and proved; None also after a restart


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule of a policy about a subject, and what it is now."""

    policy_uid: Uid
    policy: str  # its name
    namespace: str
    rule: str
    severity: Severity
    subject: Subject
    state: AlertState
    notify: tuple[str, ...] = ()  # names of channels

    @property
    def firing(self) -> bool:
        return self.state.status is AlertStatus.FIRING
