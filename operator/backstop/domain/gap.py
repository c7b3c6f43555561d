"""How to go on with a row that was left behind: which slices bring it up to the present (semantics K17)."""

from collections.abc import Sequence
from itertools import pairwise

from backstop.domain.ring import Tier


def step_across(tiers: Sequence[Tier], *, newest: int, upto: int) -> int:
    """Return how long the slice after the newest boundary should be, in seconds, for the row to reach `upto`.

    It is the coarsest step of a tier that loses nothing which the ledger would still hold at `upto`: what the finer
    tier reaches back to is read in finer slices. A month takes about 1,300 slices instead of 43,200.
    """
    for finer, tier in reversed(list(pairwise(tiers))):
        if newest % tier.step == 0 and newest + tier.step <= upto - finer.span:
            return tier.step
    return tiers[0].step
