"""The ledger: cumulative good, bad and unknown per SLO, from which every window is a difference of two columns.

Rows are SLOs, columns are boundaries of slices. A tier keeps one ring of columns: minutes for six hours, quarters of
an hour for three days, hours for 35 days, and four-hour slices for a year where a row needs them. All tiers sample the
same cumulative function, so they share one origin and a window may begin in one tier and end in another. The origin
is arbitrary: appending adds to the newest column, prepending (backfill) subtracts from the oldest.

After the newest sealed boundary there is the head: what was read since, provisional and replaced at every evaluation.
Times are whole unix seconds of the source's clock. All of this is arithmetic: no clock, no I/O.
"""

import math
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Tier:
    """A ring of `slots` columns, `step` seconds apart."""

    step: int
    slots: int

    @property
    def span(self) -> int:
        """Seconds between the oldest and the newest column of a full ring."""
        return self.step * (self.slots - 1)


MINUTES: Final = Tier(step=60, slots=6 * 60 + 1)
QUARTERS: Final = Tier(step=900, slots=3 * 96 + 1)
HOURS: Final = Tier(step=3600, slots=35 * 24 + 1)
FOUR_HOURS: Final = Tier(step=14_400, slots=367 * 6 + 1)
STANDARD_TIERS: Final = (MINUTES, QUARTERS, HOURS)
LONG_TIERS: Final = (*STANDARD_TIERS, FOUR_HOURS)  # for windows beyond 35 days

_EMPTY_OLDEST: Final = np.iinfo(np.int64).max
_EMPTY_NEWEST: Final = np.iinfo(np.int64).min
_FIRST_CAPACITY: Final = 64


@dataclass(frozen=True, slots=True)
class Counts:
    """Good and bad events and unknown seconds of one window, one value per asked row."""

    good: Floats
    bad: Floats
    unknown_seconds: Floats


