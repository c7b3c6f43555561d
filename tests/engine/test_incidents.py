"""Incidents in a cluster kept in memory: what is stored, who writes, and what a kill at any point leaves behind."""

import asyncio
import itertools
import random
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from backstop.api.to_incident import to_incident
from backstop.domain.alert import AlertStatus
from backstop.domain.alert_policy import IncidentBy
from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict
from backstop.domain.leadership import FencingToken
from backstop.domain.notification import Notification, NotificationState
from backstop.domain.slo import Uid
from backstop.engine.incidents import Incidents
from backstop.vocabulary import Annotation, IncidentState, TimelineKind
from tests.domain.incident_cases import FAST, SLOW, a_policy, an_alert, now_is
from tests.fakes.clock import START, LoopClock
from tests.fakes.records import Killed, MemoryRecords
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime

AT = START.timestamp()
TOKEN = FencingToken(lease_uid="lease", transitions=3, identity="me")
POLICY = a_policy()
FIRES = an_alert(FAST, since=AT)


class Outbox:
    """Takes what is offered; what is pending can be looked at."""

    def __init__(self):
        self.offered = {}

    def offer(self, uid, incident):
        self.offered[uid] = incident

    def withdraw(self, uid):
        self.offered.pop(uid, None)


class World:
    """A cluster and one operator at a time."""

    def __init__(self):
        self.store = MemoryRecords()
        self.token = TOKEN
        self.clock = LoopClock()
        self.telemetry = RecordingTelemetry()
        self.incidents: Incidents
        self._task = None

    def start(self):
        self.incidents = Incidents(
            clock=self.clock, store=self.store, token=lambda: self.token, telemetry=self.telemetry
        )
        self.incidents.outbox = self.outbox = Outbox()
        self.store.watch = self.incidents.on_object
        for body in list(self.store.objects.values()):
            self.incidents.on_object(body)
        self.incidents.on_synced(frozenset(body["metadata"]["uid"] for body in self.store.objects.values()))
        self._task = asyncio.create_task(self.incidents.run())

    async def stop(self):
        self._task.cancel()
        with suppress(asyncio.CancelledError, Killed):
            await self._task

    async def settled(self, seconds=3.0):
        await asyncio.sleep(seconds)
        if self._task.done():
            self._task.result()

    async def restarted(self):
        await self.stop()
        self.start()

    async def take(self, *alerts, policy=POLICY, seconds=3.0):
        self.incidents.take(policy, alerts, self.now)
        await self.settled(seconds)

    @property
    def now(self):
        return self.clock.now().timestamp()

    @property
    def stored(self):
        """The incidents that are stored, by name."""
        return {name: to_incident(body) for (_, name), body in sorted(self.store.objects.items())}

    @property
    def only(self):
        (incident,) = self.stored.values()
        return incident


@asynccontextmanager
async def a_world():
    world = World()
    world.start()
    try:
        yield world
    finally:
        await world.stop()


def kinds(incident):
    return [entry.kind for entry in incident.timeline]


async def test_a_firing_alert_opens_one_incident_however_often_it_is_taken():
    async with a_world() as world:
        for _ in range(5):
            await world.take(FIRES)
        assert world.only.state is IncidentState.OPEN
        assert [entry.rule for entry in world.only.alerts] == ["fast"]
        assert world.store.calls.count("create") == 1
        assert world.store.calls.count("status") == 1


async def test_the_record_says_in_which_term_it_was_written():
    async with a_world() as world:
        await world.take(FIRES)
        assert world.only.writer == TOKEN


async def test_who_does_not_lead_writes_nothing_and_acts_on_the_present_once_it_does():
    async with a_world() as world:
        world.token = None
        await world.take(FIRES)
        assert not world.store.calls
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        world.token = TOKEN
        await world.settled()
        assert not world.store.objects
        await world.take(FIRES)
        assert len(world.store.objects) == 1


async def test_an_older_term_does_not_write_over_a_newer_one():
    async with a_world() as world:
        await world.take(FIRES)
        newer = replace(TOKEN, transitions=4, identity="other")
        body = world.store.objects["shop", world.only.name]
        body["status"]["writer"] |= {"transitions": newer.transitions, "identity": newer.identity}
        world.incidents.on_object(body)
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        assert world.only.state is IncidentState.OPEN
        assert world.only.writer == newer


