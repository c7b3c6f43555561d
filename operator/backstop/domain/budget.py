"""Error budgets, burn rates and the state they add up to. Pure arithmetic on the counts of a window.

Source of the formulas: Google SRE Workbook, "Implementing SLOs" and "Alerting on SLOs".
Worked examples: docs/explanation/error-budget.md, executed by a test.
"""

from dataclasses import dataclass
from typing import Final

from backstop.domain.slo import NoTraffic, Objective

TOO_EARLY_COVERAGE: Final = 0.05  # semantics B1: under 5 % known time a budget is not judged
AT_RISK_PERCENT: Final = 25.0  # semantics B7


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """What the ledger knows of one window."""

    name: str
    seconds: float
    good: float
    bad: float
    unknown_seconds: float

    @property
    def coverage(self) -> float:
        """Known time ÷ window length, 0 to 1."""
        return max(0.0, min(1.0, 1.0 - self.unknown_seconds / self.seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The error budget of one window; percentages from 0 to 100, remaining may be negative.

    `sli_percent` is None without an event (unless noTraffic is Good): the budget of such a window is untouched.
    """

    counts: WindowCounts
    sli_percent: float | None
    consumed_percent: float | None
    remaining_percent: float | None
    exhausts_in_seconds: float | None  # None: not at the present burn rate, or unknown

    @property
    def too_early(self) -> bool:
        """True while too little of the window is known to judge its budget (semantics B1)."""
        return self.counts.coverage < TOO_EARLY_COVERAGE


def budget(
    counts: WindowCounts, objective: Objective, *, no_traffic: NoTraffic, burn_rate: float | None = None
) -> Budget:
    """Return the budget of an Occurrences window.

    Total budget = events × (1 − target); consumed = bad ÷ total budget. `burn_rate` is that of a recent window (1 h):
    while it is above 1 and budget is left, the rest lasts `remaining × window ÷ burn rate`.
    """
    events = counts.good + counts.bad
    if events <= 0:
        known = counts.coverage > 0
        return Budget(
            counts=counts,
            sli_percent=100.0 if known and no_traffic is NoTraffic.GOOD else None,
            consumed_percent=0.0 if known else None,
            remaining_percent=100.0 if known else None,
            exhausts_in_seconds=None,
        )
    error_ratio = counts.bad / events
    consumed = error_ratio / float(objective.error_ratio) * 100
    remaining = 100.0 - consumed
    exhausts_in = None
    if burn_rate is not None and burn_rate > 1 and remaining > 0:
        exhausts_in = remaining / 100 * counts.seconds / burn_rate
    return Budget(
        counts=counts,
        sli_percent=(1 - error_ratio) * 100,
        consumed_percent=consumed,
        remaining_percent=remaining,
        exhausts_in_seconds=exhausts_in,
    )


def burn_rate(counts: WindowCounts, objective: Objective) -> float | None:
    """Return how many times faster than sustainable the budget burns: error ratio ÷ (1 − target).

    None without an event in the window: no traffic is neither good nor bad.
    """
    events = counts.good + counts.bad
    return counts.bad / events / float(objective.error_ratio) if events > 0 else None
