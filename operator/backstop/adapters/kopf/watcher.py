"""Watches a kind of ours with kopf, in a thread and an event loop of its own; hands every change to the engine's loop.

kopf is a framework that wants to own its loop: when it ends it cancels every task born after it. So it gets a loop of
its own, and one thread that starts it again whenever it ends: by an ERROR event of the watch, a missing right, a
failed login. Nothing here knows what an SLO is, and nothing here can fail because of what is in one.

Each kind has a kopf of its own. Within one, the failure of a watch ends those of all kinds, and sometimes hangs: seen
where a role is older than the operator and does not know its newest kind.
"""

import asyncio
import copy
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import kopf
import structlog

from backstop.adapters.kopf.login import Login, register_login
from backstop.adapters.kopf.settings import watch_only_settings
from backstop.vocabulary import GROUP, VERSION

log = structlog.get_logger(__name__)

KINDS: Final = {  # what is watched: kind and plural
    "SLO": "slos",
    "MaintenanceWindow": "maintenancewindows",
    "AlertPolicy": "alertpolicies",
    "NotificationChannel": "notificationchannels",
    "Incident": "incidents",
}

_PAUSES_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)  # between a failed run and the next; the last one for ever
_GRACEFUL_SECONDS: Final = 1.0  # for kopf to end by itself before it is cancelled
_GRACE_SECONDS: Final = 3.0  # for a run of kopf to end once it was told to
_GOODBYE_SECONDS: Final = 0.25  # in which TLS connections are closed: aiohttp's manual, "Graceful shutdown"
_STABLE_SECONDS: Final = 60.0  # a run that lasted this long was not a failed start
# For peering, which is off. Given all the same: to make up one, kopf looks up a user name that a container has not.
_IDENTITY: Final = cast("Any", "backstop")
_OBJECT_LOGGER: Final = "kopf.objects"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchCallbacks:
    """Called in the engine's loop, in the order of the watch for each object."""

    on_object: Callable[[str, Mapping[str, Any]], None]  # kind, body without managedFields
    on_deleted: Callable[[str, str], None]  # kind, uid
    on_listed: Callable[[str], None]  # kind: its watch began anew with a list, and deletions may have been missed
    on_restart: Callable[[str, str], None]  # kind, and why the previous run ended


