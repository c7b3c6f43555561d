"""Follows MaintenanceWindow objects: which are in force, whom they concern, and what their status says."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from backstop.api.to_maintenance import KIND, to_maintenance
from backstop.domain.maintenance import MaintenanceWindow
from backstop.domain.slo import SLO, Uid
from backstop.engine.maintenance_calendar import MaintenanceCalendar
from backstop.engine.maintenance_status import LOOK_BACK_SECONDS, course_of, refused_window_status, window_status
from backstop.engine.publisher import StatusPublisher
from backstop.engine.registry import Registered, Registry, status_of
from backstop.ports.clock import Clock

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
REFRESH_SECONDS: Final = 600.0  # what only grows, such as excludedSeconds, is worked out anew this often


@dataclass(slots=True)
class _Followed:
    """A window in force. `due` is when its status is worked out next, in unix seconds; None: at once."""

    registered: Registered[MaintenanceWindow]
    window: MaintenanceWindow
    due: float | None = None


class MaintenanceWindows:
    """The windows of the cluster. `calendar` is what evaluations ask.

    `slos` yields the SLOs that exist; `may_tell` is whether they are all known: before, nobody can say whom a window
    concerns. `changed` is called with the namespace in which budgets may be different now.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        publisher: StatusPublisher,
        slos: Callable[[], Iterable[Registered[SLO]]],
        may_tell: Callable[[], bool],
        changed: Callable[[str], None],
    ) -> None:
        self.calendar = MaintenanceCalendar()
        self._clock = clock
        self._publisher = publisher
        self._slos = slos
        self._may_tell = may_tell
        self._changed = changed
        self._registry: Registry[MaintenanceWindow] = Registry(to_maintenance)
        self._followed: dict[Uid, _Followed] = {}
        self._stale: set[str] = set()  # namespaces whose SLOs came, went or changed their labels

    def on_object(self, body: Mapping[str, Any]) -> None:
        """Take an object as it is now in the cluster."""
        registered, changed = self._registry.put(KIND, body)
        if registered is None:
            return
        self._publisher.seen(registered.ref, status_of(body))
        if changed:
            self._follow(registered)

    def on_deleted(self, uid: str) -> None:
        """Take the deletion of an object: what it excluded counts again."""
        removed = self._registry.remove(Uid(uid))
        self._followed.pop(Uid(uid), None)
        self.calendar.remove(Uid(uid))
        self._publisher.forget(Uid(uid))
        if removed is not None:
            log.info("object.deleted", kind=KIND, maintenance_window=removed.ref.key)
            self._changed(removed.ref.namespace)

    def on_synced(self, uids: frozenset[str]) -> None:
        """Take the uids of a complete LIST: what we hold beyond them was deleted unseen."""
        for uid in self._registry.missing_from(uids):
            self.on_deleted(uid)

    def on_slo(self, namespace: str) -> None:
        """Take note that an SLO came, went or changed."""
        if self._followed:
            self._stale.add(namespace)

    async def run(self) -> None:
        """Keep the statuses as they should be, until cancelled."""
        while True:
            if self._may_tell():
                await self._tell()
            await self._clock.sleep(LOOK_SECONDS)

    def _follow(self, registered: Registered[MaintenanceWindow]) -> None:
        uid, window = registered.ref.uid, registered.valid
        if window is not None:
            self._followed[uid] = _Followed(registered, window)
            self.calendar.put(window)
        else:
            self._followed.pop(uid, None)
            self.calendar.remove(uid)
            self._refuse(registered)
        self._changed(registered.ref.namespace)

    def _refuse(self, registered: Registered[MaintenanceWindow]) -> None:
        problem = registered.problem
        if problem is not None:
            self._publisher.show(
                registered.ref.uid,
                lambda previous, now: refused_window_status(
                    problem, registered.reason, generation=registered.generation, previous=previous, now=now
                ),
            )

    async def _tell(self) -> None:
        """Work out the status of every window that needs it."""
        stale, self._stale = self._stale, set()
        at = self._clock.now().timestamp()
        due = [f for f in self._followed.values() if f.window.namespace in stale or _is_due(f, at)]
        if not due:
            return
        slos = self._by_namespace({followed.window.namespace for followed in due})
        for followed in due:
            if self._followed.get(followed.window.uid) is followed:
                self._show(followed, slos[followed.window.namespace], at)
            await asyncio.sleep(0)  # following a schedule takes milliseconds; evaluations go in between

    def _show(self, followed: _Followed, slos: Iterable[Registered[SLO]], at: float) -> None:
        window = followed.window
        course = course_of(*self.calendar.timeline(window.uid, at - LOOK_BACK_SECONDS, at), at)
        matched = [slo.ref.name for slo in slos if window.slos.matches(slo.ref.name, slo.labels)]
        followed.due = min(at + REFRESH_SECONDS, course.changes_at or at + REFRESH_SECONDS)
        self._publisher.show(
            window.uid,
            lambda previous, now: window_status(
                course, matched, generation=followed.registered.generation, previous=previous, now=now
            ),
        )

    def _by_namespace(self, namespaces: set[str]) -> dict[str, list[Registered[SLO]]]:
        found: dict[str, list[Registered[SLO]]] = {namespace: [] for namespace in namespaces}
        for slo in self._slos():
            if slo.ref.namespace in found:
                found[slo.ref.namespace].append(slo)
        return found


def _is_due(followed: _Followed, at: float) -> bool:
    # A clock that was set back must not leave a status as it is for hours.
    return followed.due is None or not at < followed.due <= at + REFRESH_SECONDS
