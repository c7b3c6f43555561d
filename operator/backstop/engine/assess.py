"""From the ledger to assessments: all windows of many SLOs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backstop.domain.assessment import Assessment, GroupAssessment, HistoryStatus
from backstop.domain.budget import Budget, Period, WindowCounts, budget, burn_rate
from backstop.domain.duration import parse_duration
from backstop.domain.interval import clip
from backstop.domain.ledger import Counts, Ledger
from backstop.domain.slo import CalendarWindow, RollingWindow, Window
from backstop.domain.verdict import judge_budget
from backstop.engine.tracked import Tracked
from backstop.vocabulary import BURN_WINDOWS

_BURN_SECONDS: Mapping[str, float] = {name: parse_duration(name) for name in BURN_WINDOWS}


def assess(tracked: Sequence[Tracked], ledger: Ledger, *, at: float, clock_skew_seconds: float) -> list[Assessment]:
    """Return the assessment of each SLO at source time `at`. Every one has a row in `ledger` and a data status."""
    rows = np.array([row for t in tracked for row in t.rows], dtype=np.intp)
    rolling = {w.seconds for t in tracked for w in t.slo.windows if isinstance(w, RollingWindow)}
    counts = ledger.windows(rows, lengths=rolling.union(_BURN_SECONDS.values()), end=at)
    assessments, index = [], 0
    for one in tracked:
        if one.row is None or one.data is None:
            raise ValueError(f"SLO {one.slo.key} was never evaluated")
        views = [_Row(one, row, index + n, counts, ledger, at) for n, row in enumerate(one.rows)]
        index += len(views)
        assessments.append(_one(one, views, clock_skew_seconds))
    return assessments


def counts_over(tracked: Tracked, *, seconds: float, at: float) -> WindowCounts:
    """Return the counts of the last `seconds` of an SLO: any short or long window that a rule may ask for."""
    if tracked.row is None or tracked.ledger is None:
        raise ValueError(f"SLO {tracked.slo.key} was never evaluated")
    return _Row(tracked, tracked.row, 0, {}, tracked.ledger, at).between("", at - seconds, at)


@dataclass(frozen=True, slots=True)
class _Row:
    """The view of one ledger row: of an SLO, or of one of its groups."""

    tracked: Tracked
    row: int
    index: int  # of the row in `counts`
    counts: Mapping[float, Counts]
    ledger: Ledger
    at: float

    def rolling(self, name: str, seconds: float) -> WindowCounts:
        if self.tracked.exclusions:
            return self.between(name, self.at - seconds, self.at)
        window = self.counts[seconds]
        return WindowCounts(
            name=name,
            seconds=seconds,
            good=float(window.good[self.index]),
            bad=float(window.bad[self.index]),
            unknown_seconds=float(window.unknown_seconds[self.index]),
        )

    def between(self, name: str, start: float, end: float) -> WindowCounts:
        """Return the counts of a stretch, less those of the exclusions in it (semantics B2)."""
        good, bad, unknown = self._plain(start, end)
        excluded = 0.0
        for exclusion in clip(self.tracked.exclusions, start, end):
            less = self._plain(exclusion.start, exclusion.end)
            good, bad, unknown = good - less[0], bad - less[1], unknown - less[2]
            excluded += exclusion.seconds
        return WindowCounts(
            name=name,
            seconds=end - start,
            good=max(good, 0.0),
            bad=max(bad, 0.0),
            unknown_seconds=max(unknown, 0.0),
            excluded_seconds=excluded,
        )

    def _plain(self, start: float, end: float) -> tuple[float, float, float]:
        counts = self.ledger.window(np.array([self.row], dtype=np.intp), start=start, end=end)
        return float(counts.good[0]), float(counts.bad[0]), float(counts.unknown_seconds[0])

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

    def _is_long_enough(self, seconds: float) -> bool:
        """A burn rate of time needs five slices (semantics B3)."""
        timeslice = self.tracked.slo.timeslice
        return timeslice is None or seconds >= 5 * timeslice.seconds


def _one(tracked: Tracked, rows: Sequence[_Row], clock_skew_seconds: float) -> Assessment:
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
        verdict=judge_budget(budgets, tracked.data, tracked.witness),
        witness=tracked.witness,
        groups=_groups(tracked, rows[1:]),
        history=_history(tracked, whole),
        scrape_interval_seconds=tracked.traits.scrape_seconds,
        clock_skew_seconds=clock_skew_seconds,
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
        groups.append(GroupAssessment(labels=labels, budgets=budgets, burn_rates=burn, verdict=verdict))
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


def _history(tracked: Tracked, whole: _Row) -> HistoryStatus:
    return HistoryStatus(
        start=float(whole.ledger.oldest(whole.row)),
        known_from=tracked.known_from,
        complete=tracked.history_read,
        lost_edges=tuple(sorted(tracked.lost_marks)),
    )