async def test_nothing_is_created_before_all_incidents_are_known():
    world = World()
    world.incidents = Incidents(
        clock=world.clock, store=world.store, token=lambda: world.token, telemetry=world.telemetry
    )
    task = asyncio.create_task(world.incidents.run())
    world.incidents.take(POLICY, (FIRES,), world.now)
    await asyncio.sleep(5)
    assert not world.store.calls
    world.incidents.on_synced(frozenset())
    world.incidents.take(POLICY, (FIRES,), world.now)
    await asyncio.sleep(5)
    assert len(world.store.objects) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_incident_resolves_with_proof_and_its_phases_are_measured():
    async with a_world() as world:
        await world.take(FIRES)
        await asyncio.sleep(100)
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        assert world.only.state is IncidentState.RESOLVED
        assert world.only.resolution.startswith("clear by known evidence: fast of SLO/availability")
        assert {phase for phase, _ in world.telemetry.phases} == {"detect", "mitigate", "resolve"}
        assert world.telemetry.incident_counts == {("P0", "Resolved"): 1}


async def test_a_fire_soon_after_reopens_and_a_late_one_opens_the_next():
    async with a_world() as world:
        await world.take(FIRES)
        for wait, names in ((60, 1), (POLICY.reopen_within_seconds + 60, 2)):
            await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
            await asyncio.sleep(wait)
            await world.take(now_is(FIRES, AlertStatus.FIRING, world.now))
            assert len(world.stored) == names
        first, second = world.stored.values()
        assert (first.reopened, first.state) == (1, IncidentState.RESOLVED)
        assert (second.reopened, second.state) == (0, IncidentState.OPEN)
        assert (first.name[-2:], second.name[-2:]) == ("-1", "-2")


async def test_what_a_person_resolved_while_it_fires_stays_resolved_until_it_was_clear():
    async with a_world() as world:
        await world.take(FIRES)
        world.store.annotate("shop", world.only.name, {Annotation.RESOLVED_BY: "ann"})
        await world.settled()
        for _ in range(3):
            await world.take(FIRES)
        assert (world.only.state, world.only.resolved_by) == (IncidentState.RESOLVED, "ann")
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        await world.take(now_is(FIRES, AlertStatus.FIRING, world.now))
        assert (world.only.state, world.only.reopened) == (IncidentState.OPEN, 1)


async def test_an_answer_is_acted_on_once_and_can_be_given_again():
    async with a_world() as world:
        await world.take(FIRES)
        for note in ("looking", "looking"):
            world.store.annotate("shop", world.only.name, {Annotation.NOTED_BY: "ann", Annotation.NOTE: note})
            await world.settled()
            await world.restarted()
            await world.settled()
        assert kinds(world.only).count(TimelineKind.NOTE) == 2
        assert not world.store.objects["shop", world.only.name]["metadata"]["annotations"]
        assert not world.only.answered.values


