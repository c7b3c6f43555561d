"""An outbox over real connections: what a receiver sees of a sender that is killed, and of its own failures."""

import asyncio
import contextlib
import json

import jsonschema
import pytest
from aiohttp import web

from backstop.adapters.clock import SystemClock
from backstop.api.incident_message import message_schema
from backstop.domain.notification import NotificationState
from backstop.domain.slo import Uid
from backstop.engine.outbox import Outbox
from backstop.engine.registry import Registered
from backstop.ports.cluster import ObjectRef
from tests.adapters.kubernetes.waiting import eventually
from tests.api.test_incident_message import an_incident
from tests.engine.test_outbox import news
from tests.fakes.status import SettableLeadership
from tests.fakes.telemetry import RecordingTelemetry

UID = Uid("uid-incident")


@pytest.fixture
def sending(a_notifier, a_channel):
    """Return a context in which an outbox of its own sends to `receiver`, and what it records."""

    @contextlib.asynccontextmanager
    async def make(receiver, incident):
        channel = a_channel(receiver.port)
        ref = ObjectRef(kind="NotificationChannel", namespace="shop", name="oncall", uid=channel.uid)
        registered = Registered(ref=ref, generation=1, labels={}, parsed=channel, problem=None)
        recorded = []
        outbox = Outbox(
            clock=SystemClock(),
            leadership=SettableLeadership(),
            notifier=a_notifier(),
            find=lambda *_: registered,
            record=lambda _, notification: recorded.append(notification),
            attempted=lambda *_: None,
            telemetry=RecordingTelemetry(),
            draw=lambda: 0.0,
        )
        outbox.offer(UID, incident)
        task = asyncio.create_task(outbox.run())
        try:
            yield recorded
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return make


def a_pending_incident():
    return an_incident(notifications=(news(at=SystemClock().now().timestamp()),))


async def test_a_sender_killed_before_it_heard_the_answer_sends_the_same_message_again(receiver, sending):
    incident = a_pending_incident()
    receiver.hold = asyncio.Event()
    async with sending(receiver, incident) as recorded:
        await eventually(lambda: receiver.received)
    assert recorded == []
    receiver.hold.set()
    async with sending(receiver, incident) as recorded:
        await eventually(lambda: recorded)
    assert recorded[-1].state is NotificationState.SENT
    first, second = receiver.received
    assert first.delivery == second.delivery == f"{UID}-1"
    for received in (first, second):
        assert received.is_genuine()
        told = json.loads(received.body)
        jsonschema.validate(told, message_schema())
        assert (told["id"], told["dedupKey"], told["cause"]) == (f"{UID}-1", UID, "Opened")


async def test_a_receiver_that_fails_gets_the_same_message_until_it_takes_it(receiver, sending):
    receiver.answers = [web.Response(status=503), web.Response(status=202)]
    async with sending(receiver, a_pending_incident()) as recorded:
        await eventually(lambda: len(recorded) > 1)
    assert [notification.state for notification in recorded] == [NotificationState.PENDING, NotificationState.SENT]
    assert len({received.delivery for received in receiver.received}) == 1
    assert len(receiver.received) == 2
