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
    def just_begun(self) -> bool:
        """True at the very instant at which a calendar period begins: there is no time yet that could be unknown."""
        return self.seconds == 0

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
        if self.counts.just_begun:
            return self.judged_from_seconds > 0
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
    left, the rest lasts `remaining × time that counts ÷ burn rate`.
    """
    unit = BudgetUnit.EVENTS if timeslice is None else BudgetUnit.MINUTES
    per_event = 1.0 if timeslice is None else timeslice.seconds / 60
    to_come = 0.0 if period is None else period.interval.seconds - counts.seconds
    countable = counts.known_seconds + to_come
    expected, forecast = _expected_events(counts, period, timeslice, countable)
    error_ratio = float(objective.error_ratio)
    known = counts.coverage > 0 or counts.just_begun
    sli_percent = consumed_percent = None
    if counts.events > 0:
        sli_percent = counts.good / counts.events * 100
        consumed_percent = counts.bad / expected / error_ratio * 100
    elif known:
        sli_percent = 100.0 if no_traffic is NoTraffic.GOOD and not counts.just_begun else None
        consumed_percent = 0.0
    remaining_percent = None if consumed_percent is None else 100.0 - consumed_percent
    return Budget(
        counts=counts,
        unit=unit,
        sli_percent=sli_percent,
        consumed_percent=consumed_percent,
        remaining_percent=remaining_percent,
        total=None if consumed_percent is None else expected * error_ratio * per_event,
        consumed=None if consumed_percent is None else counts.bad * per_event,
        exhausts_in_seconds=_exhausts_in(
            remaining_percent, countable, burn_rate=burn_rate, until_reset=None if period is None else to_come
        ),
        judged_from_seconds=_judged_from(counts, period, timeslice),
        forecast=forecast,
        ends_at=None if period is None else period.interval.end,
    )


def _exhausts_in(
    remaining_percent: float | None, countable: float, *, burn_rate: float | None, until_reset: float | None
) -> float | None:
    """Return when the budget will be gone, None when that is not in sight: a new period may come first."""
    if burn_rate is None or burn_rate <= 1 or remaining_percent is None or remaining_percent <= 0:
        return None
    lasts = remaining_percent / 100 * countable / burn_rate
    return None if until_reset is not None and lasts >= until_reset else lasts


def _expected_events(
    counts: WindowCounts, period: Period | None, timeslice: Timeslice | None, countable: float
) -> tuple[float, bool]:
    """Return the events (or slices) in the time that counts, and whether that is a forecast."""
    if timeslice is not None:
        return max(countable / timeslice.seconds, counts.events), False
    if period is None:
        return counts.events, False
    basis = _past(period) or counts
    if basis.known_seconds <= 0:
        return counts.events, True
    return max(counts.events, basis.events / basis.known_seconds * countable), True


def _judged_from(counts: WindowCounts, period: Period | None, timeslice: Timeslice | None) -> float:
    """Return the known seconds it takes to judge a window: 5 % of a rolling one, of what has passed of a period.

    A period of events without a past has nothing to forecast from until 5 % of itself are known.
    """
    judged = counts.seconds - counts.excluded_seconds
    if period is not None and timeslice is None and _past(period) is None:
        judged = period.interval.seconds - counts.excluded_seconds
    return TOO_EARLY_COVERAGE * judged


def _past(period: Period) -> WindowCounts | None:
    """The period before, if it tells how many events to expect: enough of it is known, and it had some."""
    before = period.previous
    return before if before is not None and before.coverage >= TOO_EARLY_COVERAGE and before.events > 0 else None


def burn_rate(counts: WindowCounts, objective: Objective) -> float | None:
    """Return how many times faster than sustainable the budget burns: error ratio ÷ (1 − target).

    Of a budget of time the error ratio is bad ÷ known slices (semantics B3). None without an event in the window: no
    traffic is neither good nor bad.
    """
    return counts.bad / counts.events / float(objective.error_ratio) if counts.events > 0 else None
