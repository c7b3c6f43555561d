"""A checkpoint store in memory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from backstop.domain.errors import CheckpointUnavailable
from backstop.domain.slo import Uid
from backstop.ports.checkpoints import Checkpoint, Loaded


class FakeCheckpointStore:
    """Implements ports.checkpoints.CheckpointStore. `batches` remembers who was saved together, failures included."""

    def __init__(self) -> None:
        self.kept: dict[Uid, tuple[Checkpoint, float]] = {}
        self.batches: list[list[Uid]] = []
        self._problem: str | None = None
        self._room: int | None = None

    def fail(self, problem: str = "the disk is full") -> None:
        self._problem = problem

    def recover(self) -> None:
        self._problem = self._room = None

    def has_room_for(self, slos: int) -> None:
        """From now on refuse SLOs beyond so many."""
        self._room = slos

    async def load(self, wanted: Mapping[Uid, str]) -> Loaded:
        self._check()
        held = {uid: self.kept[uid][0] for uid in wanted if uid in self.kept}
        found = {uid: checkpoint for uid, checkpoint in held.items() if checkpoint.fingerprint == wanted[uid]}
        return Loaded(checkpoints=found, changed=len(held) - len(found))

    async def save(self, checkpoints: Sequence[Checkpoint], *, at: float) -> int:
        self.batches.append([checkpoint.uid for checkpoint in checkpoints])
        self._check()
        kept = self.kept | {one.uid: (replace(one, facts=json.loads(json.dumps(one.facts))), at) for one in checkpoints}
        if self._room is not None and len(kept) > max(self._room, len(self.kept)):
            raise CheckpointUnavailable("full")
        self.kept = kept
        return sum(tier.good.nbytes for one, _ in kept.values() for row in one.rows.values() for tier in row.tiers)

    async def prune(self, existing: frozenset[Uid], *, gone_before: float, unsaved_before: float) -> int:
        self._check()
        before = len(self.kept)
        self.kept = {
            uid: (checkpoint, at)
            for uid, (checkpoint, at) in self.kept.items()
            if at >= unsaved_before and (uid in existing or at >= gone_before)
        }
        return before - len(self.kept)

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if self._problem is not None:
            raise CheckpointUnavailable(self._problem)
