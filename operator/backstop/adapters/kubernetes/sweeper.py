"""Lists our kinds completely: at start, every few minutes, and whenever asked (after each restart of the watch).

What a LIST does not show any more was deleted while nobody listened. The first complete LIST makes the operator ready.
"""

import asyncio
import math
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
    """Runs in the engine's loop. Each kind is tried again by itself: one that fails costs no LIST of the others.

    `on_absent` is told, each time, that a kind cannot be listed: it is not installed, or a right is missing.
    `on_served` is told when such a kind can be listed after all.
    """

    def __init__(
        self,
        lister: Lister,
        intake: Intake,
        *,
        clock: Clock,
        namespaces: Collection[str] = (),
        on_absent: Callable[[str], None],
        on_served: Callable[[str], None],
        interval_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._lister = lister
        self._intake = intake
        self._clock = clock
        self._namespaces = tuple(namespaces)
        self._on_absent = on_absent
        self._on_served = on_served
        self._interval_seconds = interval_seconds
        self._wanted = asyncio.Event()
        self._failures: dict[str, int] = {}  # in a row, by kind
        self._due: dict[str, float] = {}  # monotonic second of the next LIST, by kind
        self.problems: dict[str, BackstopError] = {}  # why the last LIST of a kind failed; absent after a good one

    def request(self, kind: str) -> None:
        """Ask for a LIST of a kind soon. Only from the engine's loop; from another thread by `call_soon_threadsafe`."""
        self._due.pop(kind, None)
        self._wanted.set()

    async def run(self) -> None:
        """Sweep until cancelled. Failures are logged and tried again."""
        while True:
            self._wanted.clear()
            for kind in [kind for kind in KINDS if self._due.get(kind, 0.0) <= self._clock.monotonic()]:
                self._due[kind] = math.inf  # unless a request comes while it is listed
                self._failures[kind] = 0 if await self._try(kind) else self._failures.get(kind, 0) + 1
                if kind in self._due:
                    self._due[kind] = self._clock.monotonic() + self._pause(kind)
            await self._rest()

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
        before = self.problems.get(kind)
        try:
            await self.sweep(kind)
        except AccessDenied as problem:
            self.problems[kind] = problem
            log.error("sweep.forbidden", kind=kind, problem=str(problem))  # noqa: TRY400  the rule to grant says it all
            self._on_absent(kind)
            return False
        except NotFound as problem:
            self.problems[kind] = problem
            if not isinstance(before, NotFound):
                log.error(  # noqa: TRY400  an expected state of a new cluster
                    "sweep.kind_not_served", kind=kind, fix="install the CRDs: backstop crds | kubectl apply -f -"
                )
            self._on_absent(kind)
            return False
        except ClusterUnavailable as problem:
            # What was missing is not there for that; the server cannot tell just now.
            self.problems[kind] = before if isinstance(before, AccessDenied | NotFound) else problem
            log.warning("sweep.failed", kind=kind, problem=str(problem))
            return False
        self.problems.pop(kind, None)
        if isinstance(before, AccessDenied | NotFound):
            log.info("sweep.kind_served", kind=kind)
            self._on_served(kind)
        return True

    def _pause(self, kind: str) -> float:
        failures = self._failures[kind]
        return _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS)) - 1] if failures else self._interval_seconds

    async def _rest(self) -> None:
        """Wait for what is due next, or for a request, and in any case so long that requests gather."""
        await self._clock.sleep(_MINIMUM_GAP_SECONDS)
        until_due = max(min(self._due.get(kind, 0.0) for kind in KINDS) - self._clock.monotonic(), 0.0)
        waiting = asyncio.ensure_future(self._wanted.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(until_due))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()
