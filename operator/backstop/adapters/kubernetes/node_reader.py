"""Reads nodes and their conditions: one LIST, no cache, no watch."""

from collections.abc import Mapping
from typing import Any

from backstop.adapters.kubernetes.bounded_list import list_bounded
from backstop.adapters.kubernetes.calls import NODES
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.instants import unix_seconds
from backstop.adapters.kubernetes.selectors import label_selector
from backstop.domain.alert_facts import ConditionFacts, NodeFacts


class KubernetesNodeReader:
    """ports.facts.NodeReader."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def read_nodes(self, selector: Mapping[str, str]) -> list[NodeFacts]:
        """See the port for the contract."""
        found = await list_bounded(self._client, NODES, namespace=None, selector=label_selector(selector))
        return [node_facts(body) for body in found]


def node_facts(body: Mapping[str, Any]) -> NodeFacts:
    """Return what a Node object says of itself. A condition without type or status says nothing."""
    metadata = body.get("metadata") or {}
    conditions = (body.get("status") or {}).get("conditions") or ()
    return NodeFacts(
        name=metadata.get("name", ""),
        labels=metadata.get("labels") or {},
        conditions={
            each["type"]: ConditionFacts(status=each["status"], since=unix_seconds(each.get("lastTransitionTime")))
            for each in conditions
            if each.get("type") and each.get("status")
        },
    )
