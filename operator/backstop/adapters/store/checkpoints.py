"""The checkpoint for the engine: every call in one worker thread, one after the other, with a deadline."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from backstop.adapters.store.file import CheckpointFile
from backstop.domain.errors import CheckpointUnavailable
from backstop.domain.slo import Uid
from backstop.ports.checkpoints import Checkpoint, Loaded

ANSWER_SECONDS: Final = 30.0  # a disk that takes longer hangs; opening checks a large file in a second
CLOSE_SECONDS: Final = 5.0

Result = TypeVar("Result")


class SqliteCheckpoints:
    """Implements ports.checkpoints.CheckpointStore in a folder that no other process uses."""

    def __init__(self, folder: Path, *, volume_bytes: int, on_set_aside: Callable[[str], None]) -> None:
        """`on_set_aside` is called in the worker thread."""
        self._file = CheckpointFile(folder, volume_bytes=volume_bytes, on_set_aside=on_set_aside)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backstop-checkpoint")

    async def load(self, wanted: Mapping[Uid, str]) -> Loaded:
        return await self._do(lambda: self._file.load(wanted))

    async def save(self, checkpoints: Sequence[Checkpoint], *, at: float) -> int:
        return await self._do(lambda: self._file.save(checkpoints, at=at))

    async def prune(self, existing: frozenset[Uid], *, gone_before: float, unsaved_before: float) -> int:
        return await self._do(
            lambda: self._file.prune(existing, gone_before=gone_before, unsaved_before=unsaved_before)
        )

    async def close(self) -> None:
        closed = self._thread.submit(self._file.close)
        await asyncio.wait([asyncio.wrap_future(closed)], timeout=CLOSE_SECONDS)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _do(self, work: Callable[[], Result]) -> Result:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError:
            raise CheckpointUnavailable(
                f"{self._file.path}: no answer from the disk within {ANSWER_SECONDS:g} s: look at the volume"
            ) from None
