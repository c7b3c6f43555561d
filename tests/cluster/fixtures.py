"""Fixtures for tests that need a cluster: a plugin, loaded by the root conftest.

    def test_something(cluster: Cluster, namespace: str) -> None:
        cluster.apply(MANIFEST, namespace=namespace)
        cluster.wait("deployment/web", "--for=condition=Available", f"--namespace={namespace}")

A machine that cannot run a cluster fails these tests with the reason; it never skips them.
"""

import os
import re
import secrets
from collections.abc import Iterator

import pytest

from tests.cluster.client import Cluster, kubectl_wait, manage
from tests.cluster.errors import ClusterError
from tests.cluster.paths import Paths
from tests.cluster.state import read_state
from tests.cluster.waiting import WaitTimeout, wait_until

__all__ = ["Cluster", "WaitTimeout", "cluster", "kubectl_wait", "namespace", "wait_until"]

TEST_LABEL = "test.backstop.dev/made-by"
NAME_BUDGET = 40  # of the 63 characters of a namespace's name; the rest is for the random part and for prefixes


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give the cluster that is up. Starts one when none is, and stops only what it started itself.

    BACKSTOP_KEEP_CLUSTER=1 keeps it for the next run.
    """
    paths = Paths()
    started = False
    try:
        if read_state(paths.state) is None:
            started = True
            manage("up")
        state = read_state(paths.state)
        if state is None:
            pytest.fail("`up` succeeded, but recorded no cluster", pytrace=False)
        given = Cluster(kubeconfig=paths.kubeconfig, bin=paths.bin, kind=state.kind)
        given.kubectl("get", "--raw=/readyz", timeout=15.0)
    except ClusterError as exc:
        pytest.fail(f"no cluster to test with: {exc.report()}\n`make cluster-up` starts or repairs one", pytrace=False)
    yield given
    if started and os.environ.get("BACKSTOP_KEEP_CLUSTER") != "1":
        manage("down")


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the name of a fresh namespace in which pods can start; it is deleted afterwards, without waiting."""
    name = namespace_name(request.node.name)
    labels = {TEST_LABEL: "pytest"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    wait_until(
        lambda: cluster.kubectl("get", "serviceaccount/default", "configmap/kube-root-ca.crt", f"--namespace={name}"),
        120.0,  # after a restart of the API server its controllers come back one by one, and with pauses
        describe=f"the service account of namespace {name}",
    )
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def namespace_name(test: str) -> str:
    """Return a valid, unique name that tells which test made the namespace."""
    words = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-").removeprefix("test-")
    return f"t-{words[:NAME_BUDGET].strip('-') or 'test'}-{secrets.token_hex(3)}"
