"""Events as `kubectl get events` shows them."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from backstop.adapters.kubernetes.events import EventBudget, EventRecorder, event_name
from backstop.domain.slo import Uid
from backstop.ports.cluster import ObjectRef
from tests.adapters.kubernetes.slos import create_slos
from tests.cluster.fixtures import wait_until

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REF = ObjectRef(kind="SLO", namespace="shop", name="checkout", uid=Uid("u"))


class HandClock:
    def __init__(self):
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds


def test_an_object_may_have_a_burst_of_events_and_then_one_in_five_minutes():
    clock = HandClock()
    budget = EventBudget(clock)
    assert [budget.take("a") for _ in range(26)] == [True] * 25 + [False]
    assert budget.take("b")  # another object has its own
    clock.seconds = 299.0
    assert not budget.take("a")
    clock.seconds = 301.0
    assert budget.take("a")
    assert not budget.take("a")


def test_the_same_thing_has_the_same_name_and_another_thing_another():
    name = event_name(REF, warning=True, reason="DataLost", note="NoData")
    assert name == event_name(REF, warning=True, reason="DataLost", note="NoData")
    others = {
        event_name(REF, warning=False, reason="DataLost", note="NoData"),
        event_name(REF, warning=True, reason="StateChanged", note="NoData"),
        event_name(REF, warning=True, reason="DataLost", note="Stale"),
    }
    assert name not in others
    assert len(others) == 3


@pytest.mark.cluster
async def test_an_event_is_listed_by_kubectl_and_counted_when_it_happens_again(slo_cluster, namespace, client, clock):
    (ref,) = create_slos(slo_cluster, namespace, "checkout")
    events = EventRecorder(client, clock=clock, instance="replica-1")
    await events.emit(ref, warning=True, reason="DataLost", note="NoData: the query answers nothing", at=NOW)
    for minutes in (1, 2):
        at = NOW + timedelta(minutes=minutes)
        await events.emit(ref, warning=True, reason="DataLost", note="NoData: the query answers nothing", at=at)
    (line,) = wait_until(
        lambda: slo_cluster.kubectl("get", "events", f"--namespace={namespace}", "--no-headers").splitlines(),
        10.0,
        describe="the Event",
    )
    assert line.split()[1:4] == ["Warning", "DataLost", "slo/checkout"]
    assert "NoData: the query answers nothing" in line
    (event,) = slo_cluster.get("events.events.k8s.io", f"--namespace={namespace}")["items"]
    assert event["series"] == {"count": 3, "lastObservedTime": "2026-03-01T12:02:00.000000Z"}
    assert slo_cluster.kubectl("describe", "slo", "checkout", f"--namespace={namespace}").count("DataLost") == 1


@pytest.mark.cluster
async def test_a_note_of_any_length_and_alphabet_is_kept_as_far_as_it_fits(slo_cluster, namespace, client, clock):
    (ref,) = create_slos(slo_cluster, namespace, "a" * 199 + "-" + "b" * 20)
    events = EventRecorder(client, clock=clock, instance="replica-1")
    await events.emit(ref, warning=False, reason="StateChanged", note="ß→🙂" * 1000, at=NOW)
    (event,) = slo_cluster.get("events.events.k8s.io", f"--namespace={namespace}")["items"]
    assert event["note"].startswith("ß→🙂ß→🙂")
    assert event["note"].endswith("…")


@pytest.mark.cluster
async def test_a_flood_is_dropped_and_logged(slo_cluster, namespace, client, clock):
    (ref,) = create_slos(slo_cluster, namespace, "noisy")
    events = EventRecorder(client, clock=clock, instance="replica-1")
    with capture_logs() as logs:
        for n in range(30):
            await events.emit(ref, warning=False, reason="StateChanged", note=f"change {n}", at=NOW)
    assert len(slo_cluster.get("events.events.k8s.io", f"--namespace={namespace}")["items"]) == 25
    assert [entry["event"] for entry in logs] == ["event.dropped"] * 5
