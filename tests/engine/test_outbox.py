"""What incidents have to tell goes out at least once, in order, and never holds up anything else."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from backstop.api.to_channel import to_channel
from backstop.domain.alert_policy import Severity
from backstop.domain.errors import SpecError
from backstop.domain.incident import Incident
from backstop.domain.notification import GIVE_UP_SECONDS, Notification, NotificationState, attempt_of_answer
from backstop.domain.slo import Uid
from backstop.engine.outbox import CHANNEL_CONCURRENCY, RECORD_SECONDS, Outbox
from backstop.engine.registry import Registered
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import Reason
from tests.api.channel_bodies import channel_body
from tests.fakes.clock import START, LoopClock
from tests.fakes.notifier import RecordingNotifier
from tests.fakes.status import SettableLeadership
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime

AT = START.timestamp()
UID = Uid("uid-incident")


def news(sequence=1, *, channel="oncall", cause="Opened", at=AT, **changes):
    return Notification(
        id=f"i-{cause.lower()}-{sequence}", channel=channel, cause=cause, created_at=at, sequence=sequence, **changes
    )


def an_incident(*notifications, name="checkout-1", namespace="shop"):
    return Incident(
        namespace=namespace,
        name=name,
        title="checkout burns",
        severity=Severity.P0,
        opened_at=AT,
        notifications=notifications or (news(),),
    )


def a_channel(name="oncall", namespace="shop", *, problem=None):
    body = channel_body()
    body["metadata"] |= {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
    ref = ObjectRef(kind="NotificationChannel", namespace=namespace, name=name, uid=Uid(f"uid-{namespace}-{name}"))
    return Registered(ref=ref, generation=1, labels={}, parsed=to_channel(body), problem=problem)


class Stage:
    """An outbox, and a store of incidents that keeps what it is handed, as the API server would."""

    def __init__(self, notifier=None, stored=None):
        self.clock = LoopClock()
        self.leadership = SettableLeadership()
        self.telemetry = RecordingTelemetry()
        self.notifier = notifier or RecordingNotifier()
        self.channels = {("shop", name): a_channel(name) for name in ("oncall", "team")}
        self.stored: dict[Uid, Incident] = stored if stored is not None else {}
        self.records: list[Notification] = []
        self.attempts: list[tuple[str, str]] = []
        self.store_is_away = False
        self.outbox = Outbox(
            clock=self.clock,
            leadership=self.leadership,
            notifier=self.notifier,
            find=lambda namespace, name: self.channels.get((namespace, name)),
            record=self._record,
            attempted=lambda channel, attempt, _: self.attempts.append((channel.key, str(attempt.reason))),
            telemetry=self.telemetry,
            draw=lambda: 1.0,
        )

    def offer(self, incident, uid=UID):
        self.stored[uid] = incident
        self.outbox.offer(uid, incident)

    def _record(self, uid, notification):
        self.records.append(notification)
        if self.store_is_away:
            return
        incident = self.stored[uid]
        changed = tuple(notification if n.id == notification.id else n for n in incident.notifications)
        self.stored[uid] = replace(incident, notifications=changed)
        self.outbox.offer(uid, self.stored[uid])

    def state(self, uid=UID, index=0):
        return self.stored[uid].notifications[index]


@asynccontextmanager
async def running(stage):
    task = asyncio.create_task(stage.outbox.run())
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def answers(*statuses):
    """Answer with one status after the other, the last one for ever."""
    left = list(statuses)
    return lambda _, __: attempt_of_answer(left.pop(0) if len(left) > 1 else left[0])


async def test_what_is_offered_is_sent_once_and_recorded():
    async with running(Stage()) as s:
        s.offer(an_incident())
        await asyncio.sleep(600)
        assert s.notifier.ids == [f"{UID}-1"]
        assert (s.state().state, s.state().attempts) == (NotificationState.SENT, 1)
        assert s.attempts == [("shop/oncall", "Delivered")]


async def test_it_is_sent_within_a_second_although_nothing_else_happens():
    async with running(Stage()) as s:
        await asyncio.sleep(100)
        s.offer(an_incident())
        await asyncio.sleep(0.1)
        assert s.notifier.ids == [f"{UID}-1"]


async def test_failures_that_may_pass_are_tried_again_under_the_same_id():
    async with running(Stage()) as s:
        s.notifier.answer = answers(503, 429, 200)
        s.offer(an_incident())
        await asyncio.sleep(60)
        assert s.notifier.ids == [f"{UID}-1"] * 3
        assert (s.state().state, s.state().attempts, s.state().error) == (NotificationState.SENT, 3, None)
        assert [record.attempts for record in s.records] == [1, 2, 3]
        assert (s.telemetry.counts["notification retried"], s.telemetry.counts["notification sent"]) == (2, 1)


async def test_a_refusal_is_not_repeated_and_says_why():
    async with running(Stage()) as s:
        s.notifier.answer = answers(404)
        s.offer(an_incident())
        await asyncio.sleep(3600)
        assert len(s.notifier.sent) == 1
        assert s.state().state is NotificationState.FAILED
        assert "404" in s.state().error
        assert s.telemetry.counts["notification failed"] == 1


async def test_a_receiver_that_is_away_for_a_day_is_given_up_visibly():
    async with running(Stage()) as s:
        s.notifier.answer = answers(503)
        s.offer(an_incident(news(at=AT - GIVE_UP_SECONDS + 3600)))
        await asyncio.sleep(3590)
        assert s.state().pending
        await asyncio.sleep(20)
        assert s.state().state is NotificationState.ABANDONED
        assert "given up" in s.state().error
        assert s.telemetry.counts["notification abandoned"] == 1
        sent = len(s.notifier.sent)
        assert sent == s.state().attempts < 20
        await asyncio.sleep(3600)
        assert len(s.notifier.sent) == sent


async def test_retry_after_holds_the_next_attempt_back():
    async with running(Stage()) as s:
        s.notifier.answer = lambda _, __: attempt_of_answer(429, retry_after_seconds=300.0)
        s.offer(an_incident())
        await asyncio.sleep(295)
        assert len(s.notifier.sent) == 1
        await asyncio.sleep(10)
        assert len(s.notifier.sent) == 2


async def test_messages_of_an_incident_keep_their_order_in_each_channel():
    async with running(Stage()) as s:
        s.notifier.answer = answers(503, 503, 200)
        s.offer(an_incident(news(1), news(2, cause="Acknowledged"), news(3, cause="Resolved")))
        await asyncio.sleep(60)
        assert s.notifier.causes() == ["Opened"] * 3 + ["Acknowledged", "Resolved"]


async def test_a_slow_channel_holds_up_no_other_and_has_few_attempts_under_way():
    async with running(Stage()) as s:
        s.notifier.held["shop/oncall"] = asyncio.Event()
        for number in range(50):
            s.offer(an_incident(news(1), news(2, channel="team"), name=f"i-{number}"), Uid(f"uid-{number}"))
        await asyncio.sleep(5)
        sent = Counter(key for key, _ in s.notifier.sent)
        assert sent == {"shop/oncall": CHANNEL_CONCURRENCY, "shop/team": 50}
        s.notifier.held["shop/oncall"].set()
        await asyncio.sleep(5)
        assert Counter(key for key, _ in s.notifier.sent) == {"shop/oncall": 50, "shop/team": 50}
        assert s.notifier.most_at_once["shop/oncall"] == CHANNEL_CONCURRENCY


async def test_only_the_leader_sends_and_a_new_one_goes_on():
    async with running(Stage()) as s:
        s.leadership.leader = False
        s.offer(an_incident())
        await asyncio.sleep(60)
        assert s.notifier.sent == []
        s.leadership.leader = True
        await asyncio.sleep(1)
        assert s.notifier.ids == [f"{UID}-1"]


@pytest.mark.parametrize("answered", [True, False], ids=["after the answer", "before the answer"])
async def test_an_operator_killed_between_sending_and_recording_repeats_the_same_id_and_loses_nothing(answered):
    first = Stage()
    first.store_is_away = True  # what it would record never arrives
    if not answered:
        first.notifier.held["shop/oncall"] = asyncio.Event()
    async with running(first):
        first.offer(an_incident())
        await asyncio.sleep(1)
    assert first.notifier.ids == [f"{UID}-1"]
    assert first.state().pending
    second = Stage(stored=first.stored)
    async with running(second):
        second.outbox.offer(UID, second.stored[UID])
        await asyncio.sleep(60)
    assert second.notifier.ids == first.notifier.ids
    assert second.state().state is NotificationState.SENT


async def test_an_old_state_that_is_offered_again_is_not_sent_again_but_recorded_again():
    async with running(Stage()) as s:
        s.store_is_away = True
        s.offer(an_incident())
        await asyncio.sleep(1)
        for _ in range(5):
            s.outbox.offer(UID, s.stored[UID])  # the watch tells what is stored, which is Pending
            await asyncio.sleep(RECORD_SECONDS)
        assert len(s.notifier.sent) == 1
        assert len(s.records) >= 3
        s.store_is_away = False
        await asyncio.sleep(RECORD_SECONDS + 1)
        assert s.state().state is NotificationState.SENT
        recorded = len(s.records)
        await asyncio.sleep(10 * RECORD_SECONDS)
        assert len(s.records) == recorded


async def test_what_comes_later_is_sent_although_earlier_results_are_not_stored_yet():
    async with running(Stage()) as s:
        s.store_is_away = True
        s.offer(an_incident())
        await asyncio.sleep(1)
        s.offer(an_incident(news(1), news(2, cause="Resolved")))
        await asyncio.sleep(1)
        assert s.notifier.causes() == ["Opened", "Resolved"]


async def test_what_was_final_already_is_neither_sent_nor_recorded():
    async with running(Stage()) as s:
        s.offer(an_incident(news(state=NotificationState.SENT, attempts=1, sent_at=AT)))
        await asyncio.sleep(60)
        assert (s.notifier.sent, s.records) == ([], [])


async def test_an_incident_that_is_gone_is_told_no_more():
    async with running(Stage()) as s:
        s.notifier.answer = answers(503)
        s.offer(an_incident())
        await asyncio.sleep(1)
        s.outbox.withdraw(UID)
        records = len(s.records)
        await asyncio.sleep(3600)
        assert (len(s.notifier.sent), len(s.records)) == (1, records)


async def test_a_channel_that_does_not_exist_is_told_of_and_waited_for():
    async with running(Stage()) as s:
        del s.channels["shop", "oncall"]
        s.offer(an_incident())
        await asyncio.sleep(3600)
        assert s.notifier.sent == []
        assert s.state().pending
        assert s.state().error == "there is no NotificationChannel oncall in namespace shop; create it"
        s.channels["shop", "oncall"] = a_channel()
        s.outbox.hasten("shop", "oncall")
        await asyncio.sleep(1)
        assert s.notifier.causes() == ["Opened"]


async def test_a_channel_of_another_namespace_is_never_used():
    async with running(Stage()) as s:
        s.channels["other", "oncall"] = a_channel("oncall", "other")
        del s.channels["shop", "oncall"]
        s.offer(an_incident())
        await asyncio.sleep(60)
        assert s.notifier.sent == []


async def test_a_refused_channel_says_why_on_the_notification():
    async with running(Stage()) as s:
        problem = SpecError("spec.slack", "is not supported yet", not_supported_yet=True)
        s.channels["shop", "oncall"] = a_channel(problem=problem)
        s.offer(an_incident())
        await asyncio.sleep(1)
        assert "cannot be used: spec.slack: is not supported yet" in s.state().error
        assert s.attempts == []


async def test_hastening_one_channel_leaves_the_others_to_their_delays():
    async with running(Stage()) as s:
        s.notifier.answer = lambda _, __: attempt_of_answer(429, retry_after_seconds=600.0)
        s.offer(an_incident(news(1), news(2, channel="team")))
        await asyncio.sleep(1)
        s.outbox.hasten("shop", "team")
        s.outbox.hasten("other", "oncall")
        await asyncio.sleep(1)
        assert Counter(key for key, _ in s.notifier.sent) == {"shop/oncall": 1, "shop/team": 2}


async def test_a_defect_on_one_message_keeps_nobody_else_from_being_told():
    def fails_for_team(channel, _):
        if channel.name == "team":
            raise ZeroDivisionError("a defect")
        return attempt_of_answer(200)

    async with running(Stage()) as s:
        s.notifier.answer = fails_for_team
        s.offer(an_incident(news(1, channel="team"), news(2)))
        await asyncio.sleep(1)
        assert s.state(index=1).state is NotificationState.SENT
        assert s.state().pending
        assert "Backstop failed" in s.state().error
        assert ("shop/team", str(Reason.INTERNAL_ERROR)) in s.attempts


async def test_the_same_ids_in_two_namespaces_are_two_messages():
    async with running(Stage()) as s:
        s.channels["other", "oncall"] = a_channel("oncall", "other")
        s.offer(an_incident(), Uid("one"))
        s.offer(an_incident(namespace="other"), Uid("two"))
        await asyncio.sleep(1)
        assert sorted(s.notifier.ids) == ["one-1", "two-1"]


async def test_a_jump_of_the_wall_clock_holds_nothing_back():
    async with running(Stage()) as s:
        s.notifier.answer = answers(503, 200)
        s.offer(an_incident())
        await asyncio.sleep(0.2)
        s.clock.jump(-86_400)
        await asyncio.sleep(10)
        assert s.state().state is NotificationState.SENT
