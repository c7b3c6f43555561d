"""From an SLO under evaluation to its checkpoint and back, so that a restart is as if there had been none.

The head is not kept: it is read anew at the first tick. What was missed since the checkpoint is caught up as after any
other gap.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import structlog

from backstop.domain.ledger import Ledger
from backstop.domain.refit import refit
from backstop.domain.slo import SLO, Uid
from backstop.domain.verdict import DataStatus
from backstop.engine.containment import contained
from backstop.engine.tracked import Group, Tracked, Traits
from backstop.ports.checkpoints import Checkpoint, Checkpoints
from backstop.vocabulary import Reason

log = structlog.get_logger(__name__)

WHOLE: Final = ""  # the name of the row of the SLO itself; those of groups are JSON lists of their labels' values
LOAD_AT_ONCE: Final = 100  # SLOs; all that was kept of them is in memory together


def checkpoint_of(tracked: Tracked, fingerprint: str) -> Checkpoint | None:
    """Return a copy of what is known of an SLO; None while it has no rows."""
    if tracked.row is None or tracked.ledger is None:
        return None
    named = {WHOLE: tracked.row} | {json.dumps(group): row for group, row in tracked.groups.items()}
    return Checkpoint(
        uid=Uid(tracked.slo.uid),
        fingerprint=fingerprint,
        rows={name: tracked.ledger.export_row(row) for name, row in named.items()},
        facts={
            "anchor": tracked.anchor,
            "backfilledSeconds": tracked.backfilled_seconds,
            "knownFrom": tracked.known_from,
            "dataFrom": tracked.data_from,
            "lostMarks": sorted(tracked.lost_marks),
            "tooManyGroups": tracked.too_many_groups,
            "traits": asdict(tracked.traits),
            "data": None if tracked.data is None else asdict(tracked.data),
        },
    )


async def resume_new(
    due: Sequence[Tracked],
    checkpoints: Checkpoints,
    *,
    fingerprint: Callable[[SLO], str],
    ledger_for: Callable[[Tracked], Ledger],
    at: float,
) -> None:
    """Take up, at source time `at`, what an earlier process kept of SLOs that this one meets for the first time."""
    new = [tracked for tracked in due if not tracked.resumed]
    for start in range(0, len(new), LOAD_AT_ONCE):
        some = new[start : start + LOAD_AT_ONCE]
        wanted: dict[Uid, str] = {}
        for tracked in some:
            tracked.resumed = True
            with contained(tracked):
                wanted[tracked.slo.uid] = fingerprint(tracked.slo)
        kept = await checkpoints.load(wanted)
        for tracked in some:
            if not tracked.gone and (checkpoint := kept.get(tracked.slo.uid)) is not None:
                with contained(tracked):
                    resume(tracked, checkpoint, ledger_for(tracked), at=at)


def resume(tracked: Tracked, checkpoint: Checkpoint, ledger: Ledger, *, at: float) -> bool:
    """Go on from a checkpoint with the same fingerprint. False, and nothing changed, where it is of no use at `at`."""
    restored: dict[str, int] = {}
    try:
        for name, state in checkpoint.rows.items():
            restored[name] = ledger.restore_row(refit(state, ledger.tiers))
        _check(ledger, restored, at=at)
        _take(tracked, checkpoint, restored)
    except (ValueError, KeyError, TypeError) as problem:
        # Too old, of a time that the source has taken back, or of another version of Backstop that thought otherwise:
        # history is read from the source as for a new SLO.
        for row in restored.values():
            ledger.remove(row)
        log.warning("checkpoint.unusable", slo=tracked.slo.key, problem=repr(problem))
        return False
    tracked.ledger = ledger
    return True


def _check(ledger: Ledger, restored: Mapping[str, int], *, at: float) -> None:
    """Raises ValueError unless rows end together, at a time from which they can go on."""
    ends = {ledger.newest(row) for row in restored.values()}
    if len(ends) != 1:
        raise ValueError(f"its {len(restored)} rows do not end at one boundary")
    (newest,) = ends
    if not 0 <= at - newest <= ledger.span:
        raise ValueError(f"it ends {at - newest:.0f} s ago, which is not within the {ledger.span} s that it can hold")


def _take(tracked: Tracked, checkpoint: Checkpoint, restored: Mapping[str, int]) -> None:
    """Raises KeyError, TypeError or ValueError for facts that are not as `checkpoint_of` writes them."""
    facts = checkpoint.facts
    groups: dict[Group, int] = {tuple(json.loads(name)): row for name, row in restored.items() if name != WHOLE}
    marked = frozenset(mark.at for mark in checkpoint.rows[WHOLE].marks)
    data, traits = _data(facts["data"]), Traits(**facts["traits"])
    anchor, backfilled = int(facts["anchor"]), float(facts["backfilledSeconds"])
    known_from, data_from, lost_marks = facts["knownFrom"], facts["dataFrom"], frozenset(facts["lostMarks"])
    too_many = bool(facts["tooManyGroups"])
    # All of it could be read: from here on nothing fails.
    tracked.row, tracked.groups = restored[WHOLE], groups
    tracked.data, tracked.traits = data, traits
    tracked.anchor, tracked.backfilled_seconds = anchor, backfilled
    tracked.known_from, tracked.data_from = known_from, data_from
    tracked.marked, tracked.lost_marks, tracked.too_many_groups = marked, lost_marks, too_many


def _data(told: Mapping[str, Any] | None) -> DataStatus | None:
    return None if told is None else DataStatus(**{**told, "reason": Reason(told["reason"])})
