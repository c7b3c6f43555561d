"""From the ledger to assessments: all windows of many SLOs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backstop.domain.assessment import Assessment, GroupAssessment, HistoryStatus
from backstop.domain.budget import Budget, Period, WindowCounts, budget, burn_rate
from backstop.domain.duration import parse_duration
from backstop.domain.interval import Interval
from backstop.domain.ledger import Ledger
from backstop.domain.readout import Readout
from backstop.domain.slo import CalendarWindow, Window
from backstop.domain.verdict import judge_budget
from backstop.engine.tracked import Tracked
from backstop.vocabulary import BURN_WINDOWS

_BURN_SECONDS: Mapping[str, float] = {name: parse_duration(name) for name in BURN_WINDOWS}


def assess(tracked: Sequence[Tracked], ledger: Ledger, *, at: float, clock_skew_seconds: float) -> list[Assessment]:
    """Return the assessment of each SLO at source time `at`. Every one has a row in `ledger` and a data status."""
    sharing: dict[tuple[Interval, ...], list[Tracked]] = {}
    for one in tracked:
        if one.row is None or one.data is None:
            raise ValueError(f"SLO {one.slo.key} was never evaluated")
        sharing.setdefault(one.exclusions, []).append(one)
    found: dict[int, Assessment] = {}
    for exclusions, group in sharing.items():
        readout = Readout(ledger, np.array([row for one in group for row in one.rows], dtype=np.intp), exclusions)
        index = 0
        for one in group:
            rows = [_Row(one, readout, index + n, at) for n in range(len(one.rows))]
            found[id(one)] = _one(one, ledger, rows, clock_skew_seconds)
            index += len(rows)
    return [found[id(one)] for one in tracked]


@dataclass(frozen=True, slots=True)
class _Row:
    """The view of one ledger row: of an SLO, or of one of its groups."""

    tracked: Tracked
    readout: Readout
    index: int  # of the row in the readout
    at: float

    def rolling(self, name: str, seconds: float) -> WindowCounts:
        """Count the last `seconds`. Events lie in slices that a window takes whole; time is cut where it ends."""
        by_events = self.tracked.slo.timeslice is None
        start = self.readout.begin(self.at, seconds) if by_events else self.at - seconds
        return self.between(name, start, self.at)

    def between(self, name: str, start: float, end: float) -> WindowCounts:
        stretch = self.readout.between(start, end)
        return WindowCounts(
            name=name,
            seconds=stretch.seconds,
            good=float(stretch.good[self.index]),
            bad=float(stretch.bad[self.index]),
            unknown_seconds=float(stretch.unknown_seconds[self.index]),
            excluded_seconds=stretch.excluded_seconds,
        )

    def budgets(self, burn: float | None) -> tuple[Budget, ...]:
        return tuple(self._budget(window, burn) for window in self.tracked.slo.windows)

    def _budget(self, window: Window, burn: float | None) -> Budget:
        slo, period = self.tracked.slo, None
        if isinstance(window, CalendarWindow):
            interval = window.periods.period_at(self.at)
            counts = self.between(window.name, interval.start, self.at)
            before = window.periods.previous(interval)
            period = Period(interval=interval, previous=self.between(window.name, before.start, before.end))
        else:
            counts = self.rolling(window.name, window.seconds)
        return budget(
            counts,
            slo.objective,
            no_traffic=slo.evaluation.no_traffic,
            timeslice=slo.timeslice,
            period=period,
            burn_rate=burn,
        )

    def burn_rates(self) -> dict[str, float]:
        rates = {
            name: burn_rate(self.rolling(name, seconds), self.tracked.slo.objective)
            for name, seconds in _BURN_SECONDS.items()
            if self._is_long_enough(seconds)
        }
        return {name: rate for name, rate in rates.items() if rate is not None}

    def rule_counts(self) -> dict[float, WindowCounts]:
        return {seconds: self.rolling("", seconds) for seconds in self.tracked.rule_windows}

    def _is_long_enough(self, seconds: float) -> bool:
        """A burn rate of time needs five slices (semantics B3)."""
        timeslice = self.tracked.slo.timeslice
        return timeslice is None or seconds >= 5 * timeslice.seconds


def _one(tracked: Tracked, ledger: Ledger, rows: Sequence[_Row], clock_skew_seconds: float) -> Assessment:
    slo, whole = tracked.slo, rows[0]
    if tracked.data is None:
        raise ValueError(f"SLO {slo.key} was never evaluated")
    burn = whole.burn_rates()
    budgets = whole.budgets(burn.get("1h"))
    return Assessment(
        slo=slo,
        at=whole.at,
        budgets=budgets,
        burn_rates=burn,
        data=tracked.data,
        verdict=judge_budget(budgets, tracked.data, tracked.witness, burning=tracked.burning),
        witness=tracked.witness,
        groups=_groups(tracked, rows[1:]),
        history=_history(tracked, ledger),
        scrape_interval_seconds=tracked.traits.scrape_seconds,
        clock_skew_seconds=clock_skew_seconds,
        changed_at=tracked.changed_at,
        rule_counts=whole.rule_counts(),
    )


def _groups(tracked: Tracked, rows: Sequence[_Row]) -> tuple[GroupAssessment, ...]:
    """Return the groups, the worst first; those with too few events to tell come last (semantics B5)."""
    groups = []
    for key, row in zip(tracked.groups, rows, strict=True):
        burn = row.burn_rates()
        budgets = row.budgets(burn.get("1h"))
        if tracked.data is None or budgets[0].counts.events <= 0:
            continue  # it belongs to another time, or has not begun
        verdict = judge_budget(budgets, tracked.data)
        labels = dict(zip(tracked.slo.group_by, key, strict=True))
        groups.append(
            GroupAssessment(
                labels=labels,
                budgets=budgets,
                burn_rates=burn,
                verdict=verdict,
                rule_counts=row.rule_counts(),
            )
        )
    least = tracked.slo.evaluation.minimum_events
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                group.budgets[0].counts.events < least,
                group.budgets[0].remaining_percent or 0.0,
                tuple(group.labels.values()),
            ),
        )
    )


def _history(tracked: Tracked, ledger: Ledger) -> HistoryStatus:
    return HistoryStatus(
        start=float(ledger.oldest(tracked.rows[0])),
        known_from=tracked.known_from,
        complete=tracked.history_read,
        lost_edges=tuple(sorted(tracked.lost_marks)),
    )
