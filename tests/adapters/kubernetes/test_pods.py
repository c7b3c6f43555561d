"""A pod's record as yes or no."""

import pytest

from backstop.adapters.kubernetes.pods import is_expected_to_serve, is_failing, is_ready
from backstop.adapters.kubernetes.selectors import label_selector


def a_pod(*, ready="True", containers=(), phase="Running", **metadata):
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready}]
    return {
        "metadata": metadata,
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": list(containers)},
    }


def waiting(reason):
    return {"state": {"waiting": {"reason": reason}}}


def killed(reason, restarts):
    return {"state": {"running": {}}, "lastState": {"terminated": {"reason": reason}}, "restartCount": restarts}


@pytest.mark.parametrize(
    ("pod", "failing"),
    [
        pytest.param(a_pod(), False, id="a ready pod"),
        pytest.param(a_pod(ready="False"), True, id="an unready pod"),
        pytest.param(a_pod(ready="Unknown"), True, id="a pod whose node is silent"),
        pytest.param({}, True, id="a pod of which nothing is known yet"),
        pytest.param({"metadata": None, "status": None}, True, id="a pod with nulls"),
        pytest.param(a_pod(containers=[waiting("CrashLoopBackOff")]), True, id="a sidecar in a crash loop"),
        pytest.param(a_pod(containers=[waiting("ImagePullBackOff")]), True, id="an image that cannot be pulled"),
        pytest.param(a_pod(containers=[waiting("ContainerCreating")]), False, id="a container on its way"),
        pytest.param(a_pod(containers=[killed("OOMKilled", 1)]), False, id="killed for memory once"),
        pytest.param(a_pod(containers=[killed("OOMKilled", 2)]), True, id="killed for memory again"),
        pytest.param(a_pod(containers=[killed("Error", 9)]), False, id="restarted for other reasons, and ready"),
    ],
)
def test_failing_pods(pod, failing):
    assert is_failing(pod) is failing


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(a_pod(), True, id="a running pod"),
        pytest.param(a_pod(phase="Pending"), True, id="a pending pod"),
        pytest.param(a_pod(deletionTimestamp="2026-03-01T12:00:00Z"), False, id="a pod on its way out"),
        pytest.param(a_pod(phase="Failed"), False, id="an evicted pod"),
        pytest.param(a_pod(phase="Succeeded"), False, id="a pod that is done"),
    ],
)
def test_pods_that_are_expected_to_serve(pod, expected):
    assert is_expected_to_serve(pod) is expected


def test_readiness_is_the_ready_condition():
    assert is_ready(a_pod())
    assert not is_ready({"status": {"conditions": [{"type": "Initialized", "status": "True"}]}})


def test_selectors_become_text():
    expressions = [
        {"key": "role", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "NotIn", "values": ["x"]},
        {"key": "live", "operator": "Exists"},
        {"key": "gone", "operator": "DoesNotExist"},
    ]
    text = label_selector({"b": "2", "a": "1"}, expressions)
    assert text == "a=1,b=2,role in (a,b),old notin (x),live,!gone"
    assert label_selector({}) == ""


def test_an_operator_of_a_later_kubernetes_is_left_to_the_server_to_judge():
    assert label_selector({}, [{"key": "n", "operator": "Gt", "values": ["5"]}]) == "n Gt (5)"