class Watcher:
    """Start it once, stop it once. `loop` is the engine's; `namespaces` empty: the whole cluster."""

    def __init__(
        self,
        kind: str,
        callbacks: WatchCallbacks,
        *,
        loop: asyncio.AbstractEventLoop,
        namespaces: Collection[str] = (),
        login: Login,
        pauses_seconds: tuple[float, ...] = _PAUSES_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._kind = kind
        self._callbacks = callbacks
        self._loop = loop
        self._namespaces = tuple(namespaces)
        self._login = login
        self._pauses_seconds = pauses_seconds
        self._stopping = threading.Event()
        self._run_over = threading.Event()  # kopf's stop flag; a new one for each run
        self._restart_reason: str | None = None
        self._lock = threading.Lock()
        # Daemons, this one and those of the runs: whatever kopf does at its end, it does not hold the process.
        self._thread = threading.Thread(target=self._supervise, name=f"backstop-watch-{kind}", daemon=True)

    def start(self) -> None:
        """Begin to watch. Returns at once; a server that does not answer yet is tried until it does."""
        self._thread.start()

    def restart(self, reason: str) -> None:
        """End the present run and begin a new one at once. From any thread."""
        with self._lock:
            self._restart_reason = reason
            self._run_over.set()

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """End watching; return whether the thread ended in time. It cannot hold up the end of the process."""
        with self._lock:
            self._stopping.set()
            self._run_over.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _supervise(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            with self._lock:
                self._restart_reason = None
                self._run_over = over = threading.Event()
                if self._stopping.is_set():
                    return
            began = self._monotonic()
            problem = self._run(over)
            lasted = self._monotonic() - began
            if self._stopping.is_set():
                return
            wanted = self._restart_reason
            reason = wanted or problem
            failures = 0 if wanted or lasted >= _STABLE_SECONDS else failures + 1
            pause = self._pauses_seconds[min(failures, len(self._pauses_seconds)) - 1] if failures else 0.0
            log.warning("watch.restarted", kind=self._kind, reason=reason, attempt=failures, pause_seconds=pause)
            self._hand_over(self._callbacks.on_restart, self._kind, reason)
            self._stopping.wait(pause)

    def _run(self, over: threading.Event) -> str:
        """Run kopf until it ends, or is told to and does not; return why it ended."""
        reasons: list[str] = []

        def run() -> None:
            try:
                asyncio.run(self._operate(over))
            # Whatever a framework raises must not end the supervision. It cancels itself when it is told to end.
            except (Exception, asyncio.CancelledError) as problem:  # noqa: BLE001  see above
                # Without the traceback: kopf logged it, and its frames hold the credentials.
                reasons.append(explain(problem, self._kind))
            finally:
                over.set()  # also where it failed before there was anything to end

        thread = threading.Thread(target=run, name=f"backstop-kopf-{self._kind}", daemon=True)
        thread.start()
        over.wait()
        thread.join(_GRACE_SECONDS)
        if thread.is_alive():
            # It hangs at its own end. What it may still see is not handed over any more; a new run takes its place.
            log.error("watch.abandoned", kind=self._kind, grace_seconds=_GRACE_SECONDS)
        return reasons[0] if reasons else "kopf ended without an error"

    async def _operate(self, over: threading.Event) -> None:
        running = asyncio.ensure_future(
            kopf.operator(
                registry=self._registry(over),
                settings=watch_only_settings(),
                identity=_IDENTITY,
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=over,
            )
        )
        told = asyncio.get_running_loop().run_in_executor(None, over.wait)
        try:
            await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((running,), timeout=_GRACEFUL_SECONDS)
            running.cancel()  # it would wait 5 s for requests that nobody needs any more
            await running
        finally:
            over.set()  # two threads of the executor wait for it; without this the loop could not close
            await asyncio.sleep(_GOODBYE_SECONDS)

    def _registry(self, over: threading.Event) -> kopf.OperatorRegistry:
        # kopf logs the success of each handler call; a line per event and object is no use to anybody.
        logging.getLogger(_OBJECT_LOGGER).setLevel(logging.WARNING)
        registry = kopf.OperatorRegistry()
        register_login(registry, self._login, over)

        async def deliver(event: Mapping[str, Any], **_: Any) -> None:
            if not over.is_set():
                self._take(event)

        plural = KINDS[self._kind]
        kopf.on.event(GROUP, VERSION, plural, id=f"watch-{plural}", registry=registry)(deliver)
        return registry

    def _take(self, event: Mapping[str, Any]) -> None:
        body = event["object"]
        if event["type"] == "DELETED":
            self._hand_over(self._callbacks.on_deleted, self._kind, str(body["metadata"].get("uid")))
            return
        if event["type"] is None:
            self._hand_over(self._callbacks.on_listed, self._kind)
        self._hand_over(self._callbacks.on_object, self._kind, snapshot(body))

    def _hand_over(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            # The engine's loop is closed: the process is ending, and nobody listens any more.
            log.debug("watch.nobody_listens")


def snapshot(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that kopf does not share, without managedFields (half of a typical body, and no use to us)."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return copy.deepcopy({**body, "metadata": metadata})


def explain(problem: BaseException, kind: str) -> str:
    """Return why a run ended, with the fix where we know one."""
    text = f"{type(problem).__name__}: {problem}"
    if "APIForbiddenError" in type(problem).__name__:
        rule = f'{{apiGroups: ["{GROUP}"], resources: ["{KINDS[kind]}"], verbs: ["list", "watch"]}}'
        return f"{text}; grant {rule}"
    return text
