"""One tier of the ledger: a ring of cumulative columns, for all rows."""

import math
import mmap
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

EMPTY_OLDEST: Final = np.iinfo(np.int64).max
EMPTY_NEWEST: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Tier:
    """A ring of `slots` columns, `step` seconds apart."""

    step: int
    slots: int

    @property
    def span(self) -> int:
        """Seconds between the oldest and the newest column of a full ring."""
        return self.step * (self.slots - 1)


@dataclass(frozen=True, slots=True)
class TierState:
    """The columns of one row in one tier, from the oldest boundary to the newest; empty arrays where it has none."""

    step: int
    oldest: int
    newest: int
    good: Floats
    bad: Floats
    unknown: npt.NDArray[np.int32]


def _zeros(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> npt.NDArray[Any]:
    """Return zeros on pages of their own, which take memory when they are written and give all of it back.

    From the heap, arrays that grow leave holes: 10,000 rows took a third more resident memory.
    """
    size = math.prod(shape)
    pages = mmap.mmap(-1, size * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype=dtype, count=size).reshape(shape)


class Ring:
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
        self.oldest[row] = EMPTY_OLDEST
        self.newest[row] = EMPTY_NEWEST

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
        self.unknown[row, slot] = round(unknown)  # a sum of thirds of a slice may lack its last bit

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
        if share == 0:
            for index, columns in enumerate(self._arrays()):
                values[index] = columns[rows, low]
            return values
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

    def state(self, row: int) -> TierState:
        """Return a copy of a row's columns."""
        oldest, newest = int(self.oldest[row]), int(self.newest[row])
        slots = self._slots(oldest, newest)
        return TierState(
            step=self.tier.step,
            oldest=oldest,
            newest=newest,
            good=self.good[row, slots],
            bad=self.bad[row, slots],
            unknown=self.unknown[row, slots],
        )

    def restore(self, row: int, state: TierState) -> None:
        """Put the columns of a state into a row. Raises ValueError when they do not fit this tier."""
        step, held = self.tier.step, state.oldest <= state.newest
        columns = (state.newest - state.oldest) // step + 1 if held else 0
        sizes = {len(state.good), len(state.bad), len(state.unknown)}
        aligned = not held or state.oldest % step == state.newest % step == 0
        if state.step != step or not aligned or sizes != {columns} or columns > self.tier.slots:
            raise ValueError(f"{len(state.good)} columns of {state.step} s do not fit this tier")
        slots = self._slots(state.oldest, state.newest)
        self.oldest[row], self.newest[row] = state.oldest, state.newest
        self.good[row, slots], self.bad[row, slots], self.unknown[row, slots] = state.good, state.bad, state.unknown

    def _slots(self, oldest: int, newest: int) -> npt.NDArray[np.int64]:
        if oldest > newest:
            return np.zeros(0, dtype=np.int64)
        step = self.tier.step
        return (np.arange(oldest // step, newest // step + 1)) % self.tier.slots
