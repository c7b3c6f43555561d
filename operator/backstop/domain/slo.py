"""What an SLO is, parsed once. Nothing behind `api/to_domain.py` sees a raw dict or a duration string."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from backstop.domain.calendar import CalendarPeriods

Uid = NewType("Uid", str)


class NoData(StrEnum):
    """What time without data counts as."""

    UNKNOWN = "Unknown"
    GOOD = "Good"
    BAD = "Bad"


class NoTraffic(StrEnum):
    """What known time without any event counts as."""

    NEUTRAL = "Neutral"
    GOOD = "Good"
    UNKNOWN = "Unknown"


class Budgeting(StrEnum):
    """What the error budget counts (the methods of OpenSLO)."""

    OCCURRENCES = "Occurrences"  # events
    TIMESLICES = "Timeslices"  # slices of time, each good or bad
    RATIO_TIMESLICES = "RatioTimeslices"  # slices of time, each by its share of good events


class CompositeMode(StrEnum):
    """How components make one SLI."""

    WEIGHTED = "Weighted"
    ANY_BAD = "AnyBad"


class WhenUnknown(StrEnum):
    """What an unknown component does to the slice."""

    UNKNOWN = "Unknown"
    IGNORE = "Ignore"


class Comparison(StrEnum):
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    EQ = "eq"
    NE = "ne"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """How good a service should be."""

    target_percent: Decimal  # 0 < target < 100, exact

    def __post_init__(self) -> None:
        if not 0 < self.target_percent < 100:  # noqa: PLR2004  percent
            raise ValueError(f"target {self.target_percent} must lie between 0 and 100, both excluded")

    @property
    def ratio(self) -> Decimal:
        """The objective ratio: 0.999 for 99.9."""
        return self.target_percent / 100

    @property
    def error_ratio(self) -> Decimal:
        """The share of events that may be bad: 0.001 for 99.9."""
        return 1 - self.ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingWindow:
    """A window that ends now and has a fixed length."""

    name: str
    seconds: float

    @property
    def history_seconds(self) -> float:
        """How far back it asks for history."""
        return self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWindow:
    """A period of the calendar; its budget starts anew with each."""

    name: str
    periods: CalendarPeriods

    @property
    def history_seconds(self) -> float:
        """How far back it asks for history: the period before this one tells how many events to expect (B1)."""
        return 2 * self.periods.longest_seconds


Window = RollingWindow | CalendarWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeslice:
    """A portion of time that the budget counts. `target_ratio` None: by its share of good events, not as a whole."""

    seconds: int  # whole minutes
    target_ratio: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioIndicator:
    """Two counters: all events, and either the good or the bad ones. Each is one PromQL selector."""

    total: str
    good: str | None = None
    bad: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyIndicator:
    """Requests at or under a threshold, from a classic or a native histogram."""

    histogram: str  # metric name without _bucket
    selector: str  # label matchers in braces, `{}` for none
    threshold_seconds: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanIndicator:
    """A 0/1 gauge: each sample of each series is a good (1) or a bad (0) moment."""

    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdIndicator:
    """A query with one series: each moment where the comparison holds is good."""

    query: str
    op: Comparison
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryIndicator:
    """Free PromQL with $window: increases over the window, one series each."""

    total: str
    good: str | None = None
    bad: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a composite: another SLO of the same namespace. `slo` is None until it was looked up."""

    name: str
    weight: float
    slo: "SLO | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeIndicator:
    """Several SLOs as one (semantics B4)."""

    components: tuple[Component, ...]
    mode: CompositeMode
    when_unknown: WhenUnknown = WhenUnknown.UNKNOWN


LeafIndicator = RatioIndicator | LatencyIndicator | BooleanIndicator | ThresholdIndicator | QueryIndicator
Indicator = LeafIndicator | CompositeIndicator


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How often and how strictly an SLO is evaluated."""

    interval_seconds: float = 30.0
    no_data: NoData = NoData.UNKNOWN
    no_traffic: NoTraffic = NoTraffic.NEUTRAL
    stale_after_seconds: float = 120.0
    minimum_events: int = 0
    confidence: float = 0.999
    all_bad_for_seconds: float = 900.0


class WorkloadKind(StrEnum):
    """Kinds of workloads whose health the Kubernetes API can witness."""

    SERVICE = "Service"
    DEPLOYMENT = "Deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The workload behind an SLO, in the SLO's own namespace."""

    kind: WorkloadKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SLO:
    """A valid SLO. `uid` and `generation` are those of the object it came from."""

    uid: Uid
    namespace: str
    name: str
    generation: int
    objective: Objective
    windows: tuple[Window, ...]  # 1 to 4, the first is the primary
    indicator: Indicator
    source: str
    evaluation: Evaluation
    budgeting: Budgeting = Budgeting.OCCURRENCES
    timeslice: Timeslice | None = None  # None: the budget counts events
    group_by: tuple[str, ...] = ()
    service: str | None = None
    workload: Workload | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`namespace/name`, as people and messages call it."""
        return f"{self.namespace}/{self.name}"

    def leaves(self, at: str = "") -> "Iterator[tuple[str, SLO]]":
        """Yield the SLOs whose series are read for this one, each with its place in the composite: `0/1/`."""
        if not isinstance(self.indicator, CompositeIndicator):
            yield at, self
            return
        for index, component in enumerate(self.indicator.components):
            if component.slo is None:
                raise ValueError(f"component {component.name} of SLO {self.key} was not looked up")
            yield from component.slo.leaves(f"{at}{index}/")
