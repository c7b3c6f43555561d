"""The ledger: cumulative good, bad and unknown per SLO, from which every window is a difference of two columns.

Rows are SLOs, columns are boundaries of slices. A tier keeps one ring of columns: minutes for six hours, quarters of
an hour for three days, hours for 35 days, and four-hour slices for a year where a row needs them. All tiers sample the
same cumulative function, so they share one origin and a window may begin in one tier and end in another. The origin
is arbitrary: appending adds to the newest column, prepending (backfill) subtracts from the oldest.

A mark keeps the exact cumulative values at one instant (the start of a calendar period, the edge of an exclusion) when
the fine tier that knew them has rolled on.

After the newest sealed boundary there is the head: what was read since, provisional and replaced at every evaluation.
Times are whole unix seconds of the source's clock. All of this is arithmetic: no clock, no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from backstop.domain.ring import EMPTY_OLDEST, Floats, Ring, Rows, Tier, TierState

MINUTE: Final = 60

MINUTES: Final = Tier(step=60, slots=6 * 60 + 1)
QUARTERS: Final = Tier(step=900, slots=3 * 96 + 1)
HOURS: Final = Tier(step=3600, slots=35 * 24 + 1)
FOUR_HOURS: Final = Tier(step=14_400, slots=367 * 6 + 1)
STANDARD_TIERS: Final = (MINUTES, QUARTERS, HOURS)
LONG_TIERS: Final = (*STANDARD_TIERS, FOUR_HOURS)  # for windows beyond 35 days

_FIRST_CAPACITY: Final = 64


@dataclass(frozen=True, slots=True)
class Counts:
    """Good and bad events and unknown seconds of one window, one value per asked row."""

    good: Floats
    bad: Floats
    unknown_seconds: Floats


@dataclass(frozen=True, slots=True)
class Mark:
    """Cumulative values of a row at one instant, in the row's own origin."""

    at: float
    good: float
    bad: float
    unknown_seconds: float


@dataclass(frozen=True, slots=True)
class RowState:
    """Everything that a row holds but its head, which is read anew."""

    tiers: tuple[TierState, ...]
    marks: tuple[Mark, ...]


