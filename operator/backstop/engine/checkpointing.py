"""Decides when what is kept in the checkpoint: every SLO about every ten minutes, a few at a time, and all at the end.

Rows are copied in the event loop, which alone changes them; the store encodes and writes in a thread of its own. Where
the store fails, evaluation goes on without: the source's history is read again after the next start.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from backstop.domain.errors import CheckpointUnavailable
from backstop.domain.slo import Uid
from backstop.engine.tracked import Tracked
from backstop.ports.checkpoints import Checkpoint, CheckpointStore
from backstop.ports.clock import Clock
from backstop.ports.telemetry import Telemetry

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 600.0  # what is lost by a crash, and read again from the source
LOOK_SECONDS: Final = 5.0
ROWS_AT_ONCE: Final = 25  # copied and written together: 1 ms of the event loop
MAX_ROWS_PER_LOOK: Final = 150  # with more than 18,000 rows each is saved more rarely
RETRY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0  # 10,000 rows take four
PRUNE_SECONDS: Final = 3600.0
GONE_KEPT_SECONDS: Final = 3 * 86_400.0  # an SLO that is not listed may only be out of this configuration's sight
UNSAVED_KEPT_SECONDS: Final = 35 * 86_400.0  # of one that exists and is refused; most windows are over by then

Export = Callable[[Tracked], Checkpoint | None]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of the checkpoint of an SLO; times are monotonic seconds."""

    saved: float = -math.inf
    tried: float = -math.inf
    rows: int = 1


_NEVER: Final = _Kept()


class Checkpointing:
    """Implements ports.checkpoints.Checkpoints, and saves what the engine tracks."""

    def __init__(
        self,
        store: CheckpointStore,
        *,
        tracked: Mapping[Uid, Tracked],
        export: Export,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        """`tracked` is followed as it changes; `export` returns None while an SLO has no rows."""
        self._store = store
        self._tracked = tracked
        self._export = export
        self._clock = clock
        self._telemetry = telemetry
        self._kept: dict[Uid, _Kept] = {}
        self._listed: frozenset[Uid] | None = None
        self._retry_due = -math.inf
        self._problem: str | None = None

    async def run(self) -> None:
        """Save and prune until cancelled."""
        # By then everything that exists has been saved in this process, whatever the wall clock did before.
        prune_due = self._clock.monotonic() + PRUNE_SECONDS
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            if not self._may_try():
                continue
            await self._save_due()
            if self._listed is not None and self._clock.monotonic() >= prune_due and self._may_try():
                await self._prune(self._listed)
                prune_due = self._clock.monotonic() + PRUNE_SECONDS

    async def load(self, wanted: Mapping[Uid, str]) -> Mapping[Uid, Checkpoint]:
        if not wanted or not self._may_try():
            return {}
        try:
            loaded = await self._store.load(wanted)
        except CheckpointUnavailable as problem:
            self._failed(problem)
            return {}
        self._worked()
        self._telemetry.checkpointed("restored", len(loaded.checkpoints))
        self._telemetry.checkpointed("changed", loaded.changed)
        self._telemetry.checkpointed("damaged", loaded.damaged)
        now = self._clock.monotonic()
        self._kept |= {uid: _Kept(now, now, len(found.rows)) for uid, found in loaded.checkpoints.items()}
        return loaded.checkpoints

    def listed(self, uids: frozenset[Uid]) -> None:
        """Take the uids of a complete LIST: what is kept of others is forgotten after some days."""
        self._listed = uids

    async def save_all(self) -> None:
        """Save everything once more, the oldest first, as far as the time allows: the operator is stopping."""
        uids = self._by_age()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                saved = await self._save(uids, max_rows=math.inf)
            log.info("checkpoint.saved", slos=saved, of=len(uids))
        except TimeoutError:
            log.warning("checkpoint.cut_short", seconds=STOP_SECONDS, slos=len(uids))

    async def _save_due(self) -> None:
        for uid in self._kept.keys() - self._tracked.keys():
            del self._kept[uid]
        before = self._clock.monotonic() - EVERY_SECONDS
        due = [uid for uid in self._by_age() if self._kept_of(uid).saved <= before]
        steady = math.ceil(sum(self._kept_of(uid).rows for uid in self._tracked) * LOOK_SECONDS / EVERY_SECONDS)
        await self._save(due, max_rows=min(max(steady, ROWS_AT_ONCE), MAX_ROWS_PER_LOOK))

    def _by_age(self) -> list[Uid]:
        """What is tracked, what was not tried for longest first: an SLO that finds no room stands behind the others."""
        return sorted(self._tracked, key=lambda uid: self._kept_of(uid).tried)

    def _kept_of(self, uid: Uid) -> _Kept:
        return self._kept.get(uid, _NEVER)

    async def _save(self, uids: Sequence[Uid], *, max_rows: float) -> int:
        """Save SLOs in small transactions until so many rows were taken. Returns how many SLOs were saved."""
        waiting = list(reversed(uids))
        rows = saved = 0
        while waiting and rows < max_rows:
            batch: list[Checkpoint] = []
            while waiting and sum(len(checkpoint.rows) for checkpoint in batch) < ROWS_AT_ONCE:
                tracked = self._tracked.get(waiting.pop())  # it may have gone while others were written
                if tracked is not None and (checkpoint := self._export(tracked)) is not None:
                    batch.append(checkpoint)
            if not batch:
                break
            rows += sum(len(checkpoint.rows) for checkpoint in batch)
            if not await self._write(batch):
                break
            saved += len(batch)
        return saved

    async def _write(self, batch: Sequence[Checkpoint]) -> bool:
        now = self._clock.monotonic()
        try:
            size = await self._store.save(batch, at=self._clock.now().timestamp())
        except CheckpointUnavailable as problem:
            self._kept |= {one.uid: replace(self._kept_of(one.uid), tried=now) for one in batch}
            self._telemetry.checkpointed("failed", len(batch))
            self._failed(problem)
            return False
        self._kept |= {one.uid: _Kept(now, now, len(one.rows)) for one in batch}
        self._worked()
        self._telemetry.checkpointed("saved", len(batch))
        self._telemetry.checkpoint_size(size)
        return True

    async def _prune(self, listed: frozenset[Uid]) -> None:
        now = self._clock.now().timestamp()
        try:
            forgotten = await self._store.prune(
                listed, gone_before=now - GONE_KEPT_SECONDS, unsaved_before=now - UNSAVED_KEPT_SECONDS
            )
        except CheckpointUnavailable as problem:
            self._failed(problem)
            return
        self._worked()
        if forgotten:
            log.info("checkpoint.pruned", slos=forgotten)

    def _may_try(self) -> bool:
        return self._clock.monotonic() >= self._retry_due

    def _failed(self, problem: CheckpointUnavailable) -> None:
        self._retry_due = self._clock.monotonic() + RETRY_SECONDS
        self._telemetry.checkpoint_failing(failing=True)
        if str(problem) != self._problem:
            self._problem = str(problem)
            log.error("checkpoint.unavailable", problem=self._problem, evaluation="goes on without")

    def _worked(self) -> None:
        if self._problem is not None:
            self._problem = None
            self._telemetry.checkpoint_failing(failing=False)
            log.info("checkpoint.available")
