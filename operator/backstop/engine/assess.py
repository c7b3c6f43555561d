"""From the ledger to assessments: all windows of many SLOs at once."""

from collections.abc import Mapping, Sequence

import numpy as np

from backstop.domain.assessment import Assessment
from backstop.domain.budget import Budget, WindowCounts, budget, burn_rate
from backstop.domain.duration import parse_duration
from backstop.domain.ledger import Counts, Ledger
from backstop.domain.verdict import judge_budget
from backstop.engine.tracked import Tracked
from backstop.vocabulary import BURN_WINDOWS

_BURN_SECONDS: Mapping[str, float] = {name: parse_duration(name) for name in BURN_WINDOWS}


def assess(tracked: Sequence[Tracked], ledger: Ledger, *, at: float, clock_skew_seconds: float) -> list[Assessment]:
    """Return the assessment of each SLO at source time `at`. Every one has a row in `ledger` and a data status."""
    rows = np.array([t.row for t in tracked], dtype=np.intp)
    lengths = {seconds for t in tracked for seconds in (w.seconds for w in t.slo.windows)}
    counts = ledger.windows(rows, lengths=lengths.union(_BURN_SECONDS.values()), end=at)
    return [_one(t, index, counts, ledger, at, clock_skew_seconds) for index, t in enumerate(tracked)]


def _one(
    tracked: Tracked, index: int, counts: Mapping[float, Counts], ledger: Ledger, at: float, clock_skew_seconds: float
) -> Assessment:
    slo = tracked.slo
    if tracked.row is None or tracked.data is None:
        raise ValueError(f"SLO {slo.key} was never evaluated")

    def of(name: str, seconds: float) -> WindowCounts:
        window = counts[seconds]
        return WindowCounts(
            name=name,
            seconds=seconds,
            good=float(window.good[index]),
            bad=float(window.bad[index]),
            unknown_seconds=float(window.unknown_seconds[index]),
        )

    burn = {name: burn_rate(of(name, seconds), slo.objective) for name, seconds in _BURN_SECONDS.items()}
    budgets: tuple[Budget, ...] = tuple(
        budget(
            of(window.name, window.seconds),
            slo.objective,
            no_traffic=slo.evaluation.no_traffic,
            burn_rate=burn["1h"],
        )
        for window in slo.windows
    )
    return Assessment(
        slo=slo,
        at=at,
        budgets=budgets,
        burn_rates={name: rate for name, rate in burn.items() if rate is not None},
        data=tracked.data,
        verdict=judge_budget(budgets, tracked.data, tracked.witness),
        witness=tracked.witness,
        history_start=float(ledger.oldest(tracked.row)),
        scrape_interval_seconds=tracked.scrape_seconds,
        clock_skew_seconds=clock_skew_seconds,
    )