class Ledger:
    """Rows of cumulative columns. Row numbers are reused after `remove`."""

    def __init__(self, tiers: Sequence[Tier] = STANDARD_TIERS) -> None:
        self.tiers = tuple(tiers)
        self._rings = tuple(Ring(tier) for tier in tiers)
        self._free: list[int] = []
        self._capacity = 0
        self._head_good = np.zeros(0)
        self._head_bad = np.zeros(0)
        self._head_unknown = np.zeros(0)
        self._head_end = np.zeros(0)
        self._marks: dict[float, dict[int, Mark]] = {}  # by instant, then by row: many rows share calendar starts

    def __len__(self) -> int:
        return self._capacity - len(self._free)

    @property
    def span(self) -> int:
        """The longest time back that the coarsest tier can answer for, in seconds."""
        return self.tiers[-1].span

    def begin(self, at: float, seconds: float) -> float:
        """Return where a window of the last `seconds` begins that is to cut no slice: at a boundary that is held.

        Of a slice that lies half in the window the events could only be spread evenly, and traffic is not even. With
        the whole slice the window is a little longer, and exact.
        """
        step = next((tier.step for tier in self.tiers if seconds <= tier.span), self.tiers[-1].step)
        return (at - seconds) // step * step

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
        for mark in self.marks(row):
            self.forget_mark(row, mark.at)
        self._free.append(row)

    def add_like(self, row: int) -> int:
        """Return a new row that knows what `row` knows, without a single event: a group that was not seen before."""
        states = tuple(ring.state(row) for ring in self._rings)
        empty = tuple(replace(s, good=np.zeros_like(s.good), bad=np.zeros_like(s.bad)) for s in states)
        marks = tuple(replace(mark, good=0.0, bad=0.0) for mark in self.marks(row))
        new = self.restore_row(RowState(empty, marks))
        self.set_head(new, end=self._head_end[row], good=0.0, bad=0.0, unknown_seconds=float(self._head_unknown[row]))
        return new

    def export_row(self, row: int) -> RowState:
        """Return a copy of what a row holds."""
        return RowState(tuple(ring.state(row) for ring in self._rings), self.marks(row))

    def restore_row(self, state: RowState) -> int:
        """Return a new row with these columns. Raises ValueError when they do not fit the tiers of this ledger."""
        if [tier.step for tier in state.tiers] != [tier.step for tier in self.tiers]:
            raise ValueError(f"the row has {len(state.tiers)} tiers that are not the {len(self.tiers)} of this ledger")
        if not len(state.tiers[0].good):
            raise ValueError("the row holds no minute")
        row = self.add(state.tiers[0].newest)
        try:
            for ring, tier in zip(self._rings, state.tiers, strict=True):
                ring.clear(row)
                ring.restore(row, tier)
        except ValueError:
            self.remove(row)
            raise
        for mark in state.marks:
            self._marks.setdefault(mark.at, {})[row] = mark
        self.clear_head(row)
        return row

    def mark(self, row: int, at: float, *, grain: int = MINUTE) -> bool:
        """Keep the cumulative values at an instant; False when it lies within a coarse slice, or nothing is held.

        `grain` is the length of the slices that the row is sealed in: no column is coarse that is not longer.
        """
        ring = self._around(row, at)
        if ring is None or (ring.tier.step > grain and at % ring.tier.step):
            return False
        good, bad, unknown = (float(value) for value in ring.between(np.array([row]), at)[:, 0])
        self._marks.setdefault(at, {})[row] = Mark(at, good, bad, unknown)
        return True

    def mark_after(
        self, row: int, boundary: int, at: float, *, good: float, bad: float, unknown_seconds: float
    ) -> None:
        """Keep the values at an instant, given what was counted since a boundary that a coarse tier holds before it."""
        before = self.cumulative(np.array([row]), float(boundary))[:, 0]
        mark = Mark(at, float(before[0]) + good, float(before[1]) + bad, float(before[2]) + unknown_seconds)
        self._marks.setdefault(at, {})[row] = mark

    def marks(self, row: int) -> tuple[Mark, ...]:
        """The marks of a row, oldest first."""
        return tuple(rows[row] for _, rows in sorted(self._marks.items()) if row in rows)

    def forget_mark(self, row: int, at: float) -> None:
        """Drop a mark that nothing asks for any more."""
        marked = self._marks.get(at, {})
        marked.pop(row, None)
        if not marked:
            self._marks.pop(at, None)

    def boundary_below(self, row: int, at: float) -> int | None:
        """The newest boundary at or before an instant that the row holds on both sides; None outside its history."""
        ring = self._around(row, at)
        return None if ring is None else int(at // ring.tier.step) * ring.tier.step

    def unknown_around(self, row: int, at: float) -> float:
        """The unknown seconds of the slice around an instant, as coarse as it is held; 0 outside the history."""
        ring = self._around(row, at)
        if ring is None:
            return 0.0
        below = int(at // ring.tier.step) * ring.tier.step
        return ring.column(row, below + ring.tier.step)[2] - ring.column(row, below)[2]

    def _around(self, row: int, at: float) -> Ring | None:
        """The finest tier with a column on both sides of an instant."""
        return next((ring for ring in self._rings if ring.covers(np.array([row]), at)[0]), None)

    def newest(self, row: int) -> int:
        """The newest sealed boundary of a row, unix seconds."""
        return int(self._rings[0].newest[row])

    def end(self, row: int) -> float:
        """The end of what is known of a row, its head included."""
        return float(max(self._head_end[row], self.newest(row)))

    def oldest(self, row: int) -> int:
        """The oldest boundary of a row in any tier: before it nothing is known."""
        return min(int(ring.oldest[row]) for ring in self._rings)

    def append(self, row: int, *, good: float, bad: float, unknown_seconds: float, seconds: int = MINUTE) -> None:
        """Seal a slice of whole minutes after the newest boundary, spread evenly; the head that began there is gone."""
        ring = self._rings[0]
        newest = int(ring.newest[row])
        g, b, u = ring.column(row, newest)
        minutes = seconds // MINUTE
        for minute in range(1, minutes + 1):
            share = minute / minutes
            self._put(row, newest + minute * MINUTE, g + good * share, b + bad * share, u + unknown_seconds * share)
        self.clear_head(row)

    def prepend(
        self, row: int, *, step: int, good: float, bad: float, unknown_seconds: float, seconds: int | None = None
    ) -> None:
        """Put a slice before the oldest boundary of the tier with that `step`, spread evenly over its columns.

        The slice lasts `seconds`, a multiple of `step`; by default one step.
        A tier coarser than minutes must hold a boundary already: backfill goes from the finest tier to the coarsest.
        """
        index = next(i for i, tier in enumerate(self.tiers) if tier.step == step)
        ring = self._rings[index]
        oldest = int(ring.oldest[row])
        if oldest == EMPTY_OLDEST:
            raise ValueError(f"no boundary of the {step} s tier yet: prepend finer slices first")
        g, b, u = ring.column(row, oldest)
        columns = (seconds or step) // step
        for column in range(1, columns + 1):
            share = column / columns
            values = (g - good * share, b - bad * share, u - unknown_seconds * share)
            self._put(row, oldest - column * step, *values, finest=index)

    def oldest_of(self, row: int, step: int) -> int | None:
        """The oldest boundary of the tier with that step, None while it has none."""
        ring = next(ring for ring in self._rings if ring.tier.step == step)
        oldest = int(ring.oldest[row])
        return None if oldest == EMPTY_OLDEST else oldest

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
        good, bad, unknown = self.cumulative(rows, end) - self.cumulative(rows, start)
        return Counts(good, bad, np.clip(unknown, 0.0, end - start))

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

    def cumulative(self, rows: Rows, at: float) -> Floats:
        """Return cumulative good, bad and unknown seconds (three by rows) at one instant.

        Each row has its own origin: only differences mean anything.
        """
        values = self._from_columns(rows, at)
        if marked := self._marks.get(at):
            for index, row in enumerate(rows.tolist()):
                if (mark := marked.get(row)) is not None:
                    values[:, index] = mark.good, mark.bad, mark.unknown_seconds
        return values

    def _from_columns(self, rows: Rows, at: float) -> Floats:
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
        oldest[oldest <= at] = EMPTY_OLDEST
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