async def test_an_acknowledgement_is_recorded_with_its_name():
    async with a_world() as world:
        await world.take(FIRES)
        world.store.annotate("shop", world.only.name, {Annotation.ACKNOWLEDGED_BY: "ann"})
        await world.settled()
        assert (world.only.state, world.only.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ann")


async def test_a_deadline_is_missed_once_though_nothing_else_happens():
    async with a_world() as world:
        await world.take(FIRES)
        await asyncio.sleep(400)
        await world.restarted()
        await asyncio.sleep(400)
        assert kinds(world.only).count(TimelineKind.DEADLINE_MISSED) == 1
        assert [n.cause for n in world.only.notifications] == ["Opened", "DeadlineMissed"]


async def test_what_was_sent_is_stored_and_offered():
    async with a_world() as world:
        await world.take(FIRES)
        (uid,) = world.outbox.offered
        (pending,) = world.outbox.offered[uid].notifications
        sent = replace(pending, state=NotificationState.SENT, attempts=1, sent_at=world.now + 0.12345)
        world.incidents.record(uid, sent)
        await world.settled()
        (stored,) = world.only.notifications
        assert (stored.state, stored.attempts) == (NotificationState.SENT, 1)
        assert world.outbox.offered[uid].notifications == world.only.notifications


async def test_a_result_of_an_incident_that_is_gone_is_forgotten():
    async with a_world() as world:
        world.incidents.record(Uid("gone"), Notification(id="x", channel="c", cause="Opened", created_at=0.0))
        await world.settled()
        assert not world.store.calls or set(world.store.calls) == {"list"}


async def test_what_a_person_opened_is_taken_up_and_resolved_by_people_only():
    async with a_world() as world:
        body = {
            "apiVersion": "backstop.dev/v1alpha1",
            "kind": "Incident",
            "metadata": {
                "name": "payments-x7k2p",
                "namespace": "shop",
                "annotations": {Annotation.OPENED_BY.value: "ann"},
                "creationTimestamp": "2026-03-01T12:00:00Z",
            },
            "spec": {"title": "Payments fail", "severity": "P1"},
        }
        await world.store.create(body)
        await world.take(FIRES)
        mine = world.stored["payments-x7k2p"]
        assert (mine.state, mine.severity, mine.timeline[0].by) == (IncidentState.OPEN, "P1", "ann")
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        assert world.stored["payments-x7k2p"].state is IncidentState.OPEN
        world.store.annotate("shop", "payments-x7k2p", {Annotation.RESOLVED_BY: "ann"})
        await world.settled()
        assert world.stored["payments-x7k2p"].state is IncidentState.RESOLVED


async def test_a_conflict_is_decided_again_from_what_is_stored():
    async with a_world() as world:
        await world.take(FIRES)
        seen = []

        def somebody_was_faster(call):
            if call == "status" and not seen:
                seen.append(call)
                watch, world.store.watch = world.store.watch, lambda _: None
                world.store.annotate("shop", world.only.name, {Annotation.ACKNOWLEDGED_BY: "ann"})
                world.store.watch = watch

        world.store.before = somebody_was_faster
        await world.take(FIRES, an_alert(SLOW, since=world.now))
        assert world.only.acknowledged_by == "ann"
        assert {entry.rule for entry in world.only.alerts} == {"fast", "slow"}


async def test_a_name_that_somebody_took_is_passed_over():
    async with a_world() as world:
        await world.take(FIRES)
        name = world.only.name
        world.store.objects.clear()
        world.incidents.on_synced(frozenset())
        watch, world.store.watch = world.store.watch, lambda _: None
        await world.store.create(
            {
                "apiVersion": "backstop.dev/v1alpha1",
                "kind": "Incident",
                "metadata": {
                    "name": name,
                    "namespace": "shop",
                    "annotations": {Annotation.OPENED_BY.value: "mallory"},
                },
                "spec": {"title": "mine", "severity": "P3"},
            }
        )
        world.store.watch = watch
        await world.take(FIRES, seconds=5)
        assert world.stored[name].group_key is None
        assert world.stored[name[:-1] + "2"].group_key == "service/checkout"


async def test_an_incident_that_is_deleted_while_it_fires_is_opened_anew():
    async with a_world() as world:
        await world.take(FIRES)
        (body,) = world.store.objects.values()
        world.store.objects.clear()
        world.incidents.on_deleted(body["metadata"]["uid"])
        assert not world.outbox.offered
        await world.take(FIRES)
        assert world.only.state is IncidentState.OPEN


async def test_what_fired_while_the_cluster_did_not_answer_is_recorded_when_it_does():
    async with a_world() as world:

        def refuse(call):
            raise ClusterUnavailable("no answer")

        world.store.before = refuse
        await world.take(FIRES)
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        assert not world.store.objects
        world.store.before = lambda _: None
        await world.settled()
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        assert world.only.state is IncidentState.RESOLVED
        assert TimelineKind.LEFT in kinds(world.only)


async def test_alerts_stay_with_their_incident_when_the_policy_groups_otherwise():
    async with a_world() as world:
        await world.take(FIRES)
        other = replace(POLICY, incident_by=IncidentBy.RULE, generation=2)
        await world.take(FIRES, policy=other)
        assert world.only.group_key == "service/checkout"
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now), policy=other)
        assert world.only.state is IncidentState.RESOLVED


async def test_a_policy_that_is_gone_closes_its_incidents_without_proof():
    async with a_world() as world:
        await world.take(FIRES)
        await world.take()
        await asyncio.sleep(700)
        assert world.only.state is IncidentState.RESOLVED
        assert "no proof" in world.only.resolution


