"""Asks the second witness, the Kubernetes API, about the workloads of SLOs whose SLI is silent (semantics E1)."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from backstop.domain.errors import AccessDenied, ClusterUnavailable
from backstop.domain.health import assess_health, unreadable
from backstop.engine.tracked import Tracked
from backstop.ports.clock import Clock
from backstop.ports.cluster import WorkloadReader

ASK_EVERY_SECONDS: Final = 10.0
CONCURRENCY: Final = 8
PATIENCE_SECONDS: Final = 2.0  # of a tick; the API server answers within milliseconds when it is well


class Witnesses:
    """Bounded questions about workloads."""

    def __init__(self, reader: WorkloadReader | None, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._limit = asyncio.Semaphore(CONCURRENCY)

    async def hear_all(self, tracked: Sequence[Tracked]) -> None:
        """Hear the witnesses of many SLOs, those first that have waited longest.

        The SLIs of others do not wait for a slow API server: who is not heard in time keeps the last word.
        """
        waiting = sorted(tracked, key=lambda t: t.witness_due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(self.hear(one) for one in waiting))

    async def hear(self, tracked: Tracked) -> None:
        """Set or clear the witness of an SLO; while its SLI speaks nobody else is asked."""
        workload = tracked.slo.workload
        if workload is None or tracked.data is None or tracked.data.available or self._reader is None:
            tracked.witness = None
            return
        now = self._clock.monotonic()
        if tracked.witness is not None and now < tracked.witness_due:
            return
        try:
            async with self._limit:
                facts = await self._reader.read_workload(tracked.slo.namespace, workload)
            tracked.witness_due = now + ASK_EVERY_SECONDS
        except (AccessDenied, ClusterUnavailable) as problem:
            tracked.witness_due = now + ASK_EVERY_SECONDS
            tracked.witness = unreadable(str(problem), forbidden=isinstance(problem, AccessDenied))
            return
        tracked.witness = assess_health(facts)
