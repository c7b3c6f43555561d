"""Since when an SLO burns, from the slices of its row: what alert rules need to know beyond sums (semantics A3, S7)."""

from typing import Final

import numpy as np

from backstop.domain.low_traffic import COUNT_TOLERANCE, all_bad_seconds
from backstop.domain.ring import Floats, Mask
from backstop.domain.slo import SLO
from backstop.engine.tracked import Tracked

Counts = float | Floats  # of one slice, or of many

LOOK_BACK_SECONDS: Final = 6 * 3600.0  # as far as every minute is known
CALM_SLICES: Final = 5  # so many slices in a row within the objective end what goes on


def burns(slo: SLO, *, bad: Counts, events: Counts) -> bool | Mask:
    """Tell of one slice, or of many at once, whether budget burns faster in it than it may."""
    return bad > float(slo.objective.error_ratio) * events + COUNT_TOLERANCE


def all_bad_for(tracked: Tracked, row: int, *, at: float, seconds: float) -> float:
    """Return for how long bad events have come to a row and no good one, as far as `seconds` back (semantics A3)."""
    boundaries, good, bad, unknown = _slices(tracked, row, at=at, seconds=seconds)
    return all_bad_seconds(boundaries, good, bad, unknown)


def bad_since(tracked: Tracked, row: int, *, at: float) -> float | None:
    """Return the end of the first bad slice of what goes on now, unix seconds; None while nothing does.

    A slice is bad in which the budget burns faster than it may: its error ratio is above the objective's. Silence and
    unknown time neither begin nor end what goes on.
    """
    boundaries, good, bad, _ = _slices(tracked, row, at=at, seconds=LOOK_BACK_SECONDS)
    good, bad = np.diff(good), np.diff(bad)
    events = good + bad
    heard = events > COUNT_TOLERANCE
    is_bad = heard & burns(tracked.slo, bad=bad, events=events)
    first: int | None = None
    calm = 0
    for index in range(len(events) - 1, -1, -1):
        if is_bad[index]:
            first, calm = index, 0
        elif heard[index]:
            calm += 1
            if calm >= CALM_SLICES:
                break
    return None if first is None else float(boundaries[first + 1])


def _slices(tracked: Tracked, row: int, *, at: float, seconds: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return boundaries up to `at`, and the cumulative good and bad events and unknown seconds at each."""
    ledger = tracked.ledger
    if ledger is None:
        raise ValueError(f"SLO {tracked.slo.key} was never evaluated")
    step = tracked.slice_seconds
    boundaries = np.append(np.arange((at - seconds) // step * step, at, step), at)
    rows = np.array([row], dtype=np.intp)
    values = np.stack([ledger.cumulative(rows, float(each))[:, 0] for each in boundaries])
    return boundaries, values[:, 0], values[:, 1], values[:, 2]
