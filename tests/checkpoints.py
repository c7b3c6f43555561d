"""Checkpoints for tests: made of real ledgers, and compared number by number."""

from collections.abc import Mapping
from typing import Any

from backstop.domain.ledger import MINUTE, STANDARD_TIERS, Ledger, RowState
from backstop.ports.checkpoints import Checkpoint

NOON = 1_760_000_400  # a boundary of a minute, not of a quarter


def a_state(*, minutes: int = 30, events: float = 60.0, ledger: Ledger | None = None) -> RowState:
    """Return a row of a ledger in which each minute has `events` good events and a tenth as many bad ones."""
    if ledger is None:
        ledger = Ledger(STANDARD_TIERS)
    row = ledger.add(NOON)
    for minute in range(minutes):
        unknown = MINUTE if minute % 7 == 3 else 0
        ledger.append(row, good=events, bad=events / 10, unknown_seconds=unknown)
    ledger.mark(row, NOON + 90.0)
    return ledger.export_row(row)


def a_checkpoint(
    uid: str,
    *,
    events: float = 60.0,
    minutes: int = 30,
    groups: int = 0,
    fingerprint: str = "what",
    facts: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Return a checkpoint with the row of the whole and some of groups."""
    rows = {"": a_state(minutes=minutes, events=events)}
    rows |= {f'["{n}"]': a_state(minutes=minutes, events=events + n) for n in range(groups)}
    return Checkpoint(uid=uid, fingerprint=fingerprint, rows=rows, facts=facts or {"anchor": NOON})


def same(one: Checkpoint, other: Checkpoint) -> bool:
    """Compare bit by bit, NaN included."""
    return (one.uid, one.fingerprint, dict(one.facts)) == (other.uid, other.fingerprint, dict(other.facts)) and {
        name: bits(state) for name, state in one.rows.items()
    } == {name: bits(state) for name, state in other.rows.items()}


def bits(state: RowState) -> tuple[object, ...]:
    """Return what a row holds as values that can be compared."""
    tiers = tuple(
        (tier.step, tier.oldest, tier.newest, *(array.tobytes() for array in (tier.good, tier.bad, tier.unknown)))
        for tier in state.tiers
    )
    return tiers, tuple(repr(mark) for mark in state.marks)
