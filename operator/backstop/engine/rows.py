"""Writes evidence to all ledger rows of an SLO: that of the whole, and one per group (semantics B5).

Every group knows and does not know what the whole does; what it does not appear in counted nothing there.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np

from backstop.domain.evidence import Slice
from backstop.domain.ledger import Ledger
from backstop.domain.refit import refit
from backstop.engine.readings import Evidence
from backstop.engine.tracked import Group, Tracked
from backstop.vocabulary import MAX_GROUPS

_LOST_SHARE: Final = 0.1  # of a stretch that was known: more of it unknown at a second look is no gap between scrapes


def place_of(tracked: Tracked) -> tuple[Ledger, int]:
    """Return the ledger and the row of the whole. Raises ValueError before the first evaluation."""
    if tracked.ledger is None or tracked.row is None:
        raise ValueError(f"SLO {tracked.slo.key} has no ledger row yet")
    return tracked.ledger, tracked.row


def append(tracked: Tracked, evidence: Evidence, *, seconds: int) -> None:
    """Seal a slice in all rows."""
    ledger, whole = place_of(tracked)
    admit(tracked, evidence.groups)
    for row, part in _parts(tracked, evidence):
        ledger.append(
            row, good=part.good, bad=part.bad, unknown_seconds=0.0 if part.known else float(seconds), seconds=seconds
        )
    if tracked.sealed is not None:
        tracked.sealed.append((ledger.newest(whole), evidence.raw))


def set_head(tracked: Tracked, evidence: Evidence, *, end: float) -> None:
    """Replace what is provisionally known since the newest boundary, in all rows."""
    ledger, whole = place_of(tracked)
    admit(tracked, evidence.groups)
    seconds = end - ledger.newest(whole)
    for row, part in _parts(tracked, evidence):
        unknown = 0.0 if part.known else seconds
        ledger.set_head(row, end=end, good=part.good, bad=part.bad, unknown_seconds=unknown)


def prepend(tracked: Tracked, slices: Sequence[Evidence], *, tier_step: int, grain: int) -> None:
    """Put adjoining slices of `grain` seconds each, oldest first, before the oldest boundary of a tier, in all rows."""
    ledger, _ = place_of(tracked)
    admit(tracked, (key for evidence in slices for key in evidence.groups))
    for row, (good, bad, unknown) in _sums(tracked, slices, grain).items():
        seconds = grain * len(slices)
        ledger.prepend(row, step=tier_step, good=good, bad=bad, unknown_seconds=unknown, seconds=seconds)


def mark_after(tracked: Tracked, boundary: int, at: float, slices: Sequence[Evidence], *, grain: int) -> bool:
    """Mark an instant in all rows from slices of `grain` seconds since a boundary before it; the last may reach beyond.

    False when they know so much less than the ledger does that the source must have lost data since.
    """
    ledger, whole = place_of(tracked)
    counted = at - boundary
    shares = [min((counted - number * grain) / grain, 1.0) for number in range(len(slices))]
    unseen = sum(grain * share for share, evidence in zip(shares, slices, strict=True) if not evidence.raw.known)
    known_to_be_unknown = ledger.unknown_around(whole, at)
    if unseen > known_to_be_unknown + _LOST_SHARE * counted + grain:
        return False
    for row, (good, bad, unknown) in _sums(tracked, slices, grain, shares).items():
        ledger.mark_after(row, boundary, at, good=good, bad=bad, unknown_seconds=min(unknown, known_to_be_unknown))
    return True


def admit(tracked: Tracked, keys: Iterable[Group]) -> None:
    """Give groups that are new a row. Those too many are refused, unless old ones without an event can go."""
    ledger, whole = place_of(tracked)
    present = dict.fromkeys(keys)
    for key in present:
        if key in tracked.groups:
            continue
        if len(tracked.groups) >= MAX_GROUPS and not _make_room(tracked, ledger, present):
            tracked.too_many_groups, tracked.refused_groups, tracked.regrouping = True, True, False
            return
        tracked.groups[key] = ledger.add_like(whole)


def move(tracked: Tracked, ledger: Ledger) -> None:
    """Move all rows to a ledger with other tiers. What they count stays; their head is to be read anew."""
    old, whole = place_of(tracked)

    def moved(row: int) -> int:
        new = ledger.restore_row(refit(old.export_row(row), ledger.tiers))
        old.remove(row)
        return new

    tracked.row = moved(whole)
    tracked.groups = {key: moved(row) for key, row in tracked.groups.items()}
    tracked.ledger = ledger


def release(tracked: Tracked) -> None:
    """Give all rows back."""
    if tracked.ledger is not None:
        for row in tracked.rows:
            tracked.ledger.remove(row)
    tracked.row = None
    tracked.groups = {}
    tracked.marked = tracked.wanted_marks = tracked.lost_marks = frozenset()


def _make_room(tracked: Tracked, ledger: Ledger, present: Collection[Group]) -> bool:
    """Drop a group without an event in any window, one that is gone if possible; False when all have some."""
    quiet = _quiet(tracked)
    if not quiet:
        return False
    gone = next((key for key in quiet if key not in present), quiet[0])
    ledger.remove(tracked.groups.pop(gone))
    return True


def _quiet(tracked: Tracked) -> list[Group]:
    """Return the groups without an event in the longest window."""
    ledger, whole = place_of(tracked)
    rows = np.array(list(tracked.groups.values()), dtype=np.intp)
    end = ledger.end(whole)
    counts = ledger.window(rows, start=end - tracked.history_seconds(), end=end)
    without = counts.good + counts.bad <= 0
    return [key for key, quiet in zip(tracked.groups, without, strict=True) if quiet]


def _parts(tracked: Tracked, evidence: Evidence) -> list[tuple[int, Slice]]:
    """Return what each row counts of a slice."""
    _, whole = place_of(tracked)
    # A group that is not there is not measured: a slice without it is no good one, or groups that are gone would go on.
    absent = Slice(0.0, 0.0) if evidence.raw.known else evidence.counted
    parts = [(row, evidence.groups.get(key, absent)) for key, row in tracked.groups.items()]
    return [(whole, evidence.counted), *parts]


def _sums(
    tracked: Tracked, slices: Sequence[Evidence], grain: int, shares: Sequence[float] | None = None
) -> dict[int, tuple[float, float, float]]:
    """Return good and bad events and unknown seconds of slices together, per row; of each slice its share."""
    sums = dict.fromkeys(tracked.rows, (0.0, 0.0, 0.0))
    for evidence, share in zip(slices, shares or [1.0] * len(slices), strict=True):
        for row, part in _parts(tracked, evidence):
            good, bad, unknown = sums[row]
            unseen = 0.0 if part.known else grain * share
            sums[row] = good + part.good * share, bad + part.bad * share, unknown + unseen
    return sums
