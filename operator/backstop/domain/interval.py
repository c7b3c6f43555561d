"""Stretches of time, and what sets of them need: union, cut, length. All times are unix seconds."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Time from `start` (included) to `end` (excluded), in unix seconds. Start and end equal: no time at all."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not -math.inf < self.start <= self.end < math.inf:  # NaN fails too
            raise ValueError(f"an interval runs from a finite start to an end not before it, not {self}")

    def __contains__(self, at: float) -> bool:
        return self.start <= at < self.end

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the union: sorted, disjoint, not touching, none empty."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            if interval.end > merged[-1].end:
                merged[-1] = Interval(merged[-1].start, interval.end)
        elif interval.start < interval.end:
            merged.append(interval)
    return tuple(merged)


def clip(intervals: Iterable[Interval], start: float, end: float) -> tuple[Interval, ...]:
    """Return what lies from `start` to `end`, in the order given; intervals without time in there are left out."""
    return tuple(
        Interval(max(interval.start, start), min(interval.end, end))
        for interval in intervals
        if max(interval.start, start) < min(interval.end, end)
    )


def total_seconds(intervals: Iterable[Interval]) -> float:
    """Return the time that the intervals cover together; where they overlap it counts once."""
    return math.fsum(interval.seconds for interval in merge(intervals))
