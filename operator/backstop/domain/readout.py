"""What the ledger says of stretches of time, for many rows at once, less what is excluded (semantics B2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backstop.domain.interval import Interval, clip
from backstop.domain.ledger import Ledger
from backstop.domain.ring import Floats, Rows


@dataclass(frozen=True, slots=True)
class Stretch:
    """Counts of one stretch of time, one value per row; what is excluded is in none of them but its own."""

    seconds: float
    excluded_seconds: float
    good: Floats
    bad: Floats
    unknown_seconds: Floats


class Readout:
    """Reads rows that share their exclusions, each instant and each stretch once however many windows ask for it.

    What is kept is added up, and not what is excluded subtracted: a window whose events all lie in an exclusion has
    none at all, where a difference of large sums would leave their rounding.
    """

    def __init__(self, ledger: Ledger, rows: Rows, exclusions: Sequence[Interval] = ()) -> None:
        """`exclusions` are merged and in order of time."""
        self.begin = ledger.begin
        self._ledger = ledger
        self._rows = rows
        self._exclusions = tuple(exclusions)
        self._instants: dict[float, Floats] = {}
        self._pieces: dict[tuple[float, float], Floats] = {}
        self._stretches: dict[tuple[float, float], Stretch] = {}

    def between(self, start: float, end: float) -> Stretch:
        """Return the counts from `start` to `end`, unix seconds."""
        found = self._stretches.get((start, end))
        if found is None:
            found = self._stretches[start, end] = self._read(start, end)
        return found

    def _read(self, start: float, end: float) -> Stretch:
        kept = list(self._kept(start, end))
        excluded = end - start - sum(last - first for first, last in kept)
        counts = self._piece(*kept[0]) if kept else np.zeros((3, len(self._rows)))
        for first, last in kept[1:]:
            counts = counts + self._piece(first, last)
        return Stretch(end - start, excluded, *counts)

    def _kept(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """Yield what lies between the exclusions, in order of time."""
        for exclusion in clip(self._exclusions, start, end):
            if start < exclusion.start:
                yield start, exclusion.start
            start = exclusion.end
        if start < end:
            yield start, end

    def _piece(self, first: float, last: float) -> Floats:
        """What was counted from one exclusion to the next; most windows share it."""
        counts = self._pieces.get((first, last))
        if counts is None:
            counts = np.maximum(self._at(last) - self._at(first), 0.0)
            np.minimum(counts[2], last - first, out=counts[2])
            self._pieces[first, last] = counts
        return counts

    def _at(self, instant: float) -> Floats:
        values = self._instants.get(instant)
        if values is None:
            values = self._instants[instant] = self._ledger.cumulative(self._rows, instant)
        return values