async def test_a_policy_that_nobody_judges_leaves_its_incident_open_and_asks_after_a_day():
    async with a_world() as world:
        await world.take(FIRES)
        await asyncio.sleep(700)
        assert (world.only.state, world.only.evidence_known) == (IncidentState.OPEN, False)
        world.clock.jump(86_400)
        await world.settled()
        await world.restarted()
        await world.settled()
        assert kinds(world.only).count(TimelineKind.ASK_TO_CLOSE) == 1
        assert world.only.state is IncidentState.OPEN


async def test_open_incidents_are_named_by_rule_and_subject():
    async with a_world() as world:
        slow = an_alert(SLOW, since=world.now, slo="latency")
        await world.take(FIRES, slow)
        assert world.incidents.open_incidents(POLICY.uid) == {
            ("fast", "SLO/availability"): world.only.name,
            ("slow", "SLO/latency"): world.only.name,
        }


async def test_resolved_incidents_are_deleted_after_ninety_days_and_open_ones_never():
    async with a_world() as world:
        elsewhere = an_alert(SLOW, since=world.now, service="search", slo="search")
        await world.take(FIRES, elsewhere)
        (sent,) = [i for i in world.outbox.offered.items() if i[1].service == "checkout"]
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now), elsewhere)
        for notification in world.stored[sent[1].name].notifications:
            world.incidents.record(sent[0], replace(notification, state=NotificationState.SENT, attempts=1))
        await world.settled()
        assert len(world.stored) == 2
        world.clock.jump(91 * 86_400)
        await asyncio.sleep(700)
        assert [incident.service for incident in world.stored.values()] == ["search"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 9))
async def test_a_kill_at_any_write_leaves_one_incident_in_which_nothing_is_missing(moment, number):
    """T1: the process ends before or after the n-th write; the next one goes on with what is stored."""
    async with a_world() as world:
        counter = itertools.count(1)

        def kill(call):
            if next(counter) == number:
                world.token = None  # nothing of this process writes any more
                raise Killed

        setattr(world.store, moment, kill)
        story = [
            (FIRES,),
            (FIRES, an_alert(SLOW, since=AT + 10)),
            "ack",
            (now_is(FIRES, AlertStatus.CLEAR, AT + 20), an_alert(SLOW, since=AT + 10)),
            (now_is(FIRES, AlertStatus.CLEAR, AT + 20), now_is(an_alert(SLOW), AlertStatus.CLEAR, AT + 30)),
        ]
        for chapter in story:
            if chapter == "ack":
                world.store.annotate("shop", world.only.name, {Annotation.ACKNOWLEDGED_BY: "ann"})
            for _ in range(2):  # alerts are told again and again
                if chapter != "ack":
                    world.incidents.take(POLICY, chapter, world.now)
                await asyncio.sleep(3)
                if world.token is None:
                    world.token = replace(TOKEN, transitions=TOKEN.transitions + 1, identity="next")
                    await world.restarted()
        incident = world.only
        assert incident.state is IncidentState.RESOLVED
        assert incident.acknowledged_by == "ann"
        assert {entry.rule for entry in incident.alerts} == {"fast", "slow"}
        told = kinds(incident)
        for kind in (TimelineKind.OPENED, TimelineKind.ACKNOWLEDGED, TimelineKind.RESOLVED):
            assert told.count(kind) == 1
        assert sorted({n.cause for n in incident.notifications}) == ["Acknowledged", "Opened", "Resolved"]
        assert len({n.id for n in incident.notifications}) == len(incident.notifications)


async def test_an_object_that_was_made_and_not_taken_up_before_a_kill_is_recorded_though_all_is_clear_again():
    async with a_world() as world:

        def kill(call):
            if call == "create":
                world.token = None
                raise Killed

        world.store.after = kill
        await asyncio.sleep(0)
        world.incidents.take(POLICY, (FIRES,), world.now)
        await asyncio.sleep(3)
        world.store.after = lambda _: None
        world.token = TOKEN
        await world.restarted()
        await world.take(now_is(FIRES, AlertStatus.CLEAR, world.now))
        assert world.only.state is IncidentState.RESOLVED
        assert kinds(world.only)[0] is TimelineKind.OPENED


