"""Incidents as objects of a real API server, with the rights that the operator has."""

import json

import pytest

from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.records import KubernetesIncidents
from backstop.api.to_incident import new_object, to_incident, to_status
from backstop.domain.errors import AccessDenied, Conflict
from backstop.domain.incident_answers import answered
from backstop.domain.incident_telling import told
from backstop.vocabulary import Annotation, NotificationCause
from tests.domain.incident_cases import NOW, a_policy, a_rule, an_alert, an_incident

pytestmark = pytest.mark.cluster


@pytest.fixture
def store(client, namespace):
    return KubernetesIncidents(client, namespaces=(namespace,))


def a_body(namespace, incident=None):
    return new_object(incident or an_incident()) | {
        "metadata": {"name": (incident or an_incident()).name, "namespace": namespace}
    }


def the_worst():
    """An incident of the most that it may hold, all of it in texts that take the most when they are stored."""
    text = '<&>"\x00\U0001f525' * 400
    rules = [a_rule(f"rule-{n}", notify=tuple(f"channel-{n}-{m}-{'x' * 200}" for m in range(16))) for n in range(32)]
    group = tuple((f"label{n}", text) for n in range(8))
    alerts = [an_alert(rules[n % 32], slo=f"{n}{text}", group=group, service=None, message=text) for n in range(120)]
    incident = an_incident(*alerts, policy=a_policy(*rules))
    for number in range(120):
        said = {Annotation.NOTED_BY: text[:100], Annotation.NOTE: f"{number}{text}"}
        incident = told(answered(incident, said, NOW), NotificationCause.RAISED, NOW)
    return incident


async def test_an_incident_is_stored_and_read_as_it_was_written(store, namespace):
    created = await store.create(a_body(namespace))
    metadata = created["metadata"]
    status = to_status(an_incident())
    written = await store.write_status(namespace, metadata["name"], metadata["resourceVersion"], status)
    read = await store.read(namespace, metadata["name"])
    assert read["status"] == status
    assert read["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]
    assert read["spec"] == created["spec"]
    managers = {entry["manager"] for entry in read["metadata"]["managedFields"]}
    assert managers == {"backstop-incident"}


async def test_a_name_that_exists_is_a_conflict(store, namespace):
    await store.create(a_body(namespace))
    with pytest.raises(Conflict):
        await store.create(a_body(namespace))


async def test_the_status_is_no_part_of_what_is_created(store, namespace):
    created = await store.create(a_body(namespace) | {"status": to_status(an_incident())})
    assert "status" not in created


async def test_a_write_that_was_decided_on_an_older_state_is_a_conflict(store, namespace):
    created = await store.create(a_body(namespace))
    name, version = created["metadata"]["name"], created["metadata"]["resourceVersion"]
    await store.write_status(namespace, name, version, to_status(an_incident()))
    with pytest.raises(Conflict):
        await store.write_status(namespace, name, version, to_status(an_incident()))
    with pytest.raises(Conflict):
        await store.drop_annotations(namespace, name, version, [Annotation.NOTE])
    with pytest.raises(Conflict):
        await store.delete(namespace, name, created["metadata"]["uid"], version)


async def test_annotations_are_taken_away_and_others_stay(store, namespace):
    body = a_body(namespace)
    body["metadata"]["annotations"] = {Annotation.NOTED_BY.value: "ann", "example.com/kept": "yes"}
    created = await store.create(body)
    name, version = created["metadata"]["name"], created["metadata"]["resourceVersion"]
    left = await store.drop_annotations(namespace, name, version, [Annotation.NOTED_BY.value])
    assert left["metadata"]["annotations"] == {"example.com/kept": "yes"}


async def test_what_is_gone_is_no_error(store, namespace):
    assert await store.read(namespace, "gone") is None
    assert await store.write_status(namespace, "gone", "1", to_status(an_incident())) is None
    assert await store.drop_annotations(namespace, "gone", "1", ["x"]) is None
    await store.delete(namespace, "gone", "uid", "1")


async def test_an_incident_is_deleted_as_it_was_read(store, namespace):
    created = await store.create(a_body(namespace))
    metadata = created["metadata"]
    await store.delete(namespace, metadata["name"], metadata["uid"], metadata["resourceVersion"])
    assert await store.read(namespace, metadata["name"]) is None


async def test_all_incidents_are_listed_so_that_they_can_be_read(store, namespace):
    await store.create(a_body(namespace))
    found = []
    assert await store.list_all(found.append)
    assert [to_incident(body).title for body in found] == ["checkout: fast"]


async def test_the_largest_incident_with_hostile_texts_is_accepted_and_small_enough(store, slo_cluster, namespace):
    incident = the_worst()
    created = await store.create(a_body(namespace, incident))
    name, version = created["metadata"]["name"], created["metadata"]["resourceVersion"]
    await store.write_status(namespace, name, version, to_status(incident))
    raw = slo_cluster.kubectl("get", "--raw", f"/apis/backstop.dev/v1alpha1/namespaces/{namespace}/incidents/{name}")
    assert 60 * 1024 < len(raw.encode()) <= 256 * 1024
    assert json.loads(raw)["status"]["alertCount"] == incident.alert_count


async def test_who_may_not_is_told_which_rule_is_missing(slo_cluster, namespace, nobody_kubeconfig):
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=nobody_kubeconfig))
    try:
        with pytest.raises(AccessDenied, match=r'resources: \["incidents"\], verbs: \["create"\]'):
            await KubernetesIncidents(client).create(a_body(namespace))
    finally:
        await client.close()
