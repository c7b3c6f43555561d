"""Which instants have to be known exactly: where calendar periods begin, and the edges of exclusions (semantics K18).

They are marked while the ledger still holds the minutes around them. One that was asked for later lies within a coarse
slice, and what was counted up to it is read from the source again.
"""

from collections.abc import Iterator

from backstop.domain.slo import CalendarWindow
from backstop.engine.rows import place_of
from backstop.engine.tracked import Tracked


def look_for_marks(tracked: Tracked, *, at: float) -> bool:
    """Mark what can be marked at source time `at`; True when other instants have to be read from the source."""
    needed = frozenset(instants(tracked, at))
    if not (needed or tracked.marked or tracked.wanted_marks or tracked.lost_marks):
        return False
    ledger, whole = place_of(tracked)
    for instant in needed - tracked.marked - tracked.lost_marks:
        if all(ledger.mark(row, instant, grain=tracked.slice_seconds) for row in tracked.rows):
            tracked.marked |= {instant}
        elif ledger.boundary_below(whole, instant) is not None:
            tracked.wanted_marks |= {instant}
    for instant in tracked.marked - needed:
        for row in tracked.rows:
            ledger.forget_mark(row, instant)
    tracked.marked &= needed
    tracked.wanted_marks &= needed
    tracked.lost_marks &= needed
    return bool(tracked.wanted_marks)


def instants(tracked: Tracked, at: float) -> Iterator[float]:
    """Yield the instants up to `at` at which windows or exclusions of an SLO begin or end.

    Where an exclusion is cut, by the present or by the oldest time that any window asks for, it does not end.
    """
    for window in tracked.slo.windows:
        if isinstance(window, CalendarWindow):
            period = window.periods.period_at(at)
            yield period.start
            yield window.periods.previous(period).start
    horizon = at - tracked.history_seconds()
    for exclusion in tracked.exclusions:
        yield from (edge for edge in (exclusion.start, exclusion.end) if horizon < edge < at)
