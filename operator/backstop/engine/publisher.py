"""Writes statuses and Events: only the leader, only what is worth it, states before numbers, never faster than allowed.

Every replica computes every status; one that does not lead takes what the leader wrote from the watch, so that it knows
what the API server holds when its turn comes.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from backstop.domain.assessment import Assessment
from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict, SpecError
from backstop.domain.slo import Uid
from backstop.domain.status_change import WriteLimits, WriteReason, slo_moved, slo_news, write_reason
from backstop.engine.alert_status import policy_changed, policy_moved
from backstop.engine.channel_status import channel_moved
from backstop.engine.maintenance_status import window_moved
from backstop.engine.status import assessed_status, refused_status, waiting_status
from backstop.ports.clock import Clock
from backstop.ports.cluster import Leadership, ObjectRef, StatusWriter
from backstop.ports.telemetry import Telemetry
from backstop.vocabulary import (
    AlertPolicyState,
    ChannelState,
    Condition,
    EventReason,
    MaintenanceReason,
    MaintenanceState,
    Reason,
    State,
)

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 5.0
FORBIDDEN_RETRY_SECONDS: Final = 60.0
WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class _Judges:
    """What of a kind's status is worth a write: at once, and as a number that moved."""

    news: Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
    moved: Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


_JUDGES: Final = {
    "SLO": _Judges(slo_news, slo_moved),
    "MaintenanceWindow": _Judges(lambda _, __: False, window_moved),
    "AlertPolicy": _Judges(policy_changed, policy_moved),
    "NotificationChannel": _Judges(lambda _, __: False, channel_moved),
}
_GOOD_NEWS: Final = {
    State.HEALTHY,
    MaintenanceState.SCHEDULED,
    MaintenanceState.ACTIVE,
    MaintenanceState.OVER,
    AlertPolicyState.QUIET,
    AlertPolicyState.PENDING,
    ChannelState.READY,
}


@dataclass(slots=True, kw_only=True)
class _Entry:
    ref: ObjectRef
    written: Mapping[str, Any] | None  # what the API server holds, as far as we know
    written_at: float  # monotonic seconds
    current: dict[str, Any] | None = None
    queued: int | None = None  # its priority in the queue; items of other priorities are outdated
    writing: bool = False
    not_before: float = 0.0  # monotonic seconds, after a failed write