def _zeros(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> npt.NDArray[Any]:
    """Return zeros on pages of their own, which take memory when they are written and give all of it back.

    From the heap, arrays that grow leave holes: 10,000 rows took a third more resident memory.
    """
    size = math.prod(shape)
    pages = mmap.mmap(-1, size * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype=dtype, count=size).reshape(shape)


class _Ring:
    """The columns of one tier, for all rows."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.good = np.zeros((0, tier.slots))
        self.bad = np.zeros((0, tier.slots))
        self.unknown = np.zeros((0, tier.slots), dtype=np.int32)
        self.oldest = np.zeros(0, dtype=np.int64)
        self.newest = np.zeros(0, dtype=np.int64)

    def resize(self, capacity: int) -> None:
        for name in ("good", "bad", "unknown", "oldest", "newest"):
            old = getattr(self, name)
            new = _zeros((capacity, *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def clear(self, row: int) -> None:
        self.oldest[row] = _EMPTY_OLDEST
        self.newest[row] = _EMPTY_NEWEST

    def put(self, row: int, boundary: int, good: float, bad: float, unknown: float) -> None:
        """Write a column next to the present ones; a full ring gives up its oldest, or refuses one older than that."""
        step = self.tier.step
        if boundary > self.newest[row]:
            self.newest[row] = boundary
            self.oldest[row] = max(min(int(self.oldest[row]), boundary), boundary - self.tier.span)
        elif boundary < self.oldest[row]:
            if self.newest[row] - boundary > self.tier.span:
                return
            self.oldest[row] = boundary
        slot = (boundary // step) % self.tier.slots
        self.good[row, slot] = good
        self.bad[row, slot] = bad
        self.unknown[row, slot] = unknown

    def column(self, row: int, boundary: int) -> tuple[float, float, float]:
        slot = (boundary // self.tier.step) % self.tier.slots
        return float(self.good[row, slot]), float(self.bad[row, slot]), float(self.unknown[row, slot])

    def covers(self, rows: Rows, at: float) -> Mask:
        """Tell which rows have a column on both sides of an instant."""
        below = int(at // self.tier.step) * self.tier.step
        return (self.oldest[rows] <= below) & (self.newest[rows] >= below + self.tier.step)

    def between(self, rows: Rows, at: float) -> Floats:
        """Return the cumulative values (three by rows) at an instant that the rows cover."""
        step, slots = self.tier.step, self.tier.slots
        below = int(at // step)
        low, high = below % slots, (below + 1) % slots
        share = (at - below * step) / step
        values = np.empty((3, len(rows)))
        for index, columns in enumerate(self._arrays()):  # both ends at once: they share a cache line
            left = columns[rows, low]
            values[index] = left + (columns[rows, high] - left) * share
        return values

    def columns(self, rows: Rows, boundaries: npt.NDArray[np.int64]) -> Floats:
        """Return the cumulative values (three by rows) at one boundary per row."""
        slots = (boundaries // self.tier.step) % self.tier.slots
        return np.stack([columns[rows, slots] for columns in self._arrays()])

    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return self.good, self.bad, self.unknown


class Ledger:
    """Rows of cumulative columns. Row numbers are reused after `remove`."""

    def __init__(self, tiers: Sequence[Tier] = STANDARD_TIERS) -> None:
        self.tiers = tuple(tiers)
        self._rings = tuple(_Ring(tier) for tier in tiers)
        self._free: list[int] = []
        self._capacity = 0
        self._head_good = np.zeros(0)
        self._head_bad = np.zeros(0)
        self._head_unknown = np.zeros(0)
        self._head_end = np.zeros(0)

    def __len__(self) -> int:
        return self._capacity - len(self._free)

    @property
    def span(self) -> int:
        """The longest time back that the coarsest tier can answer for, in seconds."""
        return self.tiers[-1].span

    def bytes_per_row(self) -> int:
        """Memory of one row in its arrays."""
        return sum(tier.slots * (8 + 8 + 4) for tier in self.tiers)

    def add(self, anchor: int) -> int:
        """Return a new row whose history begins and ends at `anchor`, a multiple of 60 s."""
        if anchor % MINUTE:
            raise ValueError(f"anchor {anchor} is not a minute boundary")
        if not self._free:
            self._grow()
        row = self._free.pop()
        for ring in self._rings:
            ring.clear(row)
        self._put(row, anchor, 0.0, 0.0, 0.0)
        self.clear_head(row)
        return row

    def remove(self, row: int) -> None:
        """Forget a row; its number may come back for another SLO."""
        self._free.append(row)

    def newest(self, row: int) -> int:
        """The newest sealed boundary of a row, unix seconds."""
        return int(self._rings[0].newest[row])

    def oldest(self, row: int) -> int:
        """The oldest boundary of a row in any tier: before it nothing is known."""
        return min(int(ring.oldest[row]) for ring in self._rings)

    def append(self, row: int, *, good: float, bad: float, unknown_seconds: float) -> None:
        """Seal the minute after the newest boundary. The head, which began there, is forgotten."""
        ring = self._rings[0]
        newest = int(ring.newest[row])
        g, b, u = ring.column(row, newest)
        self._put(row, newest + MINUTE, g + good, b + bad, u + unknown_seconds)
        self.clear_head(row)

    def prepend(self, row: int, *, step: int, good: float, bad: float, unknown_seconds: float) -> None:
        """Put a slice of `step` seconds (one of the tiers') before the oldest boundary of that tier.

        A tier coarser than minutes must hold a boundary already: backfill goes from the finest tier to the coarsest.
        """
        index = next(i for i, tier in enumerate(self.tiers) if tier.step == step)
        ring = self._rings[index]
        oldest = int(ring.oldest[row])
        if oldest == _EMPTY_OLDEST:
            raise ValueError(f"no boundary of the {step} s tier yet: prepend finer slices first")
        g, b, u = ring.column(row, oldest)
        self._put(row, oldest - step, g - good, b - bad, u - unknown_seconds, finest=index)

    def oldest_of(self, row: int, step: int) -> int | None:
        """The oldest boundary of the tier with that step, None while it has none."""
        ring = next(ring for ring in self._rings if ring.tier.step == step)
        oldest = int(ring.oldest[row])
        return None if oldest == _EMPTY_OLDEST else oldest

    def set_head(self, row: int, *, end: float, good: float, bad: float, unknown_seconds: float) -> None:
        """Replace what is provisionally known after the newest boundary, up to `end`."""
        self._head_good[row], self._head_bad[row] = good, bad
        self._head_unknown[row], self._head_end[row] = unknown_seconds, end

    def clear_head(self, row: int) -> None:
        """Forget the head: the time after the newest boundary is unknown until it is read again."""
        self.set_head(row, end=float(self.newest(row)), good=0.0, bad=0.0, unknown_seconds=0.0)

    def window(self, rows: Rows, *, start: float, end: float) -> Counts:
        """Return the counts between two instants for many rows at once; time that no column covers is unknown.

        Inside a slice events are taken as spread evenly.
        """
        return self.windows(rows, lengths=(end - start,), end=end)[end - start]

    def windows(self, rows: Rows, *, lengths: Iterable[float], end: float) -> dict[float, Counts]:
        """Return the counts of windows of these lengths in seconds, all of which end at `end`."""
        last = self._cumulative(rows, end)
        counts = {}
        for length in lengths:
            good, bad, unknown = last - self._cumulative(rows, end - length)
            counts[length] = Counts(good, bad, np.clip(unknown, 0.0, length))
        return counts

    def _grow(self) -> None:
        capacity = max(_FIRST_CAPACITY, self._capacity + self._capacity // 2)
        for ring in self._rings:
            ring.resize(capacity)
        for name in ("_head_good", "_head_bad", "_head_unknown", "_head_end"):
            grown = np.zeros(capacity)
            grown[: self._capacity] = getattr(self, name)
            setattr(self, name, grown)
        self._free.extend(range(capacity - 1, self._capacity - 1, -1))
        self._capacity = capacity

    def _put(self, row: int, boundary: int, good: float, bad: float, unknown: float, *, finest: int = 0) -> None:
        """Write a column into every tier, from `finest` on, that has this boundary."""
        for ring in self._rings[finest:]:
            if boundary % ring.tier.step == 0:
                ring.put(row, boundary, good, bad, unknown)

    def _cumulative(self, rows: Rows, at: float) -> Floats:
        """Return cumulative good, bad and unknown seconds (three by rows) at one instant."""
        values = np.empty((3, len(rows)))
        left = np.arange(len(rows))  # positions that nothing has answered yet
        for ring in self._rings:
            covered = ring.covers(rows[left], at)
            if covered.all() and len(left) == len(rows):
                return ring.between(rows, at)  # as usual: only young rows are answered in parts
            values[:, left[covered]] = ring.between(rows[left[covered]], at)
            left = left[~covered]
        sealed = at < self._rings[0].newest[rows[left]]
        values[:, left[sealed]] = self._before_history(rows[left[sealed]], at)
        values[:, left[~sealed]] = self._in_head(rows[left[~sealed]], at)
        return values

    def _before_history(self, rows: Rows, at: float) -> Floats:
        """The values before the oldest boundary, back to which nothing is known.

        The same holds for the short stretch before a coarse tier's first boundary after the fine one has rolled on.
        """
        oldest = np.stack([ring.oldest[rows] for ring in self._rings])
        oldest[oldest <= at] = _EMPTY_OLDEST
        nearest = oldest.argmin(axis=0)
        values = np.empty((3, len(rows)))
        for index, ring in enumerate(self._rings):
            here = nearest == index
            boundaries = oldest[index, here]
            values[:, here] = ring.columns(rows[here], boundaries)
            values[2, here] -= boundaries - at
        return values

    def _in_head(self, rows: Rows, at: float) -> Floats:
        """The values after the newest boundary: events of the head are spread evenly, what is later is unknown."""
        newest = self._rings[0].newest[rows]
        end = self._head_end[rows]
        length = end - newest
        share = np.zeros(len(rows))
        np.divide(at - newest, length, out=share, where=length > 0)
        share = np.minimum(share, 1.0)
        values = self._rings[0].columns(rows, newest)
        values += np.stack([self._head_good[rows], self._head_bad[rows], self._head_unknown[rows]]) * share
        values[2] += np.maximum(at - np.maximum(end, newest), 0.0)
        return values
