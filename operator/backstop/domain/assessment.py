"""Everything that one evaluation found out about one SLO."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstop.domain.budget import Budget, WindowCounts
from backstop.domain.health import Health
from backstop.domain.slo import SLO
from backstop.domain.verdict import DataStatus, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAssessment:
    """The result for one set of label values of an SLO with groupBy."""

    labels: Mapping[str, str]
    budgets: tuple[Budget, ...]  # in the order of slo.windows
    burn_rates: Mapping[str, float]
    verdict: Verdict
    rule_counts: Mapping[float, WindowCounts] = field(default_factory=dict)  # as those of the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStatus:
    """What is held of the past. Times are unix seconds of the source."""

    start: float  # before it the ledger holds nothing
    known_from: float | None  # start of the oldest slice with data; None: no slice had any
    complete: bool  # everything that the windows ask for was asked of the source
    lost_edges: tuple[float, ...]  # ends of exclusions and periods that could only be told to a coarse slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The result of an evaluation at source time `at` (unix seconds)."""

    slo: SLO
    at: float
    budgets: tuple[Budget, ...]  # in the order of slo.windows
    burn_rates: Mapping[str, float]  # by window; without those that hold no event
    data: DataStatus
    verdict: Verdict
    witness: Health | None
    groups: tuple[GroupAssessment, ...]  # the worst first
    history: HistoryStatus
    scrape_interval_seconds: float
    clock_skew_seconds: float  # source clock minus local clock
    changed_at: float | None = None  # when what it counts was changed, unix seconds; what was counted before is gone
    rule_counts: Mapping[float, WindowCounts] = field(
        default_factory=dict
    )  # of windows that alerts ask for, by seconds