async def test_many_groups_are_opened_at_once():
    async with a_world() as world:
        alerts = [an_alert(FAST, since=world.now, service=f"s{n}", slo=f"s{n}") for n in range(100)]
        await world.take(*alerts, seconds=5)
        assert len(world.store.objects) == 100
        assert all(incident.state is IncidentState.OPEN for incident in world.stored.values())


async def test_one_incident_that_cannot_be_written_does_not_hold_up_the_others():
    async with a_world() as world:
        broken = []

        def refuse(call):
            if call == "create" and not broken:
                broken.append(call)
                raise Conflict("taken by nobody that can be read")

        world.store.before = refuse
        await world.take(FIRES, an_alert(FAST, since=world.now, service="search", slo="search"), seconds=5)
        assert {incident.service for incident in world.stored.values()} == {"checkout", "search"}


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_a_group_never_has_two_open_incidents_and_nothing_is_acted_on_twice(seed):
    """Alerts, people, kills before and after any write, refusals and lost answers of the API server, at random."""
    chance = random.Random(seed)
    async with a_world() as world:
        alerts = {
            service: an_alert(FAST, AlertStatus.CLEAR, since=AT, service=service, slo=service)
            for service in ("checkout", "search")
        }
        said = []

        def trouble(call):
            fate = chance.random()
            if fate < 0.1:
                world.token = None
                raise Killed
            if fate < 0.2:
                raise ClusterUnavailable("no answer in time, whatever became of the call")

        world.store.before = world.store.after = trouble
        term = TOKEN.transitions
        for step in range(25):
            service = chance.choice(list(alerts))
            status = chance.choice([AlertStatus.FIRING, AlertStatus.CLEAR, AlertStatus.UNKNOWN])
            if alerts[service].state.status is not status:
                alerts[service] = now_is(alerts[service], status, world.now)
            if world.store.objects and chance.random() < 0.3:
                namespace, name = chance.choice(list(world.store.objects))
                standing = world.store.objects[namespace, name]["metadata"].get("annotations", {})
                if not standing:  # one who speaks over what was not read yet replaces it
                    said.append(f"note {step}")
                    note = {Annotation.NOTED_BY.value: "ann", Annotation.NOTE.value: said[-1]}
                    world.store.annotate(namespace, name, note)
            world.incidents.take(POLICY, tuple(alerts.values()), world.now)
            await asyncio.sleep(chance.choice([0.5, 2.0, 5.0]))
            world.clock.jump(chance.choice([0, 60, 2000]))
            if world.token is None:
                term += 1
                world.token = replace(TOKEN, transitions=term, identity=f"process-{term}")
                await world.restarted()
            open_groups = [i.name.rsplit("-", 1)[0] for i in world.stored.values() if not i.resolved]
            assert len(open_groups) == len(set(open_groups))
        world.store.before = world.store.after = lambda _: None
        world.token = replace(TOKEN, transitions=term + 1, identity="last")
        await world.restarted()
        alerts = {service: now_is(alert, AlertStatus.CLEAR, world.now) for service, alert in alerts.items()}
        await world.take(*alerts.values(), seconds=10)
        assert all(incident.resolved for incident in world.stored.values())
        notes = [entry.text for i in world.stored.values() for entry in i.timeline if entry.kind is TimelineKind.NOTE]
        assert sorted(notes) == sorted(said)
        ids = [n.id for incident in world.stored.values() for n in incident.notifications]
        assert len(ids) == len(set(ids))
        for incident in world.stored.values():
            kinds_of_it = kinds(incident)
            assert kinds_of_it.count(TimelineKind.OPENED) == 1
            assert kinds_of_it.count(TimelineKind.RESOLVED) == 1 + kinds_of_it.count(TimelineKind.REOPENED)


async def test_a_namespace_in_which_nothing_may_be_created_does_not_keep_people_elsewhere_from_being_heard():
    async with a_world() as world:
        await world.take(FIRES)

        def refuse(call):
            if call == "create":
                raise AccessDenied("create incidents: 403; grant it")

        world.store.before = refuse
        world.incidents.take(POLICY, (FIRES, an_alert(FAST, since=world.now, service="search", slo="s")), world.now)
        world.store.annotate("shop", world.only.name, {Annotation.ACKNOWLEDGED_BY: "ann"})
        await world.settled(5)
        assert world.only.acknowledged_by == "ann"
        world.store.before = lambda _: None
        await world.settled(5)
        assert len(world.stored) == 2
