"""The cluster does what tests of Backstop rely on. Uses the cluster that is up, beside others' tests."""

import json
import time

import pytest
import requests

from tests.cluster import hosted
from tests.cluster.client import Cluster, manage
from tests.cluster.components import NAMES
from tests.cluster.errors import ClusterError
from tests.cluster.paths import Paths
from tests.cluster.processes import ProcessTable
from tests.cluster.settings import DNS_DOMAIN, SERVICE_CIDR
from tests.cluster.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

WEB_SERVER = ("-m", "http.server", "8080", "--directory", "/usr/share/misc")
RESOLVE = """
import json, socket, sys, time
start = time.monotonic()
answers = {name: socket.getaddrinfo(name, 80, proto=socket.IPPROTO_TCP)[0][4][0] for name in sys.argv[1:]}
print(json.dumps({"answers": answers, "seconds": time.monotonic() - start}))
"""
REFUSED = """
import socket, time
start = time.monotonic()
try:
    socket.getaddrinfo("outside.example", 80)
except socket.gaierror:
    print(time.monotonic() - start)
"""
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAME}}
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
  validations:
  - {expression: "object.metadata.name != 'forbidden'", message: this name is forbidden}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME}
spec: {policyName: NAME, validationActions: [Deny]}
"""


@pytest.fixture(scope="module")
def hosted_image(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> None:
    hosted.load_image(cluster, tmp_path_factory.mktemp("hosted"))


@pytest.fixture
def web(cluster: Cluster, namespace: str, hosted_image: None) -> str:
    """Start a web server with a Service, ready, and give the namespace."""
    spec = hosted.pod_spec([hosted.PYTHON, *WEB_SERVER], port=8080)
    cluster.apply([hosted.pod("web", spec, {"app": "web"}), SERVICE], namespace=namespace)
    cluster.wait("pod/web", "--for=condition=Ready", f"--namespace={namespace}")
    return namespace


def run_in_pod(cluster: Cluster, namespace: str, code: str, *arguments: str) -> str:
    spec = {**hosted.pod_spec([hosted.PYTHON, "-c", code, *arguments]), "restartPolicy": "Never"}
    cluster.apply(hosted.pod("client", spec), namespace=namespace)
    cluster.wait("pod/client", "--for=jsonpath={.status.phase}=Succeeded", f"--namespace={namespace}")
    return cluster.kubectl("logs", "client", f"--namespace={namespace}")


def test_a_pod_resolves_services_by_every_form_of_their_name_quickly(cluster: Cluster, web: str) -> None:
    forms = ("web", f"web.{web}", f"web.{web}.svc", f"web.{web}.svc.{DNS_DOMAIN}")
    seen = json.loads(run_in_pod(cluster, web, RESOLVE, *forms))
    address = cluster.get("service/web", f"--namespace={web}")["spec"]["clusterIP"]
    assert seen["answers"] == dict.fromkeys(forms, address)
    assert seen["seconds"] < 1.0


def test_a_name_outside_the_cluster_is_refused_at_once(cluster: Cluster, namespace: str, hosted_image: None) -> None:
    assert float(run_in_pod(cluster, namespace, REFUSED)) < 1.0


def answered(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5).ok


def wait_for_service(cluster: Cluster, namespace: str) -> None:
    """Wait until the Service leads to its pod: kube-proxy may be slow to hear of it after the API server restarted."""
    address = cluster.get("service/web", f"--namespace={namespace}")["spec"]["clusterIP"]
    wait_until(lambda: answered(f"http://{address}"), 120.0, describe=f"the Service address of {SERVICE_CIDR}")


def test_a_pod_reaches_a_service_by_name(cluster: Cluster, web: str) -> None:
    wait_for_service(cluster, web)
    code = "import urllib.request; print(urllib.request.urlopen('http://web', timeout=5).status)"
    assert run_in_pod(cluster, web, code).strip() == "200"


def test_the_host_reaches_pods_and_services_by_address(cluster: Cluster, web: str) -> None:
    pod = cluster.get("pod/web", f"--namespace={web}")["status"]["podIP"]
    assert answered(f"http://{pod}:8080")
    wait_for_service(cluster, web)


def test_exec_and_logs_reach_a_pod(cluster: Cluster, web: str) -> None:
    said = cluster.kubectl("exec", "web", f"--namespace={web}", "--", hosted.PYTHON, "-c", "print(6 * 7)")
    assert said.strip() == "42"


def test_the_api_server_enforces_admission_policies(cluster: Cluster, namespace: str) -> None:
    cluster.apply(POLICY.replace("NAME", namespace))
    try:

        def denied() -> bool:
            try:
                cluster.kubectl("create", "configmap", "forbidden", f"--namespace={namespace}", "--dry-run=server")
            except ClusterError as exc:
                return "this name is forbidden" in str(exc)
            return False

        wait_until(denied, 120.0, describe="the admission policy to act")
    finally:
        cluster.kubectl("delete", f"validatingadmissionpolicybinding/{namespace}")
        cluster.kubectl("delete", f"validatingadmissionpolicy/{namespace}")


def test_the_audit_log_tells_who_wrote_what_and_leaves_out_reads(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "configmap", "seen", f"--namespace={namespace}")
    cluster.kubectl("get", "configmap", "seen", f"--namespace={namespace}")

    def of_ours() -> list[dict[str, object]]:
        events = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
        return [event for event in events if event.get("objectRef", {}).get("name") == "seen"
                and event["objectRef"].get("namespace") == namespace]  # fmt: skip

    events = wait_until(of_ours, 10.0, describe="the write in the audit log")
    assert [(event["verb"], event["level"], event["stage"]) for event in events] == [
        ("create", "Metadata", "ResponseComplete")
    ]


def test_objects_and_pods_outlive_a_restart_of_the_api_server(cluster: Cluster, web: str) -> None:
    before = ProcessTable().alive()
    cluster.restart("kube-apiserver")
    after = ProcessTable().alive()
    assert {name for name in NAMES if before[name] != after[name]} == {"kube-apiserver"}
    pod = cluster.get("pod/web", f"--namespace={web}")
    assert pod["status"]["phase"] == "Running"
    assert all(status["restartCount"] == 0 for status in pod["status"]["containerStatuses"])


def test_up_on_a_cluster_that_is_up_starts_nothing_and_takes_seconds(cluster: Cluster) -> None:
    before = ProcessTable().alive()
    start = time.monotonic()
    manage("up")
    assert time.monotonic() - start < 15.0
    assert ProcessTable().alive() == before


def test_status_names_every_component_and_the_files(cluster: Cluster) -> None:
    said = manage("status")
    assert all(name in said for name in NAMES)
    assert str(Paths().kubeconfig) in said
