"""What came after its slice was sealed is not counted in any budget. That there was some is found out by samples.

Reading every slice twice would double what a source has to read. One slice in half an hour, read again when it is some
slices old, tells whether `ingestionDelay` is too short, and about how many events are missed (semantics K19).
"""

from typing import Final

import numpy as np

from backstop.domain.evidence import Slice
from backstop.domain.ledger import MINUTE
from backstop.engine.rows import place_of
from backstop.engine.tracked import Tracked

SLICES_BACK: Final = 5
_ROUNDING: Final = 1e-3  # of events: the ledger adds up floats


def slice_to_read_again(tracked: Tracked) -> int | None:
    """Return the end of a slice that was sealed while it was new; None while there is none."""
    if tracked.row is None or tracked.ledger is None or tracked.catching_up:
        return None
    step = tracked.slice_seconds
    end = tracked.ledger.newest(tracked.row) - SLICES_BACK * step
    oldest = tracked.ledger.oldest_of(tracked.row, MINUTE)
    first = max(tracked.anchor, tracked.caught_up_to)
    return end if oldest is not None and max(first, oldest) <= end - step else None


def late_events(tracked: Tracked, end: int, counted: Slice) -> float:
    """Return how many good and bad events a slice has beyond those it was sealed with; 0 where it is not known again.

    Of a budget of time the slice is the event: it is one if it would be judged otherwise now.
    """
    if not counted.known:
        return 0.0
    ledger, row = place_of(tracked)
    sealed = ledger.window(np.array([row]), start=float(end - tracked.slice_seconds), end=float(end))
    late = max(counted.good - float(sealed.good[0]), 0.0) + max(counted.bad - float(sealed.bad[0]), 0.0)
    return late if late > _ROUNDING else 0.0
