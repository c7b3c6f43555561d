"""What a real cluster says of Services and Deployments whose pods are fine, unready, crashing or gone."""

import asyncio

import pytest

from backstop.adapters.kubernetes.workload_reader import KubernetesWorkloadReader, ready_addresses
from backstop.domain.errors import AccessDenied
from backstop.domain.health import HealthVerdict, WorkloadFacts, assess_health
from backstop.domain.slo import Workload, WorkloadKind
from tests.cluster.settings import PAUSE_IMAGE

SERVICE = Workload(kind=WorkloadKind.SERVICE, name="web")
DEPLOYMENT = Workload(kind=WorkloadKind.DEPLOYMENT, name="web")


def a_service(**spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }


def a_slice(*addresses_and_readiness):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-by-hand", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "conditions": {"ready": ready}} for ip, ready in addresses_and_readiness],
        "ports": [{"port": 80}],
    }


def a_deployment(replicas, *, command=None):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "role", "operator": "NotIn", "values": ["canary", "old"]}],
            },
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {"name": "web", "image": PAUSE_IMAGE, "imagePullPolicy": "Never", "command": command}
                    ],
                },
            },
        },
    }


@pytest.fixture
def reader(client):
    return KubernetesWorkloadReader(client)


async def until_judged(reader, namespace, workload, verdict, **expected):
    """Wait until a workload is judged so, and check the counts behind it."""
    async with asyncio.timeout(60):
        while True:
            facts = await reader.read_workload(namespace, workload)
            wanted = {name: getattr(facts, name) for name in expected} == expected
            if assess_health(facts).verdict is verdict and wanted:
                return
            await asyncio.sleep(0.2)


@pytest.mark.cluster
@pytest.mark.parametrize("workload", [SERVICE, DEPLOYMENT], ids=["service", "deployment"])
async def test_what_does_not_exist_is_not_found(reader, namespace, workload):
    assert await reader.read_workload(namespace, workload) == WorkloadFacts(found=False)


@pytest.mark.cluster
@pytest.mark.parametrize("name", ["", "../secrets/x", "UPPER", "a b", "x" * 300, "ä"])
async def test_a_name_that_no_object_can_have_is_not_found(reader, namespace, name):
    for kind in WorkloadKind:
        assert not (await reader.read_workload(namespace, Workload(kind=kind, name=name))).found


@pytest.mark.cluster
async def test_endpoints_kept_by_hand_count_as_they_say(slo_cluster, reader, namespace):
    service = a_service()
    del service["spec"]["selector"]
    slo_cluster.apply([service, a_slice(("10.0.0.1", True), ("10.0.0.2", False))], namespace=namespace)
    assert await reader.read_workload(namespace, SERVICE) == WorkloadFacts(found=True, ready_endpoints=1)


@pytest.mark.cluster
async def test_an_external_name_is_no_evidence(slo_cluster, reader, namespace):
    slo_cluster.apply(a_service(type="ExternalName", externalName="example.com", selector=None), namespace=namespace)
    assert await reader.read_workload(namespace, SERVICE) == WorkloadFacts(found=True, external=True)


@pytest.mark.cluster
async def test_ready_pods_are_healthy_and_a_crash_turns_the_workload_bad(slo_cluster, reader, namespace):
    slo_cluster.apply([a_service(), a_deployment(2)], namespace=namespace)
    await until_judged(reader, namespace, SERVICE, HealthVerdict.HEALTHY, pods=2, ready_endpoints=2)
    await until_judged(reader, namespace, DEPLOYMENT, HealthVerdict.HEALTHY, pods=2, expected_pods=2)
    slo_cluster.kubectl("delete", "deployment/web", f"--namespace={namespace}")
    slo_cluster.apply(a_deployment(2, command=["/does-not-exist"]), namespace=namespace)
    await until_judged(reader, namespace, SERVICE, HealthVerdict.BAD, pods=2, failing_pods=2, ready_endpoints=0)
    await until_judged(reader, namespace, DEPLOYMENT, HealthVerdict.BAD, pods=2, failing_pods=2)


@pytest.mark.cluster
async def test_a_deployment_scaled_to_zero_is_unknown_and_its_service_bad(slo_cluster, reader, namespace):
    slo_cluster.apply([a_service(), a_deployment(0)], namespace=namespace)
    await until_judged(reader, namespace, DEPLOYMENT, HealthVerdict.UNKNOWN, pods=0, expected_pods=0)
    await until_judged(reader, namespace, SERVICE, HealthVerdict.BAD, pods=0, ready_endpoints=0)


@pytest.mark.cluster
async def test_without_rights_the_rule_is_named(powerless_client, namespace):
    with pytest.raises(AccessDenied, match=r'resources: \["services"\], verbs: \["get"\]'):
        await KubernetesWorkloadReader(powerless_client).read_workload(namespace, SERVICE)


def test_an_address_without_a_condition_is_ready_and_two_families_of_one_pod_are_one():
    pod = {"targetRef": {"name": "web-1"}}
    slices = [
        {"endpoints": [{"addresses": ["10.0.0.1"], **pod}]},
        {"endpoints": [{"addresses": ["fd00::1"], "conditions": {"ready": True}, **pod}]},
        {"endpoints": [{"addresses": ["10.0.0.9"], "conditions": {"ready": False}, "targetRef": {"name": "web-2"}}]},
        {"endpoints": None},
    ]
    assert ready_addresses(slices) == {"web-1"}
