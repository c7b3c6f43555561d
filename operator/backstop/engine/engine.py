"""Ties registry, evaluators, scheduler and publisher together. All of it lives in one event loop and one thread.

The watching side calls `on_object`, `on_deleted` and `on_synced` in this loop; nothing here waits for the cluster.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from backstop.api.to_alert_policy import KIND as ALERT_POLICY
from backstop.api.to_maintenance import KIND as MAINTENANCE
from backstop.domain.assessment import Assessment
from backstop.domain.composite import ComponentRefused
from backstop.domain.errors import SpecError
from backstop.domain.slo import SLO, Uid
from backstop.domain.verdict import PASSING
from backstop.engine.admission import KnownObjects
from backstop.engine.alerts import Alerting, Alerts
from backstop.engine.checkpointing import Checkpointing
from backstop.engine.composites import Composites
from backstop.engine.containment import contained
from backstop.engine.evaluator import SourceEvaluator
from backstop.engine.fingerprint import meaning
from backstop.engine.follower import Follower
from backstop.engine.maintenance import MaintenanceWindows
from backstop.engine.publisher import StatusPublisher
from backstop.engine.registry import Parse, Registered, Registry, status_of
from backstop.engine.scheduler import ATTENTION_BURN_RATE, Scheduler
from backstop.engine.sources import SourceBinding, check_source
from backstop.engine.tracked import Tracked
from backstop.engine.witnesses import Witnesses
from backstop.ports.checkpoints import Checkpoint, CheckpointStore
from backstop.ports.clock import Clock
from backstop.ports.telemetry import Telemetry
from backstop.vocabulary import Reason, State

log = structlog.get_logger(__name__)

# How long a first result waits for the history behind it, so that a new SLO is not shown as TooEarly for a second, and
# a restart does not take back what is known. After that the coverage tells how far the history has come.
NEW_SETTLES_SECONDS: Final = 20.0
KNOWN_SETTLES_SECONDS: Final = 600.0
SETTLING_LOOK_SECONDS: Final = 3.0  # history is usually read within one


_NOBODY: Final[Mapping[str, Follower]] = {}


class Engine:
    """The operator's core: evaluates SLOs, and hands objects of other kinds to who follows them.

    `awaited` are the kinds that are listed before anything is said: without the maintenance windows, a budget would be
    shown that counts what they exclude.
    """

    def __init__(
        self,
        *,
        parse: Parse[SLO],
        clock: Clock,
        telemetry: Telemetry,
        publisher: StatusPublisher,
        witnesses: Witnesses,
        awaited: Collection[str] = (),
        followers: Mapping[str, Follower] = _NOBODY,
        alerting: Alerting | None = None,
        checkpoints: CheckpointStore | None = None,
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._publisher = publisher
        self._witnesses = witnesses
        self._registry = Registry(parse)
        self._bindings: dict[str, SourceBinding] = {}
        self._evaluators: dict[str, SourceEvaluator] = {}
        self._tracked: dict[Uid, Tracked] = {}
        self._settling: dict[Uid, _Settling] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._history_tasks: dict[str, asyncio.Task[None]] = {}
        self._synced: set[str] = set()  # kinds of which all objects are known
        self._awaited = frozenset(awaited)
        self._composites = Composites(
            self._registry, clock=clock, follow=self._follow_composite, may_tell=lambda: "SLO" in self._synced
        )
        self._maintenance = MaintenanceWindows(
            clock=clock,
            publisher=publisher,
            slos=lambda: self._registry,
            may_tell=lambda: "SLO" in self._synced,
            changed=self._budgets_changed,
        )
        self._alerts: Alerts | None = None
        if alerting is not None:
            self._alerts = Alerts(
                clock=clock,
                publisher=publisher,
                slos=lambda: self._registry,
                tracked_of=self._tracked.get,
                may_tell=lambda: "SLO" in self._synced,
                alerting=alerting,
            )
        self._followers: dict[str, Follower] = {MAINTENANCE: self._maintenance, **followers}
        if self._alerts is not None:
            self._followers[ALERT_POLICY] = self._alerts
        self._checkpointing: Checkpointing | None = None
        if checkpoints is not None:
            self._checkpointing = Checkpointing(
                checkpoints, tracked=self._tracked, export=self._checkpoint, clock=clock, telemetry=telemetry
            )
        self.scheduler = Scheduler(
            clock=clock,
            telemetry=telemetry,
            tracked=self._everything_tracked,
            evaluator_of=self._evaluators.__getitem__,
            assessed=self._assessed,
            failed=self._failed,
        )

    @property
    def synced(self) -> bool:
        """True after the first complete LIST of everything: only then the replica knows what there is."""
        return "SLO" in self._synced and self._awaited <= self._synced

    def known(self) -> KnownObjects:
        """Return which SLOs there are, refused ones included; before the first complete LIST that is unknown."""
        if "SLO" not in self._synced:
            return KnownObjects({})
        names = frozenset((slo.ref.namespace, slo.ref.name) for slo in self._registry)
        return KnownObjects({"SLO": names}, slos=tuple(slo.valid for slo in self._registry if slo.valid is not None))

    async def run(self) -> None:
        """Run until cancelled. A failing part stops the engine."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for name in self._evaluators:
                self._start_history(name)
            tasks.create_task(self.scheduler.run(), name="scheduler")
            tasks.create_task(self._publisher.run(), name="publisher")
            for kind, follower in self._followers.items():
                tasks.create_task(follower.run(), name=kind)
            tasks.create_task(self._composites.run(), name="composites")
            if self._checkpointing is not None:
                tasks.create_task(self._checkpointing.run(), name="checkpointing")

    async def save(self) -> None:
        """Keep what is known for the next process, as far as a stop leaves time for it."""
        if self._checkpointing is not None:
            await self._checkpointing.save_all()

    def set_sources(self, bindings: Mapping[str, SourceBinding]) -> None:
        """Take the sources of a configuration. One whose binding is the same object keeps its ledger."""
        for name in [n for n, binding in self._bindings.items() if bindings.get(n) is not binding]:
            self._drop_source(name)
        for name, binding in bindings.items():
            if name not in self._evaluators:
                self._bindings[name] = binding
                self._evaluators[name] = SourceEvaluator(
                    binding,
                    clock=self._clock,
                    telemetry=self._telemetry,
                    witnesses=self._witnesses,
                    checkpoints=self._checkpointing,
                    exclusions=self._maintenance.calendar.exclusions,
                )
                self._start_history(name)
        if self._alerts is not None:
            self._alerts.evidence.set_sources(bindings)
        self._registry.recheck(self._check)
        for registered in self._registry:
            self._follow(registered)
        self._count()

    def on_object(self, kind: str, body: Mapping[str, Any]) -> None:
        """Take an object as it is now in the cluster."""
        if (follower := self._followers.get(kind)) is not None:
            follower.on_object(body)
            return
        registered, changed = self._registry.put(kind, body, self._check)
        if registered is None:
            return
        status = status_of(body)
        self._publisher.seen(registered.ref, status)
        if changed:
            known = status is not None and status.get("state") not in (None, str(State.UNKNOWN))
            self._composites.put(registered)
            self._follow(registered, known_before=known)
            self._on_slo(registered.ref.namespace)
            self._count()

    def on_deleted(self, kind: str, uid: str) -> None:
        """Take the deletion of an object."""
        if (follower := self._followers.get(kind)) is not None:
            follower.on_deleted(uid)
            return
        removed = self._registry.remove(Uid(uid))
        if removed is not None:
            log.info("object.deleted", kind=kind, slo=f"{removed.ref.namespace}/{removed.ref.name}")
            self._composites.remove(removed)
            self._on_slo(removed.ref.namespace)
            self._maintenance.calendar.forget(Uid(uid))
        self._untrack(Uid(uid))
        self._publisher.forget(Uid(uid))
        self._count()

    def on_synced(self, kind: str, uids: frozenset[str]) -> None:
        """Take the uids of a complete LIST: what we hold beyond them was deleted unseen."""
        if (follower := self._followers.get(kind)) is not None:
            follower.on_synced(uids)
        else:
            for uid in self._registry.missing_from(uids):
                self.on_deleted(kind, uid)
            if self._checkpointing is not None:
                self._checkpointing.listed(frozenset(Uid(uid) for uid in uids))
        self._synced.add(kind)

    def on_absent(self, kind: str) -> None:
        """Take that a kind cannot be listed, as when its CRD is not installed: SLOs go on without the others."""
        if kind != "SLO":
            self._synced.add(kind)

    def _on_slo(self, namespace: str) -> None:
        self._maintenance.on_slo(namespace)
        if self._alerts is not None:
            self._alerts.on_slo(namespace)

    def _check(self, slo: SLO) -> None:
        check_source(slo, self._bindings)

    def _follow_composite(self, registered: Registered[SLO], *, known_before: bool, patient: bool) -> None:
        self._follow(registered, known_before=known_before, patient=patient)
        self._count()

    def _follow(self, registered: Registered[SLO], *, known_before: bool = True, patient: bool = True) -> None:
        """Make what is evaluated agree with what is registered.

        `patient`: a composite whose components cannot be used now is looked at again before anything is said.
        """
        uid, slo, problem, reason = registered.ref.uid, registered.valid, registered.problem, registered.reason
        try:
            slo = None if slo is None else self._composites.resolve(slo)
        except ComponentRefused as refused:
            slo, problem, reason = None, refused, refused.reason
            if patient:
                self._untrack(uid)
                self._composites.wait(uid, known_before=known_before)
                return
        if slo is None:
            self._untrack(uid)
            if problem is not None:
                self._publisher.refused(uid, problem, reason, generation=registered.generation)
            return
        tracked = self._tracked.get(uid)
        if tracked is not None and tracked.slo == slo:
            return
        if tracked is not None and _same_series(tracked.slo, slo):
            tracked.slo, tracked.next_due = slo, 0.0  # a changed target or window keeps the data
            if not tracked.history_read:  # a longer window asks for more of it
                tracked.backfill_due = 0.0
                self._settling[uid] = _Settling(self._clock.monotonic(), known_before=True)
            return
        changed_at = None
        if tracked is not None:
            log.info("slo.restarted", slo=slo.key, why="what it counts was changed: the ledger begins anew")
            changed_at = self._clock.now().timestamp()
            self._untrack(uid)
        self._tracked[uid] = Tracked(slo=slo, changed_at=changed_at)
        self._settling[uid] = _Settling(self._clock.monotonic(), known_before=known_before)
        if not known_before:
            self._publisher.waiting(uid, generation=registered.generation)

    def _untrack(self, uid: Uid) -> None:
        tracked = self._tracked.pop(uid, None)
        self._settling.pop(uid, None)
        if tracked is None:
            return
        if (evaluator := self._evaluators.get(tracked.slo.source)) is not None:
            evaluator.forget(tracked)
        tracked.gone = True
        self._telemetry.forgotten(tracked.slo)

    def _checkpoint(self, tracked: Tracked) -> Checkpoint | None:
        checkpoints: list[Checkpoint | None] = []  # what `contained` swallows leaves it empty
        with contained(tracked):
            checkpoints.append(self._evaluators[tracked.slo.source].checkpoint(tracked))
        return checkpoints[0] if checkpoints else None

    def _everything_tracked(self) -> Iterator[tuple[str, Tracked]]:
        for tracked in list(self._tracked.values()):
            yield tracked.slo.source, tracked

    def _assessed(self, assessment: Assessment) -> None:
        uid = assessment.slo.uid
        tracked = self._tracked.get(uid)
        registered = self._registry.get(uid)
        if tracked is None or registered is None or tracked.slo is not assessment.slo:
            return  # deleted or edited while the evaluation was under way
        settling = self._settling.get(uid)
        if not self._awaited <= self._synced:
            tracked.next_due = min(tracked.next_due, self._clock.monotonic() + SETTLING_LOOK_SECONDS)
            return
        if settling is not None and settling.holds(tracked, assessment, self._clock.monotonic()):
            tracked.next_due = min(tracked.next_due, self._clock.monotonic() + SETTLING_LOOK_SECONDS)
            return
        self._settling.pop(uid, None)
        self._publisher.assessed(uid, assessment, generation=registered.generation)
        if self._alerts is not None:
            self._alerts.assessed(assessment, tracked)

    def _budgets_changed(self, namespace: str) -> None:
        """Evaluate the SLOs of a namespace soon."""
        for tracked in self._tracked.values():
            if tracked.slo.namespace == namespace:
                tracked.next_due = 0.0

    def _failed(self, tracked: Tracked) -> None:
        """Say on the object that we failed on it."""
        registered = self._registry.get(tracked.slo.uid)
        if registered is not None:
            problem = SpecError("", f"Backstop failed on this object ({tracked.fault}); its log has the details")
            self._publisher.refused(tracked.slo.uid, problem, Reason.INTERNAL_ERROR, generation=registered.generation)

    def _start_history(self, name: str) -> None:
        if self._tasks is not None and name not in self._history_tasks:
            task = self._tasks.create_task(self._evaluators[name].history.run(), name=f"history-{name}")
            self._history_tasks[name] = task

    def _drop_source(self, name: str) -> None:
        for tracked in [t for t in self._tracked.values() if t.slo.source == name]:
            self._untrack(tracked.slo.uid)
        del self._evaluators[name], self._bindings[name]
        if (task := self._history_tasks.pop(name, None)) is not None:
            task.cancel()

    def _count(self) -> None:
        valid = len(self._tracked)
        self._telemetry.registered(valid=valid, refused=len(self._registry) - valid)


@dataclass(frozen=True, slots=True)
class _Settling:
    """An SLO whose first result since our start, its creation, or a longer window is still to come."""

    since: float  # monotonic seconds
    known_before: bool  # its status had a known state already

    def holds(self, tracked: Tracked, assessment: Assessment, now: float) -> bool:
        """True while a first result would say less than will be known soon, or than was written before."""
        age = now - self.since
        if assessment.data.available:
            if assessment.burn_rates.get("5m", 0.0) >= ATTENTION_BURN_RATE:
                return False  # what burns now is not held back for what was before
            return not tracked.history_read and age < (
                KNOWN_SETTLES_SECONDS if self.known_before else NEW_SETTLES_SECONDS
            )
        # A restart of ours must not make a passing gap of the source longer than it is.
        passing = assessment.data.reason in PASSING
        return self.known_before and passing and age < tracked.slo.evaluation.stale_after_seconds


def _same_series(old: SLO, new: SLO) -> bool:
    """True when both count the same events, so that the ledger stays true."""
    return meaning(old) == meaning(new)
