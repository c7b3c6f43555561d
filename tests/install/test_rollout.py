"""Waiting for a Deployment ends when it is up, and soon when it cannot come up."""

from typing import Any

import pytest

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.install.rollout import hopeless_pods, progress_of, wait_for_deployment


def a_deployment(*, generation: int = 2, **status: int) -> dict[str, Any]:
    complete = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    return {"metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": complete | status}


@pytest.mark.parametrize(
    ("deployment", "done"),
    [
        pytest.param(a_deployment(), True, id="all replicas are new and ready"),
        pytest.param(a_deployment(readyReplicas=1), False, id="one is not ready"),
        pytest.param(a_deployment(updatedReplicas=1), False, id="one still runs the old template"),
        pytest.param(a_deployment(replicas=3), False, id="an old pod is still there"),
        pytest.param(a_deployment(generation=3), False, id="the controller has not seen the change"),
    ],
)
def test_a_rollout_is_complete_when(deployment, done):
    assert progress_of(deployment)[0] is done


def test_no_replicas_wanted_is_complete():
    assert progress_of({"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}})[0]


def a_pod(reason: str, restarts: int = 0) -> dict[str, Any]:
    container = {"restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "because"}}}
    return {"metadata": {"name": "web-1"}, "status": {"containerStatuses": [container]}}


@pytest.mark.parametrize(
    ("pod", "reasons"),
    [
        pytest.param(a_pod("ContainerCreating"), [], id="a pod that starts"),
        pytest.param(a_pod("CrashLoopBackOff", restarts=1), [], id="one crash may be a late dependency"),
        pytest.param(
            a_pod("CrashLoopBackOff", restarts=2),
            ["pod web-1: CrashLoopBackOff: because"],
            id="two crashes are no luck",
        ),
        pytest.param(a_pod("ErrImagePull"), ["pod web-1: ErrImagePull: because"], id="an image that is not there"),
        pytest.param({"metadata": {"name": "new"}}, [], id="a pod without any status"),
    ],
)
def test_hope_is_given_up_for(pod, reasons):
    assert hopeless_pods([pod]) == reasons


@pytest.mark.cluster
def test_an_image_that_does_not_exist_is_told_at_once_with_events(cluster: Cluster, namespace: str):
    container = {"name": "web", "image": "localhost/no-such-image:1", "imagePullPolicy": "Never"}
    cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
            },
        },
        namespace=namespace,
    )
    notes: list[str] = []
    with pytest.raises(ClusterError) as failure:
        wait_for_deployment(cluster, namespace, "web", note=notes.append, timeout=60)
    assert "cannot come up: pod web-" in failure.value.message
    assert "ErrImageNeverPull" in failure.value.message
    assert "| " in failure.value.message.partition("events:")[2]
    assert notes[-1] == "0/1 ready"
