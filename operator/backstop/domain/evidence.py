"""Three-valued evidence: what one slice of time says about an SLO (semantics E2).

A slice is known (with good and bad events, possibly none) or unknown with a reason. Unknown is not bad and not good.
"""

import math
from dataclasses import dataclass
from typing import Final

from backstop.domain.slo import NoTraffic
from backstop.vocabulary import Reason

# Sums of the same floats in another order differ in their last bits; more than this is a contradiction.
RELATIVE_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Slice:
    """Evidence of one stretch of time. `reason` is None when the stretch is known."""

    good: float
    bad: float
    reason: Reason | None = None
    message: str = ""

    @property
    def known(self) -> bool:
        return self.reason is None

    @property
    def events(self) -> float:
        return self.good + self.bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the source said of one slice. None means: the answer held no such series.

    `part` are the good events if `part_is_good`, else the bad ones. `newest_age_seconds` is the age of the newest
    sample behind `total` at the end of the slice; None where the source cannot tell.
    """

    total: float | None
    part: float | None
    part_is_good: bool
    newest_age_seconds: float | None
    series_present: bool  # there are series behind `total`, even if none may be counted yet


def unknown(reason: Reason, message: str) -> Slice:
    """Return an unknown stretch."""
    return Slice(0.0, 0.0, reason, message)


def judge(reading: Reading, *, no_traffic: NoTraffic, stale_after_seconds: float, good_seen: bool) -> Slice:
    """Return what a slice says, by semantics E2.

    `good_seen` tells whether a good event was seen in the window before: only then a missing good series means none.
    """
    total, part = reading.total, reading.part
    if not reading.series_present and total is None:
        return unknown(Reason.NO_DATA, "the query for the total returned no series")
    age = reading.newest_age_seconds
    if age is not None and age > stale_after_seconds:
        return unknown(Reason.STALE, f"the newest sample is {age:.0f} s old, more than {stale_after_seconds:.0f} s")
    if total is None:
        return unknown(Reason.BASELINE, "counters are seen for the first time; counting starts with the next sample")
    for name, value in (("total", total), ("good" if reading.part_is_good else "bad", part)):
        if value is not None and math.isnan(value):
            return unknown(Reason.NOT_A_NUMBER, f"the query for {name} returned NaN")
        if value is not None and (math.isinf(value) or value < 0):
            return unknown(Reason.INCONSISTENT, f"the query for {name} returned {value}")
    if total == 0 and not part:
        if no_traffic is NoTraffic.UNKNOWN:
            return unknown(Reason.NO_TRAFFIC, "no event, and evaluation.noTraffic is Unknown")
        return Slice(0.0, 0.0)
    if part is None:
        if not reading.part_is_good:
            return Slice(total, 0.0)  # a series that never had an error does not exist
        if not good_seen:
            return unknown(Reason.GOOD_NEVER_SEEN, f"{total:g} events and no good series yet; check indicator good")
        return Slice(0.0, total)
    if part > total * (1 + RELATIVE_TOLERANCE):
        name = "good" if reading.part_is_good else "bad"
        return unknown(Reason.INCONSISTENT, f"{part:g} {name} events are more than the total of {total:g}")
    rest = max(total - part, 0.0)
    return Slice(part, rest) if reading.part_is_good else Slice(rest, part)
