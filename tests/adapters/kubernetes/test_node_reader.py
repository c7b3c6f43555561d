"""Nodes as rules look at them: all that match, with their conditions, or an error; never a part."""

import pytest

from backstop.adapters.kubernetes import bounded_list
from backstop.adapters.kubernetes.node_reader import KubernetesNodeReader, node_facts
from backstop.domain.alert_facts import ConditionFacts
from backstop.domain.errors import AccessDenied, ClusterUnavailable
from tests.adapters.kubernetes.canned import canned_client

NODES = "/api/v1/nodes"

__all__ = ["canned_client"]


def a_node(name, *conditions, **labels):
    """A node as the API tells it; conditions are (type, status, time)."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "lastTransitionTime": since} for kind, status, since in conditions
            ]
        },
    }


async def test_a_node_tells_its_conditions_and_since_when(canned_client, httpserver):
    node = a_node("worker-1", ("Ready", "Unknown", "2026-03-01T12:00:00Z"), ("DiskPressure", "False", None), disk="ssd")
    httpserver.expect_request(NODES).respond_with_json({"items": [node]})
    (facts,) = await KubernetesNodeReader(canned_client).read_nodes({})
    assert (facts.name, facts.labels["disk"]) == ("worker-1", "ssd")
    assert facts.conditions == {
        "Ready": ConditionFacts(status="Unknown", since=1772366400.0),
        "DiskPressure": ConditionFacts(status="False", since=None),
    }


async def test_the_selector_travels_as_labels_and_the_read_is_from_memory(canned_client, httpserver):
    httpserver.expect_request(
        NODES, query_string={"labelSelector": "disk=ssd,pool=gpu", "limit": "500", "resourceVersion": "0"}
    ).respond_with_json({"items": []})
    assert await KubernetesNodeReader(canned_client).read_nodes({"pool": "gpu", "disk": "ssd"}) == []


async def test_further_pages_are_read_by_their_token_alone(canned_client, httpserver):
    httpserver.expect_request(NODES, query_string={"limit": "500", "resourceVersion": "0"}).respond_with_json(
        {"items": [a_node("a")], "metadata": {"continue": "next"}}
    )
    httpserver.expect_request(NODES, query_string={"limit": "500", "continue": "next"}).respond_with_json(
        {"items": [a_node("b")]}
    )
    assert [node.name for node in await KubernetesNodeReader(canned_client).read_nodes({})] == ["a", "b"]


async def test_a_list_whose_pages_aged_is_not_a_short_list(canned_client, httpserver):
    httpserver.expect_request(NODES, query_string={"limit": "500", "resourceVersion": "0"}).respond_with_json(
        {"items": [a_node("a")], "metadata": {"continue": "next"}}
    )
    httpserver.expect_request(NODES, query_string={"limit": "500", "continue": "next"}).respond_with_json(
        {"message": "too old"}, status=410
    )
    with pytest.raises(ClusterUnavailable, match="list nodes: 410: too old; it is read anew"):
        await KubernetesNodeReader(canned_client).read_nodes({})


async def test_more_nodes_than_can_be_looked_at_are_refused_and_not_cut(canned_client, httpserver, monkeypatch):
    monkeypatch.setattr(bounded_list, "MAX_OBJECTS", 2)
    httpserver.expect_request(NODES).respond_with_json({"items": [a_node(name) for name in "abc"]})
    with pytest.raises(ClusterUnavailable, match="list nodes: more than 2 match; select fewer by labels"):
        await KubernetesNodeReader(canned_client).read_nodes({})


async def test_a_missing_right_is_named_with_the_rule_to_grant(canned_client, httpserver):
    said = 'nodes is forbidden: User "x" cannot list resource "nodes" in API group "" at the cluster scope'
    httpserver.expect_request(NODES).respond_with_json({"message": said}, status=403)
    with pytest.raises(AccessDenied, match=r'resources: \["nodes"\], verbs: \["list"\]\} in a ClusterRole'):
        await KubernetesNodeReader(canned_client).read_nodes({})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": None, "status": None},
        {"status": {"conditions": None}},
        {"status": {"conditions": [{}, {"type": "Ready"}, {"status": "True"}]}},
    ],
)
def test_a_node_that_tells_nothing_has_no_conditions(body):
    assert node_facts(body).conditions == {}


@pytest.mark.parametrize("time", ["yesterday", "", 7, None])
def test_a_time_that_is_none_leaves_the_condition(time):
    assert node_facts(a_node("a", ("Ready", "True", time))).conditions["Ready"] == ConditionFacts(
        status="True", since=None
    )


@pytest.mark.cluster
async def test_the_nodes_of_a_real_cluster_are_ready(client):
    nodes = await KubernetesNodeReader(client).read_nodes({})
    assert nodes
    assert all(node.conditions["Ready"].status == "True" for node in nodes)
    assert all(node.conditions["Ready"].since is not None for node in nodes)
    named = await KubernetesNodeReader(client).read_nodes({"kubernetes.io/hostname": nodes[0].name})
    assert [node.name for node in named] == [nodes[0].name]
