"""Error budgets, burn rates and the state they add up to. Pure arithmetic on the counts of a window.

Source of the formulas: Google SRE Workbook, "Implementing SLOs" and "Alerting on SLOs"; OpenSLO for budgets of time.
Worked examples: docs/explanation/error-budget.md, executed by a test.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backstop.domain.interval import Interval
from backstop.domain.slo import NoTraffic, Objective, Timeslice

TOO_EARLY_COVERAGE: Final = 0.05  # semantics B1: under 5 % known time a budget is not judged
AT_RISK_PERCENT: Final = 25.0  # semantics B7


class BudgetUnit(StrEnum):
    """What a budget is counted in."""

    EVENTS = "Events"
    MINUTES = "Minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """What the ledger knows of one window, from its start to now.

    Excluded time (maintenance) is in none of the numbers but its own.
    """

    name: str
    seconds: float  # from its start to now
    good: float
    bad: float
    unknown_seconds: float
    excluded_seconds: float = 0.0

    @property
    def coverage(self) -> float:
        """Known time ÷ the window's time without exclusions, 0 to 1."""
        left = self.seconds - self.excluded_seconds
        return max(0.0, min(1.0, 1.0 - self.unknown_seconds / left)) if left > 0 else 0.0

    @property
    def known_seconds(self) -> float:
        """Time of the window that counts."""
        return self.coverage * (self.seconds - self.excluded_seconds)

    @property
    def events(self) -> float:
        """Good and bad events, or slices."""
        return self.good + self.bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What is special about a window of the calendar: it ends in the future, and one went before."""

    interval: Interval
    previous: WindowCounts | None  # None: nothing is held of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The error budget of one window; percentages from 0 to 100, remaining may be negative.

    `sli_percent` is None without an event (unless noTraffic is Good): the budget of such a window is untouched.
    `total`, `consumed` and `remaining` are in `unit`; None where they cannot be told.
    """

    counts: WindowCounts
    unit: BudgetUnit
    sli_percent: float | None
    consumed_percent: float | None
    remaining_percent: float | None
    total: float | None
    consumed: float | None
    exhausts_in_seconds: float | None  # None: not at the present burn rate, or unknown
    judged_from_seconds: float  # known time that it takes to judge the window (semantics B1)
    forecast: bool = False  # `total` is expected, not counted
    ends_at: float | None = None  # of a calendar period, unix seconds

    @property
    def too_early(self) -> bool:
        """True while too little of the window is known to judge its budget."""
        return self.counts.coverage <= 0 or self.counts.known_seconds < self.judged_from_seconds

    @property
    def remaining(self) -> float | None:
        """What is left, in `unit`; below zero it is overspent."""
        return None if self.total is None or self.consumed is None else self.total - self.consumed


def budget(
    counts: WindowCounts,
    objective: Objective,
    *,
    no_traffic: NoTraffic,
    timeslice: Timeslice | None = None,
    period: Period | None = None,
    burn_rate: float | None = None,
) -> Budget:
    """Return the budget of a window.

    Total = events × (1 − target), or for budgets of time: (window − excluded − unknown) × (1 − target). Consumed = bad
    events, or bad time. Of a calendar period the whole counts: time is known in advance, events are forecast from the
    previous period (semantics B1). `burn_rate` is that of a recent window (1 h): while it is above 1 and budget is
    left, the rest lasts `remaining × window ÷ burn rate`.
    """
    unit = BudgetUnit.EVENTS if timeslice is None else BudgetUnit.MINUTES
    per_event = 1.0 if timeslice is None else timeslice.seconds / 60
    whole_seconds = counts.seconds if period is None else period.interval.seconds
    judged_from = _judged_from(counts, period, timeslice)
    ends_at = None if period is None else period.interval.end
    expected, forecast = _expected_events(counts, period, timeslice, whole_seconds)
    known = counts.coverage > 0
    if counts.events <= 0:
        untouched = 0.0 if known else None
        total = expected * float(objective.error_ratio) * per_event if known else None
        return Budget(
            counts=counts,
            unit=unit,
            sli_percent=100.0 if known and no_traffic is NoTraffic.GOOD else None,
            consumed_percent=untouched,
            remaining_percent=None if untouched is None else 100.0,
            total=total,
            consumed=untouched,
            exhausts_in_seconds=None,
            judged_from_seconds=judged_from,
            forecast=forecast,
            ends_at=ends_at,
        )
    allowed = expected * float(objective.error_ratio)
    consumed = counts.bad / expected / float(objective.error_ratio) * 100
    remaining = 100.0 - consumed
    exhausts_in = None
    if burn_rate is not None and burn_rate > 1 and remaining > 0:
        exhausts_in = remaining / 100 * whole_seconds / burn_rate
        if period is not None and exhausts_in >= period.interval.seconds - counts.seconds:
            exhausts_in = None  # a new budget comes first
    return Budget(
        counts=counts,
        unit=unit,
        sli_percent=counts.good / counts.events * 100,
        consumed_percent=consumed,
        remaining_percent=remaining,
        total=allowed * per_event,
        consumed=counts.bad * per_event,
        exhausts_in_seconds=exhausts_in,
        judged_from_seconds=judged_from,
        forecast=forecast,
        ends_at=ends_at,
    )


def _expected_events(
    counts: WindowCounts, period: Period | None, timeslice: Timeslice | None, whole_seconds: float
) -> tuple[float, bool]:
    """Return the events (or slices) that the whole window will hold, and whether that is a forecast."""
    if timeslice is not None:
        still_to_come = whole_seconds - counts.seconds
        return max((counts.known_seconds + still_to_come) / timeslice.seconds, counts.events), False
    if period is None:
        return counts.events, False
    before = period.previous
    basis = before if before is not None and before.coverage >= TOO_EARLY_COVERAGE else counts
    if basis.known_seconds <= 0:
        return counts.events, True
    countable = whole_seconds - counts.excluded_seconds - counts.unknown_seconds
    return max(counts.events, basis.events / basis.known_seconds * countable), True


def _judged_from(counts: WindowCounts, period: Period | None, timeslice: Timeslice | None) -> float:
    """Return the known seconds it takes to judge a window: 5 % of a rolling one, of what has passed of a period.

    A period of events without a known one before it has nothing to forecast from until 5 % of itself are known.
    """
    judged = counts.seconds - counts.excluded_seconds
    if period is not None and timeslice is None:
        history = period.previous is not None and period.previous.coverage >= TOO_EARLY_COVERAGE
        judged = judged if history else period.interval.seconds - counts.excluded_seconds
    return TOO_EARLY_COVERAGE * judged


def burn_rate(counts: WindowCounts, objective: Objective) -> float | None:
    """Return how many times faster than sustainable the budget burns: error ratio ÷ (1 − target).

    Of a budget of time the error ratio is bad ÷ known slices (semantics B3). None without an event in the window: no
    traffic is neither good nor bad.
    """
    return counts.bad / counts.events / float(objective.error_ratio) if counts.events > 0 else None
