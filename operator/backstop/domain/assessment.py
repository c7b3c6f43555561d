"""Everything that one evaluation found out about one SLO."""

from collections.abc import Mapping
from dataclasses import dataclass

from backstop.domain.budget import Budget
from backstop.domain.health import Health
from backstop.domain.slo import SLO
from backstop.domain.verdict import DataStatus, Verdict


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
    history_start: float  # unix seconds; before it the ledger holds nothing
    scrape_interval_seconds: float
    clock_skew_seconds: float  # source clock minus local clock
