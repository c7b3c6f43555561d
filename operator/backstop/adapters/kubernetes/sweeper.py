"""Lists our kinds completely: at start, every few minutes, and whenever asked (after each restart of the watch).

What a LIST does not show any more was deleted while nobody listened. The first complete LIST makes the operator ready.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import structlog

from backstop.adapters.kubernetes.calls import KINDS
from backstop.adapters.kubernetes.errors import Expired, NotFound
from backstop.adapters.kubernetes.intake import Intake
from backstop.adapters.kubernetes.lister import Lister
from backstop.domain.errors import AccessDenied, BackstopError, ClusterUnavailable
from backstop.ports.clock import Clock

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 300.0  # bounds how long an SLO that was deleted unseen is still evaluated
_MINIMUM_GAP_SECONDS: Final = 1.0  # requests that come together are answered by one LIST
_ATTEMPTS: Final = 3
_RETRY_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)  # the last one for ever


class Sweeper:
    """Runs in the engine's loop. `on_served` is told when a kind that the server did not know begins to be served."""

    def __init__(
        self,
        lister: Lister,
        intake: Intake,
        *,
        clock: Clock,
        namespaces: Collection[str] = (),
        on_served: Callable[[str], None],
        interval_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._lister = lister
        self._intake = intake
        self._clock = clock
        self._namespaces = tuple(namespaces)
        self._on_served = on_served
        self._interval_seconds = interval_seconds
        self._wanted = asyncio.Event()
        self._not_served: set[str] = set()
        self.problem: BackstopError | None = None  # why the last LIST failed; None after one that did not

    def request(self) -> None:
        """Ask for a LIST soon. Only from the engine's loop; from another thread by `call_soon_threadsafe`."""
        self._wanted.set()

    async def run(self) -> None:
        """Sweep until cancelled. Failures are logged and tried again."""
        failures = 0
        while True:
            self._wanted.clear()
            succeeded = True
            for kind in KINDS:
                succeeded &= await self._try(kind)
            failures = 0 if succeeded else failures + 1
            await self._rest(failures)

    async def sweep(self, kind: str) -> None:
        """List one kind and hand all of it over. Raises AccessDenied, ClusterUnavailable or NotFound."""
        for _ in range(_ATTEMPTS):
            try:
                await self._list(kind)
            except Expired:
                continue
            return
        raise ClusterUnavailable(f"list {kind}: the pages of the list expire faster than they can be read")

    async def _list(self, kind: str) -> None:
        self._intake.begin(kind)
        count = 0

        def deliver(body: Mapping[str, Any]) -> None:
            nonlocal count
            count += 1
            self._intake.listed(kind, body)

        for namespace in self._namespaces or (None,):
            await self._lister.list_all(kind, namespace=namespace, deliver=deliver)
        self._intake.complete(kind)
        log.debug("sweep.done", kind=kind, objects=count)

    async def _try(self, kind: str) -> bool:
        try:
            await self.sweep(kind)
        except AccessDenied as problem:
            self.problem = problem
            log.error("sweep.forbidden", kind=kind, problem=str(problem))  # noqa: TRY400  the rule to grant says it all
            return False
        except NotFound as problem:
            self.problem = problem
            if kind not in self._not_served:
                log.error(  # noqa: TRY400  an expected state of a new cluster
                    "sweep.kind_not_served", kind=kind, fix="install the CRDs: backstop crds | kubectl apply -f -"
                )
            self._not_served.add(kind)
            return False
        except ClusterUnavailable as problem:
            self.problem = problem
            log.warning("sweep.failed", kind=kind, problem=str(problem))
            return False
        self.problem = None
        if kind in self._not_served:
            self._not_served.discard(kind)
            log.info("sweep.kind_served", kind=kind)
            self._on_served(kind)
        return True

    async def _rest(self, failures: int) -> None:
        if failures:
            await self._clock.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS)) - 1])
            return
        await self._clock.sleep(_MINIMUM_GAP_SECONDS)
        waiting = asyncio.ensure_future(self._wanted.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(self._interval_seconds))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()