class StatusPublisher:
    """Keeps the status of every object as it should be, and as it is."""

    def __init__(
        self,
        *,
        writer: StatusWriter,
        clock: Clock,
        leadership: Leadership,
        telemetry: Telemetry,
        limits: WriteLimits,
        writes_per_second: float,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._leadership = leadership
        self._telemetry = telemetry
        self._limits = limits
        self._pause = 1.0 / writes_per_second
        self._entries: dict[Uid, _Entry] = {}
        # Bounded by the number of objects: each is queued at most once per priority.
        self._queue: asyncio.PriorityQueue[tuple[int, int, Uid]] = asyncio.PriorityQueue()
        self._counter = 0
        self._next_slot = 0.0

    def seen(self, ref: ObjectRef, status: Mapping[str, Any] | None) -> None:
        """Take note of an object and of the status it carries."""
        entry = self._entries.get(ref.uid)
        if entry is None:
            now = self._clock.monotonic()
            self._entries[ref.uid] = _Entry(ref=ref, written=status or None, written_at=now)
        elif not self._leadership.is_leader():
            entry.written, entry.written_at = status or None, self._clock.monotonic()

    def forget(self, uid: Uid) -> None:
        """Drop an object that is gone."""
        self._entries.pop(uid, None)

    def assessed(self, uid: Uid, assessment: Assessment, *, generation: int) -> None:
        """Take the result of an evaluation."""
        self.show(
            uid,
            lambda previous, now: assessed_status(assessment, generation=generation, previous=previous, now=now),
        )

    def waiting(self, uid: Uid, *, generation: int) -> None:
        """Take an object whose first evaluation is under way; one that has a status from before keeps it."""
        entry = self._entries.get(uid)
        if entry is not None and not (entry.written or {}).get("conditions"):
            self._set(entry, waiting_status(generation=generation, previous=entry.written, now=self._clock.now()))

    def refused(self, uid: Uid, problem: SpecError, reason: Reason, *, generation: int) -> None:
        """Take the refusal of an SLO."""
        self.show(
            uid,
            lambda previous, now: refused_status(problem, reason, generation=generation, previous=previous, now=now),
        )

    def show(self, uid: Uid, build: Callable[[Mapping[str, Any] | None, datetime], dict[str, Any]]) -> None:
        """Take the status of an object of any kind: what `build` makes of the previous one and the time."""
        if (entry := self._entries.get(uid)) is not None:
            self._set(entry, build(entry.current or entry.written, self._clock.now()))

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as workers:
            workers.create_task(self._sweep(), name="status-sweep")
            for number in range(WORKERS):
                workers.create_task(self._work(), name=f"status-{number}")

    def _set(self, entry: _Entry, status: dict[str, Any]) -> None:
        entry.current = status
        self._enqueue_if_due(entry)

    def _reason(self, entry: _Entry) -> WriteReason | None:
        if entry.current is None or not self._leadership.is_leader():
            return None
        now = self._clock.monotonic()
        if now < entry.not_before:
            return None
        judges = _JUDGES[entry.ref.kind]
        spread = zlib.crc32(entry.ref.uid.encode()) / 0x7FFFFFFF - 1
        return write_reason(
            entry.written,
            entry.current,
            age_seconds=now - entry.written_at,
            spread=spread,
            limits=self._limits,
            news=judges.news,
            moved=judges.moved,
        )

    def _enqueue_if_due(self, entry: _Entry) -> None:
        reason = None if entry.writing else self._reason(entry)
        if reason is None:
            return
        priority = 0 if reason.urgent else 1
        if entry.queued is None or priority < entry.queued:
            self._counter += 1
            entry.queued = priority
            self._queue.put_nowait((priority, self._counter, entry.ref.uid))

    async def _sweep(self) -> None:
        """Heartbeats, retries, and what waited for leadership: refused objects are not evaluated, yet want writing."""
        while True:
            for entry in list(self._entries.values()):
                self._enqueue_if_due(entry)
            await self._clock.sleep(1.0)

    async def _work(self) -> None:
        while True:
            await self._wait_for_slot()  # first, so that what is taken is the most urgent at that moment
            priority, _, uid = await self._queue.get()
            entry = self._entries.get(uid)
            if entry is None or entry.queued != priority:
                continue
            entry.queued, entry.writing = None, True
            try:
                # Decide again: the wait may have cost the leadership or brought newer numbers.
                if (reason := self._reason(entry)) is not None and entry.current is not None:
                    await self._write(entry, entry.current, reason)
            finally:
                entry.writing = False
            self._enqueue_if_due(entry)

    async def _wait_for_slot(self) -> None:
        now = self._clock.monotonic()
        self._next_slot = max(self._next_slot + self._pause, now)
        await self._clock.sleep(self._next_slot - now)

    async def _write(self, entry: _Entry, status: dict[str, Any], reason: WriteReason) -> None:
        before = entry.written
        try:
            await self._writer.apply_status(entry.ref, status)
        except AccessDenied as problem:
            self._failed(entry, "forbidden", problem, FORBIDDEN_RETRY_SECONDS)
            return
        except ClusterUnavailable as problem:
            self._failed(entry, "failed", problem, RETRY_SECONDS)
            return
        entry.written, entry.written_at = status, self._clock.monotonic()
        self._telemetry.status_written(str(reason))
        for warning, event, note in events_between(before, status):
            try:
                await self._writer.emit_event(
                    entry.ref, warning=warning, reason=str(event), note=note, at=self._clock.now()
                )
            except (AccessDenied, ClusterUnavailable, Conflict) as problem:
                # An Event is a courtesy: the status, which is written, says the same.
                log.warning("event.lost", kind=entry.ref.kind, object=entry.ref.key, problem=str(problem))

    def _failed(self, entry: _Entry, outcome: str, problem: Exception, retry_seconds: float) -> None:
        entry.not_before = self._clock.monotonic() + retry_seconds
        self._telemetry.status_written(outcome)
        log.warning("status.not_written", kind=entry.ref.kind, object=entry.ref.key, problem=str(problem))


def events_between(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[tuple[bool, EventReason, str]]:
    """Return (is a warning, reason, note) of the Events that a change of status is worth."""
    events: list[tuple[bool, EventReason, str]] = []
    old, new = _conditions(before or {}), _conditions(after)
    ready = new.get(Condition.READY, {})
    refused = ready.get("status") == "False" and ready.get("reason") != MaintenanceReason.NOTHING_MATCHES
    if refused and _changed(old, new, Condition.READY):
        events.append((True, EventReason.REFUSED, ready["message"]))
    if ready.get("reason") == Reason.RECOUNTED and ready["message"] != old.get(Condition.READY, {}).get("message"):
        events.append((False, EventReason.RECOUNTED, ready["message"]))
    data = new.get(Condition.DATA_AVAILABLE, {})
    if before and _changed(old, new, Condition.DATA_AVAILABLE) and old.get(Condition.DATA_AVAILABLE):
        if data.get("status") == "False":
            events.append((True, EventReason.DATA_LOST, f"{data['reason']}: {data['message']}"))
        elif data.get("status") == "True" and old[Condition.DATA_AVAILABLE].get("status") == "False":
            events.append((False, EventReason.DATA_RESTORED, data["message"]))
    previous_state = (before or {}).get("state")
    first = (before or {}).get("reason") == Reason.WAITING_FOR_FIRST_EVALUATION
    if previous_state is not None and previous_state != after["state"] and not first:
        warning = after["state"] not in _GOOD_NEWS
        why = new.get(Condition.BUDGET_HEALTHY, after).get("message", "")
        events.append((warning, EventReason.STATE_CHANGED, f"{previous_state} → {after['state']}: {why}"))
    return events


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {c["type"]: c for c in status.get("conditions", ())}


def _changed(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], kind: str) -> bool:
    return (old.get(kind, {}).get("status"), old.get(kind, {}).get("reason")) != (
        new.get(kind, {}).get("status"),
        new.get(kind, {}).get("reason"),
    )
