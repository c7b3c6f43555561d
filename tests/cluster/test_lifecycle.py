"""Up and down on this machine. Run on its own, with no cluster up: `pytest -m cluster_lifecycle`."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.cluster import snapshot
from tests.cluster.client import Cluster, manage
from tests.cluster.components import NAMES
from tests.cluster.errors import ClusterError
from tests.cluster.paths import REPOSITORY, Paths, Runtime
from tests.cluster.processes import ProcessTable
from tests.cluster.settings import PAUSE_IMAGE
from tests.cluster.state import read_state
from tests.cluster.waiting import wait_until

pytestmark = [pytest.mark.cluster_lifecycle, pytest.mark.slow]


@pytest.fixture
def no_cluster() -> Iterator[None]:
    assert read_state(Paths().state) is None, "a cluster is up; `make cluster-down` first"
    yield
    manage("down")


def a_cluster() -> Cluster:
    manage("up")
    return Cluster(kubeconfig=Paths().kubeconfig, bin=Paths().bin)


def start_a_pod(cluster: Cluster) -> None:
    container = {
        "name": "main",
        "image": PAUSE_IMAGE,
        "volumeMounts": [{"name": "memory", "mountPath": "/memory"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "sleeper", "namespace": "default"},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory"}}],
        },
    }
    cluster.apply(pod)
    cluster.wait("pod/sleeper", "--for=condition=Ready")


def kill_all_components() -> None:
    """Do what the end of a session, or the out-of-memory killer, does."""
    table = ProcessTable()
    for record in table.alive().values():
        os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: not table.alive(), 10.0, describe="all components to be dead")


def test_down_leaves_nothing_on_the_machine_even_with_pods_running(no_cluster: None) -> None:
    before = snapshot.take()
    start_a_pod(a_cluster())
    during = snapshot.take().added_since(before)
    assert {"processes", "mounts", "links", "rules", "cgroups"} <= set(during), "the snapshot sees what a cluster adds"
    manage("down")
    assert snapshot.take().added_since(before) == {}
    assert [entry.name for entry in Runtime().root.iterdir()] == ["lock"]
    assert {entry.name for entry in Paths().root.iterdir()} <= {"bin", "log"}


def test_up_after_all_components_were_killed_gives_a_working_cluster_and_down_still_leaves_nothing(
    no_cluster: None,
) -> None:
    before = snapshot.take()
    start_a_pod(a_cluster())
    kill_all_components()
    start_a_pod(a_cluster())
    manage("down")
    assert snapshot.take().added_since(before) == {}


def test_down_after_all_components_were_killed_leaves_nothing(no_cluster: None) -> None:
    before = snapshot.take()
    start_a_pod(a_cluster())
    kill_all_components()
    manage("down")
    assert snapshot.take().added_since(before) == {}


def test_up_restarts_the_one_component_that_died(no_cluster: None) -> None:
    cluster = a_cluster()
    start_a_pod(cluster)
    table = ProcessTable()
    before = table.alive()
    os.kill(before["kubelet"].pid, signal.SIGKILL)
    manage("up")
    after = table.alive()
    assert set(after) == set(NAMES)
    assert {name for name in NAMES if before[name] != after[name]} == {"kubelet"}
    assert cluster.get("pod/sleeper", "-n", "default")["status"]["phase"] == "Running"


def test_up_refuses_while_the_cluster_of_another_checkout_runs(no_cluster: None) -> None:
    a_cluster()
    owner = Runtime().owner
    owner.write_text(json.dumps({"checkout": str(REPOSITORY.parent)}))
    try:
        with pytest.raises(ClusterError, match=f"cd {REPOSITORY.parent} && make cluster-down"):
            manage("up")
    finally:
        owner.write_text(json.dumps({"checkout": str(REPOSITORY)}))
