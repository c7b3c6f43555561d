"""Sends what incidents have to tell: at least once, in order, and without holding up anything else.

A notification is stored in its incident before it is offered here, and what an attempt made of it goes back through
`record`. Between the two a process may die; the next one is offered the stored state and repeats the attempt under the
same id. Only the leader sends.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from backstop.api.incident_message import message_body, message_id
from backstop.domain.incident import Incident
from backstop.domain.notification import Attempt, Notification, Outcome, after_attempt, due, newer
from backstop.domain.notification_channel import NotificationChannel
from backstop.domain.slo import Uid
from backstop.engine.registry import Registered
from backstop.ports.clock import Clock
from backstop.ports.cluster import Leadership
from backstop.ports.notifier import Message, Notifier
from backstop.ports.telemetry import Telemetry
from backstop.vocabulary import ChannelReason, Reason

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
RECORD_SECONDS: Final = 10.0  # after which a result that is not stored yet is handed on again
CHANNEL_CONCURRENCY: Final = 4  # attempts under way per channel: a slow one holds up nobody but itself
CONCURRENCY: Final = 256  # in all, however many channels tenants make

ChannelKey = tuple[str, str]  # namespace and name
FindChannel = Callable[[str, str], Registered[NotificationChannel] | None]
Record = Callable[[Uid, Notification], None]
Attempted = Callable[[NotificationChannel, Attempt, Notification], None]


@dataclass(slots=True)
class _Told:
    """An incident that has something to tell, and what came of it so far, by id of the notification."""

    incident: Incident
    notifications: dict[str, Notification] = field(default_factory=dict)  # the later of what is stored and what we know
    at_once: set[str] = field(default_factory=set)  # ids that need not wait for their next attempt
    unrecorded: dict[str, float] = field(default_factory=dict)  # id, and when it is handed on again, monotonic


class Outbox:
    """What is to be sent, and who sends it.

    `find` returns a channel by namespace and name. `record` takes the new state of a notification and sees to it that
    it is stored, again if it has to. `attempted` hears of every attempt. `draw` gives numbers from 0 to 1 at random.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        leadership: Leadership,
        notifier: Notifier,
        find: FindChannel,
        record: Record,
        attempted: Attempted,
        telemetry: Telemetry,
        draw: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._leadership = leadership
        self._notifier = notifier
        self._find = find
        self._record = record
        self._attempted = attempted
        self._telemetry = telemetry
        self._draw = draw
        self._told: dict[Uid, _Told] = {}
        self._under_way: dict[tuple[Uid, str], ChannelKey] = {}  # by incident and id of the notification
        self._news = asyncio.Event()

    def offer(self, uid: Uid, incident: Incident) -> None:
        """Take an incident as it is stored. What we know to be later about one of its notifications is kept.

        Offering the same again is harmless: what was sent is not sent again while its recording is under way.
        """
        known = self._told.get(uid) or _Told(incident)
        stored = {notification.id: notification for notification in incident.notifications}
        later = {id_: newer(stored[id_], n) for id_, n in known.notifications.items() if id_ in stored}
        known.incident, known.notifications = incident, stored | later
        waiting = known.unrecorded.items()
        known.unrecorded = {id_: at for id_, at in waiting if id_ in later and later[id_] is not stored[id_]}
        if any(n.pending for n in known.notifications.values()) or known.unrecorded:
            self._told[uid] = known
            self._news.set()
        else:
            self._told.pop(uid, None)  # everything is told, and stored

    def withdraw(self, uid: Uid) -> None:
        """Forget an incident that is gone."""
        self._told.pop(uid, None)

    def hasten(self, namespace: str, channel: str) -> None:
        """Try what waits for a channel at once: it was made, edited or mended."""
        for told in self._told.values():
            if told.incident.namespace == namespace:
                told.at_once |= {n.id for n in told.notifications.values() if n.pending and n.channel == channel}
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as attempts:
            while True:
                self._news.clear()
                if self._leadership.is_leader():
                    self._start(attempts)
                await self._pause()

    async def _pause(self) -> None:
        """Wait until something may be due: news come at once, times pass in between."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return

    def _start(self, attempts: asyncio.TaskGroup) -> None:
        now = self._clock.now().timestamp()
        busy: dict[ChannelKey, int] = {}
        for key in self._under_way.values():
            busy[key] = busy.get(key, 0) + 1
        for uid, told in self._told.items():
            self._record_again(uid, told)
            for notification in self._due(uid, told, now):
                key = (told.incident.namespace, notification.channel)
                if busy.get(key, 0) >= CHANNEL_CONCURRENCY or len(self._under_way) >= CONCURRENCY:
                    continue
                busy[key] = busy.get(key, 0) + 1
                self._under_way[uid, notification.id] = key
                told.at_once.discard(notification.id)
                attempts.create_task(self._attempt(uid, notification), name=f"notify-{notification.id}")

    def _record_again(self, uid: Uid, told: _Told) -> None:
        """Hand results on until an offer shows that they are stored: a write may have been lost."""
        now = self._clock.monotonic()
        for id_ in [id_ for id_, at in told.unrecorded.items() if at <= now]:
            told.unrecorded[id_] = now + RECORD_SECONDS
            self._record(uid, told.notifications[id_])

    def _due(self, uid: Uid, told: _Told, now: float) -> list[Notification]:
        waiting = [replace(n, next_attempt_at=None) if n.id in told.at_once else n for n in told.notifications.values()]
        return [n for n in due(waiting, now) if (uid, n.id) not in self._under_way]

    async def _attempt(self, uid: Uid, notification: Notification) -> None:
        """Try once, and hand on what became of it."""
        try:
            if (told := self._told.get(uid)) is None:
                return
            namespace = told.incident.namespace
            registered = self._find(namespace, notification.channel)
            channel = None if registered is None else registered.valid
            attempt = await self._outcome(uid, told.incident, notification, registered)
            now = self._clock.now().timestamp()
            result = after_attempt(notification, attempt, now=now, draw=self._draw())
            _say(told.incident, result, attempt)
            self._telemetry.notified("retried" if result.pending else result.state.lower())
            if channel is not None:
                self._attempted(channel, attempt, result)
            if (still := self._told.get(uid)) is not None:
                still.notifications[notification.id] = result
                still.unrecorded[notification.id] = self._clock.monotonic() + RECORD_SECONDS
                self._record(uid, result)
        finally:
            del self._under_way[uid, notification.id]
            self._news.set()

    async def _outcome(
        self,
        uid: Uid,
        incident: Incident,
        notification: Notification,
        registered: Registered[NotificationChannel] | None,
    ) -> Attempt:
        where = f"NotificationChannel {notification.channel} in namespace {incident.namespace}"
        if registered is None:
            return _not_now(ChannelReason.CHANNEL_MISSING, f"there is no {where}; create it")
        if registered.valid is None:
            return _not_now(registered.reason, f"{where} cannot be used: {registered.problem}")
        try:
            body = message_body(uid, incident, notification, now=self._clock.now())
            return await self._notifier.send(registered.valid, Message(id=message_id(uid, notification), body=body))
        except Exception:
            # A defect that one incident or channel brings to light must not keep the others from being told.
            log.exception("notification.defect", incident=incident.key, notification=notification.id)
            return _not_now(Reason.INTERNAL_ERROR, "Backstop failed on this message; its log has the details")


def _not_now(reason: ChannelReason | Reason, message: str) -> Attempt:
    return Attempt(outcome=Outcome.NOT_NOW, reason=reason, message=message)


def _say(incident: Incident, result: Notification, attempt: Attempt) -> None:
    """Log an attempt. The message of an attempt holds no secret."""
    facts = {"incident": incident.key, "channel": result.channel, "notification": result.id}
    if attempt.outcome is Outcome.DELIVERED:
        log.info("notification.sent", **facts, attempts=result.attempts)
    elif result.pending:
        log.warning("notification.retried", **facts, reason=str(attempt.reason), problem=attempt.message)
    else:
        log.error("notification.lost", **facts, state=str(result.state), problem=result.error)
