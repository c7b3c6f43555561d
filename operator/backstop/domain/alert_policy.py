"""What an AlertPolicy asks for: rules over SLOs and over the cluster, and what follows when one fires. Data only.

How a rule is judged: alert_judging.py. How it comes to fire and to clear: alert_state.py. Times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from backstop.domain.maintenance import SLOSelector
from backstop.domain.slo import Comparison, Uid

DEFAULT_LOOKBACK_SECONDS: Final = 3600.0  # of exhaustsWithin (semantics A5)


class Severity(StrEnum):
    """How bad it is; P0 is the worst."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def rank(self) -> int:
        """0 for the worst. Sorting by it puts the worst first."""
        return int(self.value[1])


class OnEmpty(StrEnum):
    """What an empty result of a query means (semantics E3)."""

    UNKNOWN = "Unknown"
    CLEAR = "Clear"


class IncidentBy(StrEnum):
    """What shares an incident (semantics A10)."""

    SERVICE = "service"
    SLO = "slo"
    GROUP = "group"  # an SLO and one set of its groupBy labels
    RULE = "rule"
    TARGET = "target"  # node, job, or the value of targetLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRate:
    """Budget burns too fast in a long and in a short window. Exactly one of `budget_percent` and `factor` is set."""

    long_seconds: float
    short_seconds: float
    budget_percent: Decimal | None = None  # of the budget, burned within the long window
    factor: Decimal | None = None  # burn rate
    window: str | None = None  # whose budget; None: the primary window's


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRemainingBelow:
    """Less than so many percent of a budget are left; may be 0 or negative."""

    percent: Decimal
    window: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustsWithin:
    """At the burn rate of the lookback the budget is gone within a duration (semantics A5)."""

    duration_seconds: float
    lookback_seconds: float = DEFAULT_LOOKBACK_SECONDS
    window: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """An SLO's evidence has been unknown for so long."""

    for_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A PromQL expression compares so. With `target_label` each of its values is judged by itself."""

    expression: str
    op: Comparison
    value: Decimal
    source: str
    for_seconds: float = 0.0
    interval_seconds: float = 30.0
    on_empty: OnEmpty = OnEmpty.UNKNOWN
    target_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCondition:
    """A condition of nodes has one of these statuses. An empty selector matches every node."""

    type: str
    statuses: frozenset[str]  # of "True", "False", "Unknown"
    for_seconds: float = 0.0
    selector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Finished runs of something: exactly one field is set."""

    cron_job: str | None = None
    jobs: Mapping[str, str] | None = None  # labels of Jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsecutiveFailures:
    """The newest `count` runs failed, all within a time; a success resets it (semantics A9)."""

    of: Runs
    count: int
    within_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuccess:
    """No run succeeded within a time, or ever (semantics A9)."""

    of: Runs
    within_seconds: float


When = (
    BurnRate | BudgetRemainingBelow | ExhaustsWithin | NoData | Query | NodeCondition | ConsecutiveFailures | NoSuccess
)
ABOUT_SLOS: Final = (BurnRate, BudgetRemainingBelow, ExhaustsWithin, NoData)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: when it fires, how bad that is, and who hears of it."""

    name: str
    severity: Severity
    when: When
    enabled: bool = True
    notify: tuple[str, ...] = ()  # names of NotificationChannels
    keep_firing_seconds: float = 0.0  # how long it has to be clear before it stops firing
    acknowledge_within_seconds: float | None = None  # instead of the policy's for its severity
    resolve_within_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """By severity, in seconds from the opening of an incident; a severity that is absent has none."""

    acknowledge: Mapping[Severity, float] = field(default_factory=dict)
    resolve: Mapping[Severity, float] = field(default_factory=dict)
    update: Mapping[Severity, float] = field(default_factory=dict)  # between updates


@dataclass(frozen=True, slots=True, kw_only=True)
class TierOverride:
    """A tier of a preset that is switched off or has another severity."""

    name: str
    enabled: bool = True
    severity: Severity | None = None
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """A valid policy. `slos` None: all SLOs of its namespace."""

    uid: Uid
    namespace: str
    name: str
    generation: int
    slos: SLOSelector | None
    rules: tuple[Rule, ...] = ()
    preset: str | None = None  # google-sre
    preset_notify: tuple[str, ...] = ()
    overrides: tuple[TierOverride, ...] = ()
    inhibit: bool = True
    incident_by: IncidentBy | None = None  # None: service if the SLO has one, else rule
    deadlines: Deadlines = field(default_factory=Deadlines)
    reopen_within_seconds: float = 1800.0  # a fire after the resolution within this time reopens the incident

    @property
    def key(self) -> str:
        """`namespace/name`, as people and messages call it."""
        return f"{self.namespace}/{self.name}"
