"""Status by server-side apply, on a real API server, with the rights that the operator has."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.events import EventRecorder
from backstop.adapters.kubernetes.status_writer import KubernetesStatusWriter
from backstop.domain.errors import AccessDenied, ClusterUnavailable
from backstop.domain.slo import Uid
from backstop.ports.cluster import ObjectRef
from tests.adapters.kubernetes.slos import an_slo, create_slos

pytestmark = pytest.mark.cluster

STATUS = {
    "observedGeneration": 1,
    "state": "Healthy",
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Evaluated",
            "message": "evaluated",
            "lastTransitionTime": "2026-03-01T12:00:00Z",
            "observedGeneration": 1,
        }
    ],
}
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def writer(client, clock):
    return KubernetesStatusWriter(client, EventRecorder(client, clock=clock, instance="test"))


@pytest.fixture
def slo(slo_cluster, namespace):
    return create_slos(slo_cluster, namespace, "checkout")[0]


def stored(cluster, ref):
    return cluster.get("slo", ref.name, f"--namespace={ref.namespace}", "--show-managed-fields")


async def test_a_status_is_stored_under_our_field_manager(slo_cluster, writer, slo):
    await writer.apply_status(slo, STATUS)
    body = stored(slo_cluster, slo)
    assert body["status"] == STATUS
    owners = [entry for entry in body["metadata"]["managedFields"] if entry["manager"] == "backstop-status"]
    assert [(entry["operation"], entry["subresource"]) for entry in owners] == [("Apply", "status")]


async def test_the_same_status_twice_changes_nothing(slo_cluster, writer, slo):
    await writer.apply_status(slo, STATUS)
    before = stored(slo_cluster, slo)["metadata"]["resourceVersion"]
    await writer.apply_status(slo, STATUS)
    assert stored(slo_cluster, slo)["metadata"]["resourceVersion"] == before


async def test_a_field_that_is_left_out_disappears(slo_cluster, writer, slo):
    await writer.apply_status(slo, STATUS | {"observedGeneration": 7})
    await writer.apply_status(slo, {"state": "Unknown"})
    assert stored(slo_cluster, slo)["status"] == {"state": "Unknown"}


async def test_status_conditions_of_others_stay(slo_cluster, writer, slo):
    foreign = {**STATUS["conditions"][0], "type": "example.com/Reviewed"}
    slo_cluster.kubectl(
        "apply", "--server-side", "--subresource=status", "--field-manager=reviewer", "-f", "-",
        stdin=json.dumps(
            an_slo(slo.name, namespace=slo.namespace) | {"status": {"conditions": [foreign]}}
        ),
    )  # fmt: skip
    await writer.apply_status(slo, STATUS)
    await writer.apply_status(slo, {"state": "Unknown", "conditions": []})
    assert [c["type"] for c in stored(slo_cluster, slo)["status"]["conditions"]] == ["example.com/Reviewed"]


async def test_an_object_made_anew_under_the_same_name_is_left_alone(slo_cluster, writer, namespace, slo):
    await writer.apply_status(slo, STATUS)
    slo_cluster.kubectl("delete", "slo", slo.name, f"--namespace={namespace}")
    (again,) = create_slos(slo_cluster, namespace, slo.name)
    await writer.apply_status(slo, STATUS)
    assert "status" not in stored(slo_cluster, again)
    await writer.apply_status(again, STATUS)
    assert stored(slo_cluster, again)["status"] == STATUS


async def test_an_object_that_never_was_ours_by_uid_is_left_alone(slo_cluster, writer, slo):
    other = ObjectRef(kind=slo.kind, namespace=slo.namespace, name=slo.name, uid=Uid("00000000-0000"))
    await writer.apply_status(other, STATUS)
    assert "status" not in stored(slo_cluster, slo)


async def test_a_deleted_object_is_no_error(slo_cluster, writer, slo):
    await writer.apply_status(slo, STATUS)
    slo_cluster.kubectl("delete", "slo", slo.name, f"--namespace={slo.namespace}")
    await writer.apply_status(slo, STATUS)
    await writer.apply_status(slo, STATUS)


async def test_a_spec_changed_by_somebody_else_does_not_stop_the_status(slo_cluster, writer, slo):
    await writer.apply_status(slo, STATUS)
    slo_cluster.kubectl(
        "patch", "slo", slo.name, f"--namespace={slo.namespace}", "--type=merge", "-p", '{"spec":{"target":99.5}}'
    )
    await writer.apply_status(slo, {"state": "AtRisk"})
    body = stored(slo_cluster, slo)
    assert (body["spec"]["target"], body["status"]) == (99.5, {"state": "AtRisk"})


async def test_many_statuses_at_once_share_a_bounded_number_of_connections(
    slo_cluster, namespace, operator_kubeconfig, clock
):
    settings = ClientSettings(kubeconfig=operator_kubeconfig, connections=4)
    client = await KubernetesClient.connect(settings)
    writer = KubernetesStatusWriter(client, EventRecorder(client, clock=clock, instance="test"))
    refs = create_slos(slo_cluster, namespace, *(f"slo-{n}" for n in range(60)))
    await asyncio.gather(*(writer.apply_status(ref, STATUS) for ref in refs))
    await client.close()
    items = slo_cluster.get("slos", f"--namespace={namespace}")["items"]
    assert [item["status"] for item in items] == [STATUS] * 60


async def test_a_status_that_the_schema_refuses_is_reported_not_swallowed(writer, slo):
    with pytest.raises(ClusterUnavailable, match="patch slos/status checkout"):
        await writer.apply_status(slo, {"conditions": "none"})


async def test_a_namespace_that_is_gone_is_no_error(writer):
    ref = ObjectRef(kind="SLO", namespace="never-was", name="a", uid=Uid("1"))
    await writer.apply_status(ref, STATUS)
    await writer.emit_event(ref, warning=False, reason="StateChanged", note="gone", at=NOW)


async def test_a_missing_right_is_printed_as_the_rule_to_grant(powerless_client, namespace, slo, clock):
    writer = KubernetesStatusWriter(powerless_client, EventRecorder(powerless_client, clock=clock, instance="test"))
    with pytest.raises(AccessDenied) as refused:
        await writer.apply_status(slo, STATUS)
    rule = 'grant {apiGroups: ["backstop.dev"], resources: ["slos"], verbs: ["get"]}'
    assert f"{rule} in namespace {namespace}" in str(refused.value)
    with pytest.raises(AccessDenied, match=r'resources: \["events"\], verbs: \["create"\]'):
        await writer.emit_event(slo, warning=True, reason="DataLost", note="x", at=NOW)
