"""The pod may run where only restricted pods may, and holds no more than it uses."""

from typing import Any

import pytest

from tests.chart.render import Object, only, workload


@pytest.fixture
def pod(objects: list[Object]) -> dict[str, Any]:
    return workload(objects)["spec"]["template"]["spec"]


def test_the_pod_meets_the_restricted_standard(pod):
    of_the_volume = {"fsGroup", "fsGroupChangePolicy"}
    assert {name: value for name, value in pod["securityContext"].items() if name not in of_the_volume} == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} <= {"configMap", "emptyDir", "projected"}


def test_a_read_only_container_can_still_write_where_it_must(objects: list[Object], pod):
    (container,) = pod["containers"]
    own = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
    own |= {claim["metadata"]["name"] for claim in workload(objects)["spec"].get("volumeClaimTemplates", [])}
    writable = {m["mountPath"] for m in container["volumeMounts"] if m["name"] in own}
    assert writable == {"/tmp", "/var/lib/backstop"}
    assert all(m["readOnly"] for m in container["volumeMounts"] if m["mountPath"] not in writable)


def test_a_full_disk_of_one_pod_does_not_fill_the_node(pod):
    for volume in pod["volumes"]:
        if "emptyDir" in volume:
            assert volume["emptyDir"]["sizeLimit"]


def test_the_token_is_mounted_by_the_pod_and_not_by_the_account(objects: list[Object], pod, case):
    assert pod["automountServiceAccountToken"] is True
    if case.get("serviceAccount", {}).get("create", True):
        account = only(objects, "ServiceAccount")
        assert account["automountServiceAccountToken"] is False
        assert account["metadata"]["name"] == pod["serviceAccountName"]


def test_the_kubelet_asks_the_port_that_the_operator_serves(pod, case):
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    admission = case.get("admission", {})
    expected = {"metrics": case.get("web", {}).get("port", 8080), "webhook": admission.get("port", 9443)}
    assert ports == (expected if admission.get("enabled", True) else {"metrics": expected["metrics"]})
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {
        "startupProbe": {"path": "/healthz", "port": "metrics"},
        "livenessProbe": {"path": "/healthz", "port": "metrics"},
        "readinessProbe": {"path": "/readyz", "port": "metrics"},
    }


def test_the_operator_knows_which_pod_it_is(pod):
    (container,) = pod["containers"]
    fields = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in container["env"] if "valueFrom" in e}
    assert fields == {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_UID": "metadata.uid"}


def test_no_secret_is_in_the_environment(pod):
    (container,) = pod["containers"]
    assert not [e for e in container["env"] if "secretKeyRef" in e.get("valueFrom", {})]
    assert "envFrom" not in container
