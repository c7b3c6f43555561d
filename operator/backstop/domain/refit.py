"""Moves a row to other tiers: all tiers sample one cumulative function, so a coarser one follows from a finer one."""

from collections.abc import Sequence
from dataclasses import replace

from backstop.domain.ledger import RowState
from backstop.domain.ring import EMPTY_NEWEST, EMPTY_OLDEST, Tier, TierState


def refit(state: RowState, tiers: Sequence[Tier]) -> RowState:
    """Return a row for a ledger with these tiers, finest first. What a dropped tier alone knew is lost.

    Raises ValueError when the finest tier is not one of the row's: nothing could follow from coarser ones.
    """
    held = {tier.step: tier for tier in state.tiers}
    if tiers[0].step not in held:
        raise ValueError(f"the row has no tier of {tiers[0].step} s")
    fitted: list[TierState] = []
    for tier in tiers:
        fitted.append(held[tier.step] if tier.step in held else _coarser(fitted[-1], tier))
    return replace(state, tiers=tuple(fitted))


def _coarser(finer: TierState, tier: Tier) -> TierState:
    """Return every column of the finer tier that has a boundary of the coarser one, the newest as far as they fit."""
    every = tier.step // finer.step
    newest = finer.newest // tier.step * tier.step
    oldest = max(-(-finer.oldest // tier.step) * tier.step, newest - tier.span)
    if finer.oldest > finer.newest or oldest > newest:
        oldest, newest, columns = EMPTY_OLDEST, EMPTY_NEWEST, slice(0)
    else:
        columns = slice((oldest - finer.oldest) // finer.step, (newest - finer.oldest) // finer.step + 1, every)
    return TierState(
        step=tier.step,
        oldest=oldest,
        newest=newest,
        good=finer.good[columns],
        bad=finer.bad[columns],
        unknown=finer.unknown[columns],
    )
