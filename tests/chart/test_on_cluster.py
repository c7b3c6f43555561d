"""A real API server takes what the chart and the install manifest make, with admission of restricted pods enforced."""

import pytest
import yaml

from tests.chart.matrix import CASES
from tests.chart.render import RELEASE, render, workload
from tests.cluster.client import Cluster
from tests.cluster.paths import REPOSITORY

pytestmark = pytest.mark.cluster

ELSEWHERE = {"ServiceMonitor", "Namespace"}  # needs the Prometheus Operator; is there already


def dry_run(cluster: Cluster, namespace: str, text: str) -> str:
    """Have the API server judge objects as if they were installed in `namespace`, and change nothing."""
    moved = [o for o in yaml.safe_load_all(text.replace(RELEASE, namespace)) if o and o["kind"] not in ELSEWHERE]
    for item in moved:
        if item["kind"] in {"Role", "RoleBinding"}:  # of watched namespaces, which do not exist here
            item["metadata"]["namespace"] = namespace
    return cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(moved)
    )


@pytest.fixture
def restricted(cluster: Cluster, namespace: str) -> str:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return namespace


@pytest.mark.parametrize("name", CASES)
def test_the_api_server_takes_every_case(cluster: Cluster, restricted: str, name: str):
    objects = render(CASES[name])
    assert f"{workload(objects)['kind'].lower()}.apps/" in dry_run(cluster, restricted, yaml.safe_dump_all(objects))


def test_the_api_server_takes_the_install_manifest(cluster: Cluster, restricted: str):
    text = (REPOSITORY / "manifests" / "install" / "backstop.yaml").read_text()
    said = dry_run(cluster, restricted, text)
    assert "customresourcedefinition.apiextensions.k8s.io/slos.backstop.dev" in said
    assert "violate" not in said.lower()
