"""Semantics E1: the Kubernetes API as a witness of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.health import HealthVerdict, WorkloadFacts, assess_health, unreadable
from backstop.vocabulary import Reason

GOOD, BAD, UNKNOWN = HealthVerdict.HEALTHY, HealthVerdict.BAD, HealthVerdict.UNKNOWN


def facts(**changes):
    return WorkloadFacts(**{"found": True, "ready_endpoints": 4, "pods": 4, "failing_pods": 0} | changes)


@pytest.mark.parametrize(
    ("seen", "verdict", "reason"),
    [
        pytest.param(facts(), GOOD, Reason.ENDPOINTS_READY, id="everything ready is healthy"),
        pytest.param(facts(ready_endpoints=0), BAD, Reason.NO_READY_ENDPOINT, id="no ready endpoint is bad"),
        pytest.param(
            facts(ready_endpoints=0, pods=0), BAD, Reason.NO_READY_ENDPOINT, id="a Service that selects nothing is bad"
        ),
        pytest.param(
            facts(ready_endpoints=2, failing_pods=2), GOOD, Reason.ENDPOINTS_READY, id="exactly half failing is not bad"
        ),
        pytest.param(facts(ready_endpoints=1, failing_pods=3), BAD, Reason.PODS_FAILING, id="more than half is bad"),
        pytest.param(
            facts(ready_endpoints=1, pods=1, failing_pods=1),
            BAD,
            Reason.PODS_FAILING,
            id="a pod can be ready and crash-loop at once",
        ),
        pytest.param(
            facts(pods=0, failing_pods=0, ready_endpoints=3),
            GOOD,
            Reason.ENDPOINTS_READY,
            id="endpoints kept by hand need no pods",
        ),
        pytest.param(
            facts(ready_endpoints=0, pods=0, expected_pods=0),
            UNKNOWN,
            Reason.SCALED_TO_ZERO,
            id="scaled to zero on purpose is unknown",
        ),
        pytest.param(
            facts(ready_endpoints=0, pods=0, expected_pods=3),
            BAD,
            Reason.NO_READY_ENDPOINT,
            id="pods wanted and none there is bad",
        ),
        pytest.param(WorkloadFacts(found=False), UNKNOWN, Reason.WORKLOAD_NOT_FOUND, id="not found is unknown"),
        pytest.param(
            facts(external=True, ready_endpoints=0, pods=0),
            UNKNOWN,
            Reason.WORKLOAD_UNREADABLE,
            id="an ExternalName is unknown",
        ),
    ],
)
def test_health_of_a_workload(seen, verdict, reason):
    health = assess_health(seen)
    assert (health.verdict, health.reason) == (verdict, reason)


def test_the_message_carries_the_numbers():
    assert assess_health(facts(ready_endpoints=1, failing_pods=3)).message == (
        "more than half crash-looping or not ready: 3 of 4 pods failing, 1 ready"
    )


def test_not_being_able_to_look_is_unknown_and_says_why():
    health = unreadable("403: cannot list pods")
    assert health.verdict is UNKNOWN
    assert health.message == "403: cannot list pods"


@given(pods=st.integers(0, 50), ready=st.integers(0, 50), data=st.data())
def test_one_more_failing_pod_never_makes_a_workload_healthier(pods, ready, data):
    failing = data.draw(st.integers(0, pods))
    before = assess_health(facts(pods=pods + 1, ready_endpoints=ready, failing_pods=failing))
    after = assess_health(facts(pods=pods + 1, ready_endpoints=ready, failing_pods=failing + 1))
    assert not (before.verdict is BAD and after.verdict is GOOD)
