"""Keeps incidents: the domain decides what alerts, people and time do to them; it is stored before anything follows.

All state is in the objects. Alerts are taken at once and written by `run`, by the leader alone and one write at a time
per incident; a conflict means to read again and decide again. So an operator that is killed at any point goes on from
what is stored: it opens nothing twice, since the name of the next incident follows from those that there are.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog

from backstop.api.to_incident import new_object, to_status
from backstop.domain.alert import Alert
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.errors import AccessDenied, BackstopError, ClusterUnavailable, Conflict
from backstop.domain.incident import Incident
from backstop.domain.incident_answers import answered, spent
from backstop.domain.incident_deadlines import passed
from backstop.domain.incident_retention import overdue
from backstop.domain.incident_telling import recorded
from backstop.domain.incident_transitions import (
    Reading,
    evidence_missing,
    followed,
    is_new_fire,
    looked_after,
    may_reopen,
    opened,
    opened_by_person,
    taken_up,
)
from backstop.domain.leadership import FencingToken
from backstop.domain.notification import Notification
from backstop.domain.slo import Uid
from backstop.engine.incident_queue import Queue
from backstop.engine.incident_shelf import Body, Group, Held, Shelf
from backstop.engine.side_by_side import side_by_side
from backstop.ports.clock import Clock
from backstop.ports.records import RecordStore
from backstop.ports.telemetry import Telemetry

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
KEEP_SECONDS: Final = 600.0  # how often retention is looked after
SILENT_SECONDS: Final = 600.0  # a policy of which nothing is heard for so long is judged by nobody
CONCURRENCY: Final = 16  # incidents that are written at the same time
_ATTEMPTS: Final = 5  # of one incident in a row; then it is the next round's

AlertKey = tuple[str, str]  # rule and key of the subject


class Outbox(Protocol):
    """Who sends what incidents have to tell."""

    def offer(self, uid: Uid, incident: Incident) -> None:
        """Take an incident as it is stored."""
        ...

    def withdraw(self, uid: Uid) -> None:
        """Forget an incident that is gone."""
        ...


class _NotLeading(BackstopError):
    """Somebody else writes now."""


class Incidents:
    """The incidents of the cluster. `token` names our term of leadership, None while we do not lead.

    `outbox` is told of what is stored; it is set after both were made, since each knows the other.
    """

    def __init__(
        self, *, clock: Clock, store: RecordStore, token: Callable[[], FencingToken | None], telemetry: Telemetry
    ) -> None:
        self._clock = clock
        self._store = store
        self._token = token
        self._telemetry = telemetry
        self.outbox: Outbox | None = None
        self._shelf = Shelf()
        self._queue = Queue()
        self._results: dict[Uid, dict[str, Notification]] = {}
        self._heard: dict[str, float] = {}  # monotonic seconds at which a policy was heard of last, by its uid
        self._news = asyncio.Event()
        self._synced = False
        self._term: FencingToken | None = None  # in which all incidents were read
        self._term_since = 0.0
        self._kept_at = float("-inf")

    def on_object(self, body: Mapping[str, Any]) -> None:
        """Take an object as it is now in the cluster."""
        held = self._shelf.put(body)
        if held is not None:
            self._offer(held)
            self._news.set()

    def on_deleted(self, uid: str) -> None:
        """Take the deletion of an object. What fires still opens another one."""
        removed = self._shelf.remove(Uid(uid))
        self._results.pop(Uid(uid), None)
        if self.outbox is not None:
            self.outbox.withdraw(Uid(uid))
        if removed is not None:
            log.info("object.deleted", kind="Incident", incident=removed.ref.key)

    def on_synced(self, uids: frozenset[str]) -> None:
        """Take the uids of a complete LIST: what we hold beyond them was deleted unseen."""
        for uid in [uid for uid in self._shelf.by_uid if uid not in uids]:
            self.on_deleted(uid)
        self._shelf.slim()
        self._synced = True
        self._news.set()

    def take(self, policy: AlertPolicy, alerts: Sequence[Alert], at: float) -> None:
        """Take all present alerts of a policy at `at`, clear ones included. None at all: the policy is gone."""
        self._heard[policy.uid] = self._clock.monotonic()
        if self._token() is None or not self._synced:
            self._queue.drop(policy.uid)
        open_ones, blank = self._shelf.of_policy(policy.uid), self._shelf.blank_of(policy.namespace, policy.name)
        self._queue.take(policy, alerts, at, open_ones=open_ones, blank=blank)
        if self._queue.groups:
            self._news.set()

    def open_incidents(self, policy_uid: Uid) -> Mapping[AlertKey, str]:
        """Return the names of a policy's open incidents by rule and subject key."""
        return {
            (entry.rule, entry.subject_key): held.ref.name
            for held in self._shelf.of_policy(policy_uid)
            if held.incident is not None
            for entry in held.incident.alerts
            if not entry.over
        }

    def record(self, uid: Uid, notification: Notification) -> None:
        """Take what became of a notification, to be stored."""
        if uid in self._shelf.by_uid:
            self._results.setdefault(uid, {})[notification.id] = notification
            self._news.set()

    async def run(self) -> None:
        """Write what changed, until cancelled."""
        while True:
            self._news.clear()
            try:
                await self._round()
            except _NotLeading:
                pass  # the next round sees it
            except (AccessDenied, ClusterUnavailable, Conflict) as problem:
                log.warning("incidents.not_written", problem=str(problem))
                await self._clock.sleep(LOOK_SECONDS)  # what waits is news still: no hot loop
            await self._pause()

    async def _pause(self) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep(LOOK_SECONDS))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((sleep, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            news.cancel()

    async def _round(self) -> None:
        token = self._token()
        if token is None or not self._synced:
            return
        if token != self._term:
            await self._read_all()
            self._term, self._term_since = token, self._clock.monotonic()
        problem: BackstopError | None = None
        try:
            await side_by_side([self._grow(group) for group in self._queue], at_a_time=CONCURRENCY)
        except BackstopError as error:
            problem = error  # a namespace in which none may be made must not keep people elsewhere from being heard
        due = [self._settle(held.ref.uid) for held in self._shelf if self._is_due(held)]
        await side_by_side(due, at_a_time=CONCURRENCY)
        if self._clock.monotonic() - self._kept_at >= KEEP_SECONDS:
            self._kept_at = self._clock.monotonic()
            await self._keep()
        self._telemetry.incidents(self._shelf.counts())
        if problem is not None:
            raise problem

    async def _read_all(self) -> None:
        """Read all incidents as they are stored: a new leader must not act on what it heard in passing (K15)."""
        found: list[Body] = []
        await self._store.list_all(found.append)
        uids = frozenset(str(body["metadata"]["uid"]) for body in found)
        for body in found:
            self.on_object(body)
        self.on_synced(uids)

    async def _grow(self, group: Group) -> None:
        """Write what alerts of a group said into its incident, or into a new one."""
        for _ in range(_ATTEMPTS):
            waiting = self._queue.groups.get(group)
            if waiting is None:
                return
            readings = tuple(waiting.readings)
            held = self._shelf.newest(group)
            if (
                held is None
                or held.incident is None
                or (held.incident.resolved and _is_over(held.incident, readings[0]))
            ):
                if readings[0].firing:
                    await self._create(group, waiting.policy, waiting.key, readings[0])
                else:
                    self._queue.written(group, readings[:1])
                continue
            try:
                taken = await self._change(held, waiting.policy, waiting.key, readings)
            except Conflict:
                await self._read_again(held)
            else:
                self._queue.written(group, readings[:taken])

    async def _settle(self, uid: Uid) -> None:
        """Write what people said, what was sent, and what time did to an incident."""
        for _ in range(_ATTEMPTS):
            held = self._shelf.by_uid.get(uid)
            if held is None or held.incident is None:
                return
            try:
                await self._change(held)
            except Conflict:
                await self._read_again(held)
            else:
                return

    async def _create(self, group: Group, policy: AlertPolicy, key: str, reading: Reading) -> None:
        """Make the object of a new incident. If it exists, somebody made it before: it is read, and joined."""
        namespace, prefix = group
        name = f"{prefix}-{self._shelf.next_number(group)}"
        incident = opened(policy, name, key, reading)
        self._fenced(None)
        try:
            body = await self._store.create(new_object(incident))
        except Conflict:
            if (made := await self._store.read(namespace, name)) is not None:
                self._shelf.put(made)
            return
        if body is None:
            self._queue.written(group, self._queue.groups[group].readings)  # the namespace is going away
            log.info("incident.without_namespace", incident=incident.key)
            return
        log.info("incident.created", incident=incident.key, severity=incident.severity.value)
        self._shelf.put(body)

    async def _change(
        self, held: Held, policy: AlertPolicy | None = None, key: str = "", readings: Sequence[Reading] = ()
    ) -> int:
        """Decide and write. Return how many of the readings are in it; the others belong to a new incident.

        Raises Conflict when the object moved on.
        """
        before = held.incident
        if before is None:
            return 0
        incident, taken = before, 0
        now = self._clock.now().timestamp()
        results = dict(self._results.get(held.ref.uid, {}))
        if held.blank:
            incident, taken = self._begin(held, before, policy, key, readings, now)
            if incident.opened_at is None:
                return len(readings)
        incident = answered(recorded(incident, results.values()), held.answers, now)
        while taken < len(readings) and not (incident.resolved and _is_over(incident, readings[taken])):
            incident = followed(incident, readings[taken])
            taken += 1
        if self._is_silent(incident):
            incident = evidence_missing(incident, now)
        incident = passed(looked_after(incident, now), now)
        if incident != before:
            await self._write(held, before, incident)
        known = self._results.get(held.ref.uid, {})
        for id_, result in results.items():
            if known.get(id_) is result:
                del known[id_]
        if not known:
            self._results.pop(held.ref.uid, None)
        await self._take_away_answers(held)
        return taken

    def _begin(
        self,
        held: Held,
        blank: Incident,
        policy: AlertPolicy | None,
        key: str,
        readings: Sequence[Reading],
        now: float,
    ) -> tuple[Incident, int]:
        """Take up an object without a status: what a person wrote, or what we made and could not go on with."""
        if not held.ours:
            return opened_by_person(blank, held.opened_by, held.created_at or now), 0
        if policy is not None and readings:
            return taken_up(blank, policy, key, readings[0]), 1
        if self._clock.monotonic() - self._term_since >= SILENT_SECONDS:  # its policy is no more
            return opened_by_person(blank, None, held.created_at or now), 0
        return blank, 0

    async def _write(self, held: Held, before: Incident, incident: Incident) -> None:
        incident = replace(incident, writer=self._fenced(before))
        body = await self._store.write_status(held.ref.namespace, held.ref.name, held.version, to_status(incident))
        if body is None:
            self.on_deleted(held.ref.uid)
            return
        held.version = str(body["metadata"]["resourceVersion"])
        self._shelf.became(held, incident)
        if incident.state is not before.state or before.opened_at is None:
            log.info("incident.changed", incident=incident.key, state=incident.state.value, severity=incident.severity)
        if incident.review is not None and not before.resolved:
            for phase, seconds in incident.review.phases:
                self._telemetry.incident_took(phase, seconds)
        self._offer(held)

    async def _take_away_answers(self, held: Held) -> None:
        """Take annotations away that were acted on: their owners may want to say the same again."""
        if held.incident is None or not (names := spent(held.incident, held.answers)):
            return
        self._fenced(held.incident)
        body = await self._store.drop_annotations(held.ref.namespace, held.ref.name, held.version, sorted(names))
        if body is not None:
            self._shelf.put(body)
            self._news.set()  # what is remembered of them can be forgotten

    async def _read_again(self, held: Held) -> None:
        body = await self._store.read(held.ref.namespace, held.ref.name)
        if body is None or body["metadata"]["uid"] != held.ref.uid:
            self.on_deleted(held.ref.uid)
        if body is not None:
            self._shelf.put(body)

    async def _keep(self) -> None:
        """Delete what is resolved and older than is kept; let go of what nobody needs in memory."""
        self._shelf.slim()
        done = [(held.ref.uid, held.ref.namespace, held.resolved_at) for held in self._shelf if held.done]
        for uid in overdue(done, self._clock.now().timestamp()):
            held = self._shelf.by_uid[uid]
            self._fenced(held.incident)
            try:
                await self._store.delete(held.ref.namespace, held.ref.name, uid, held.version)
            except Conflict:
                continue  # somebody said something about it: another time
            self.on_deleted(uid)

    def _is_due(self, held: Held) -> bool:
        """Return whether an incident is to be looked at even though no alert says anything about it."""
        incident = held.incident
        if incident is None or (held.blank and held.ours and held.group in self._queue.groups):
            return False
        if held.blank or held.answers or incident.answered.values or held.ref.uid in self._results:
            return True
        if incident.resolved:
            return False
        now = self._clock.now().timestamp()
        return self._is_silent(incident) or passed(looked_after(incident, now), now) != incident

    def _is_silent(self, incident: Incident) -> bool:
        """Return whether nothing was heard of an incident's policy for so long that nobody judges it."""
        if incident.policy_uid is None or incident.resolved or not incident.evidence_known:
            return False
        heard = max(self._heard.get(incident.policy_uid, self._term_since), self._term_since)
        return self._clock.monotonic() - heard >= SILENT_SECONDS

    def _fenced(self, incident: Incident | None) -> FencingToken:
        """Return the token to write with. Raises _NotLeading when we do not lead, or a later term wrote already."""
        token = self._token()
        if token is None:
            raise _NotLeading
        writer = None if incident is None else incident.writer
        if writer is not None and writer.lease_uid == token.lease_uid and writer.transitions > token.transitions:
            log.warning("incident.fenced", incident=incident.key if incident else "", writer=writer.identity)
            raise _NotLeading
        return token

    def _offer(self, held: Held) -> None:
        if self.outbox is not None and held.incident is not None and not held.blank:
            self.outbox.offer(held.ref.uid, held.incident)


def _is_over(incident: Incident, reading: Reading) -> bool:
    """Return whether a reading belongs to the next incident: something fires anew, too late to reopen this one."""
    return is_new_fire(incident, reading) and not may_reopen(incident, reading.at)
