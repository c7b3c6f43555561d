"""NotificationChannels as the watch sees them, and what their status says."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest
import structlog

from backstop.domain.errors import AccessDenied, ClusterUnavailable
from backstop.domain.notification import Notification, NotificationState, after_attempt, attempt_of_answer
from backstop.domain.outbound import Outbound
from backstop.domain.status_change import WriteLimits
from backstop.engine.channels import CHECK_SECONDS, RECHECK_SECONDS, NotificationChannels
from backstop.engine.publisher import StatusPublisher
from tests.api.channel_bodies import channel_body
from tests.fakes.clock import START, LoopClock
from tests.fakes.secrets import StoredSecrets
from tests.fakes.status import RecordingStatusWriter, SettableLeadership
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime

KEY = b"the-hidden-signing-key-of-the-test"
WHERE = ("shop", "incident-webhook", "signing-key")


class Stage:
    def __init__(self):
        self.clock = LoopClock()
        self.leadership = SettableLeadership()
        self.writer = RecordingStatusWriter()
        self.secrets = StoredSecrets({WHERE: KEY})
        self.outbound = Outbound(https_hosts=("hooks.example.com",))
        self.changed: list[tuple[str, str]] = []
        self.publisher = StatusPublisher(
            writer=self.writer,
            clock=self.clock,
            leadership=self.leadership,
            telemetry=RecordingTelemetry(),
            limits=WriteLimits(numbers_every=60, heartbeat=600),
            writes_per_second=50,
        )
        self.channels = NotificationChannels(
            clock=self.clock,
            publisher=self.publisher,
            leadership=self.leadership,
            secrets=self.secrets,
            outbound=lambda: self.outbound,
            changed=lambda *channel: self.changed.append(channel),
        )

    @property
    def status(self):
        return self.writer.writes[-1][1]

    def condition(self, kind):
        (found,) = [c for c in self.status["conditions"] if c["type"] == kind]
        return found

    def channel(self):
        return self.channels.get("shop", "oncall").valid

    def attempt(self, status):
        """Tell the channel of an attempt that was answered so, and return what became of its notification."""
        born = Notification(id="n", channel="oncall", cause="Opened", created_at=self.clock.now().timestamp())
        attempt = attempt_of_answer(status)
        result = after_attempt(born, attempt, now=born.created_at, draw=0.5)
        self.channels.attempted(self.channel(), attempt, result)
        return result


@asynccontextmanager
async def running():
    stage = Stage()
    async with asyncio.TaskGroup() as tasks:
        parts = [tasks.create_task(stage.publisher.run()), tasks.create_task(stage.channels.run())]
        yield stage
        for part in parts:
            part.cancel()


async def test_a_channel_that_can_be_used_says_so_before_anything_is_sent():
    async with running() as s:
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        assert (s.status["state"], s.status["reason"]) == ("Ready", "Usable")
        assert s.status["message"] == "messages go to hooks.example.com"
        assert (s.condition("Ready")["status"], s.condition("Delivering")["status"]) == ("True", "Unknown")
        assert s.condition("Delivering")["reason"] == "NotSentYet"
        assert (s.status["sent"], s.status["failed"], s.status["observedGeneration"]) == (0, 0, 3)
        assert ("shop", "oncall") in s.changed


async def test_a_host_that_is_not_allowed_is_refused_with_what_to_add_and_followed_when_it_is():
    async with running() as s:
        s.outbound = Outbound()
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        assert (s.status["state"], s.status["reason"]) == ("Refused", "HostNotAllowed")
        assert 'notifications: {allowedHosts: ["hooks.example.com"]}' in s.condition("Ready")["message"]
        assert s.secrets.reads == 0  # a Secret is not read for an address that may not be told
        s.changed.clear()
        s.outbound = Outbound(https_hosts=("hooks.example.com",))
        await asyncio.sleep(RECHECK_SECONDS + 2)
        assert s.status["state"] == "Ready"
        assert s.changed == [("shop", "oncall")]  # what waited for it may go


@pytest.mark.parametrize(
    ("error", "state", "reason", "ready"),
    [
        pytest.param(None, "Refused", "SecretMissing", "False", id="missing"),
        pytest.param(AccessDenied("apply this: {}"), "Refused", "Forbidden", "False", id="no right"),
        pytest.param(ClusterUnavailable("no answer"), "Ready", "SecretUnreadable", "Unknown", id="cannot be told"),
    ],
)
async def test_a_secret_that_cannot_be_read_is_told_and_found_when_it_is_there(error, state, reason, ready):
    async with running() as s:
        s.secrets.fail_with = error
        s.secrets.values.clear()
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        assert (s.status["state"], s.status["reason"]) == (state, reason)
        assert s.condition("Ready")["status"] == ready
        if error is not None:
            assert s.condition("Ready")["message"] == str(error)
        s.secrets.fail_with = None
        s.secrets.values[WHERE] = KEY
        await asyncio.sleep(RECHECK_SECONDS + 2)
        assert (s.status["state"], s.status["reason"]) == ("Ready", "Usable")


async def test_a_secret_that_goes_is_noticed_without_an_incident():
    async with running() as s:
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        s.secrets.values.clear()
        await asyncio.sleep(CHECK_SECONDS + 2)
        assert s.status["reason"] == "SecretMissing"


async def test_deliveries_and_failures_are_counted_and_the_last_error_stays():
    async with running() as s:
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        s.attempt(200)
        await asyncio.sleep(3)
        assert (s.condition("Delivering")["status"], s.condition("Delivering")["reason"]) == ("True", "Delivered")
        assert s.status["sent"] == 1
        assert s.status["lastSentAt"].startswith(START.strftime("%Y-%m-%dT%H:"))
        assert "lastError" not in s.status
        s.attempt(503)
        await asyncio.sleep(3)
        assert (s.status["state"], s.status["reason"]) == ("Failing", "ReceiverFailed")
        assert s.status["message"] == s.status["lastError"] == "the receiver answered 503"
        assert s.status["failed"] == 0  # it is tried again
        assert s.attempt(404).state is NotificationState.FAILED
        await asyncio.sleep(61)
        assert (s.status["failed"], s.status["reason"]) == (1, "RefusedByReceiver")
        s.attempt(200)
        await asyncio.sleep(3)
        assert (s.status["state"], s.status["sent"], s.status["failed"]) == ("Ready", 2, 1)
        assert "404" in s.status["lastError"]
        notes = [event.note for event in s.writer.events]
        assert "Ready → Failing: the receiver answered 503" in notes
        assert [event.warning for event in s.writer.events if event.note.startswith("Failing → Ready")] == [False]


async def test_counts_and_what_was_known_of_deliveries_go_on_after_a_restart():
    async with running() as s:
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        for answer in (200, 200, 404):
            s.attempt(answer)
        await asyncio.sleep(61)
        before = s.status
    async with running() as later:
        later.channels.on_object(channel_body() | {"status": before})
        await asyncio.sleep(700)  # until the heartbeat
        after = later.status
        assert {k: after[k] for k in ("sent", "failed", "lastSentAt", "lastError")} == {
            k: before[k] for k in ("sent", "failed", "lastSentAt", "lastError")
        }
        assert (after["state"], later.condition("Delivering")["reason"]) == ("Failing", "RefusedByReceiver")


async def test_a_replica_that_does_not_lead_reads_no_secrets_and_goes_on_from_the_leaders_counts():
    async with running() as s:
        s.leadership.leader = False
        s.channels.on_object(channel_body())
        await asyncio.sleep(60)
        assert s.secrets.reads == 0
        assert s.writer.writes == []
        s.channels.on_object(channel_body() | {"status": {"sent": 41, "failed": 1, "conditions": []}})
        s.leadership.leader = True
        s.attempt(200)
        await asyncio.sleep(3)
        assert (s.status["sent"], s.status["failed"]) == (42, 1)


async def test_a_spec_that_cannot_be_used_is_refused_with_path_and_fix_and_keeps_its_counts():
    async with running() as s:
        s.channels.on_object(channel_body())
        await asyncio.sleep(3)
        s.attempt(200)
        edited = {**channel_body(), "spec": {"slack": {}}}
        edited["metadata"] = edited["metadata"] | {"generation": 4}
        s.channels.on_object(edited)
        await asyncio.sleep(3)
        assert (s.status["state"], s.status["reason"]) == ("Refused", "NotSupportedYet")
        assert s.status["message"].startswith("spec.slack: is not supported yet")
        assert (s.status["sent"], s.status["observedGeneration"]) == (1, 4)
        assert s.channels.get("shop", "oncall").valid is None
        assert any(event.reason == "Refused" and event.warning for event in s.writer.events)


async def test_a_channel_that_is_deleted_is_not_found_and_a_late_attempt_harms_nothing():
    async with running() as s:
        s.channels.on_object(channel_body())
        channel = s.channel()
        s.channels.on_synced(frozenset())
        assert s.channels.get("shop", "oncall") is None
        late = Notification(id="n", channel="oncall", cause="Opened", created_at=START.timestamp())
        s.channels.attempted(channel, attempt_of_answer(200), late)
        await asyncio.sleep(3)
        assert s.writer.writes == []


async def test_a_channel_made_anew_under_the_name_is_the_one_that_is_found():
    async with running() as s:
        s.channels.on_object(channel_body())
        anew = channel_body()
        anew["metadata"] = anew["metadata"] | {"uid": "uid-anew"}
        s.channels.on_object(anew)
        s.channels.on_deleted("uid-oncall")
        assert s.channels.get("shop", "oncall").ref.uid == "uid-anew"


async def test_hostile_statuses_do_no_harm():
    async with running() as s:
        hostile = {"sent": "many", "failed": -3, "lastSentAt": 5, "lastError": [], "conditions": []}
        s.channels.on_object(channel_body() | {"status": hostile})
        await asyncio.sleep(3)
        assert (s.status["sent"], s.status["failed"], s.status["state"]) == (0, 0, "Ready")


async def test_the_key_is_in_no_status_event_or_log_line(caplog):
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        async with running() as s:
            s.channels.on_object(channel_body())
            await asyncio.sleep(3)
            for answer in (200, 503, 404):
                s.attempt(answer)
                await asyncio.sleep(61)
            assert s.secrets.reads > 0
            everything = f"{s.writer.writes} {s.writer.events} {logged} {caplog.text}"
    assert KEY.decode() not in everything
