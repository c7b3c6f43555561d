"""How to go on with a row that was left behind: which slices bring it up to the present (semantics K17)."""

from collections.abc import Sequence
from itertools import pairwise

from backstop.domain.ring import Tier


def slices_across(tiers: Sequence[Tier], *, newest: int, upto: int, most: int) -> tuple[int, list[int]]:
    """Return the next slices after the newest boundary: their length in seconds, and their ends, at least one.

    They are as coarse as the tiers allow without losing anything that the ledger would still hold at `upto`: what the
    finer tier reaches back to is read in finer slices. A month takes about 1,300 slices instead of 43,200.
    `upto` is a minute boundary after `newest`.
    """
    step = _step(tiers, newest, upto)
    ends = [newest + step]
    while len(ends) < most and ends[-1] < upto and _step(tiers, ends[-1], upto) == step:
        ends.append(ends[-1] + step)
    return step, ends


def _step(tiers: Sequence[Tier], newest: int, upto: int) -> int:
    for finer, tier in reversed(list(pairwise(tiers))):
        if newest % tier.step == 0 and newest + tier.step <= upto - finer.span:
            return tier.step
    return tiers[0].step
