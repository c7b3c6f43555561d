"""Reads what Kubernetes knows of a workload: two or three calls in one namespace, no caches, no watches."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from backstop.adapters.kubernetes.calls import DEPLOYMENTS, ENDPOINT_SLICES, PODS, SERVICES, ApiCall, Resource, Verb
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.adapters.kubernetes.pods import is_expected_to_serve, is_failing, is_ready
from backstop.adapters.kubernetes.selectors import label_selector
from backstop.domain.health import WorkloadFacts
from backstop.domain.slo import Workload, WorkloadKind

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_PODS_READ: Final = 1000  # of one workload; shares do not change by reading more
_SERVICE_OF_SLICE: Final = "kubernetes.io/service-name"


class KubernetesWorkloadReader:
    """ports.cluster.WorkloadReader."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def read_workload(self, namespace: str, workload: Workload) -> WorkloadFacts:
        """See the port for the contract. A name that no object can have is a workload that does not exist."""
        if not _NAME.fullmatch(workload.name):
            return WorkloadFacts(found=False)
        try:
            match workload.kind:
                case WorkloadKind.SERVICE:
                    return await self._service(namespace, workload.name)
                case WorkloadKind.DEPLOYMENT:
                    return await self._deployment(namespace, workload.name)
        except NotFound:
            return WorkloadFacts(found=False)

    async def _service(self, namespace: str, name: str) -> WorkloadFacts:
        spec = await self._spec(SERVICES, namespace, name)
        if spec.get("type") == "ExternalName":
            return WorkloadFacts(found=True, external=True)
        slices = await self._list(ENDPOINT_SLICES, namespace, f"{_SERVICE_OF_SLICE}={name}")
        selector = label_selector(spec.get("selector") or {})
        pods = await self._pods(namespace, selector) if selector else ()
        return WorkloadFacts(
            found=True,
            ready_endpoints=len(ready_addresses(slices)),
            pods=len(pods),
            failing_pods=sum(map(is_failing, pods)),
        )

    async def _deployment(self, namespace: str, name: str) -> WorkloadFacts:
        spec = await self._spec(DEPLOYMENTS, namespace, name)
        selector = spec.get("selector") or {}
        pods = await self._pods(
            namespace, label_selector(selector.get("matchLabels") or {}, selector.get("matchExpressions") or ())
        )
        return WorkloadFacts(
            found=True,
            ready_endpoints=sum(map(is_ready, pods)),
            pods=len(pods),
            failing_pods=sum(map(is_failing, pods)),
            expected_pods=spec.get("replicas", 1),
        )

    async def _spec(self, resource: Resource, namespace: str, name: str) -> Mapping[str, Any]:
        call = ApiCall(verb=Verb.GET, resource=resource, namespace=namespace, name=name)
        return (await self._client.request(call)).get("spec") or {}

    async def _pods(self, namespace: str, selector: str) -> tuple[Mapping[str, Any], ...]:
        return tuple(filter(is_expected_to_serve, await self._list(PODS, namespace, selector)))

    async def _list(self, resource: Resource, namespace: str, selector: str) -> list[Mapping[str, Any]]:
        call = ApiCall(verb=Verb.LIST, resource=resource, namespace=namespace)
        # resourceVersion=0: from the API server's memory, as old as a watch may be. This is asked often and a moment
        # of delay is harmless here, while a read through to etcd would cost the cluster.
        query = (("labelSelector", selector), ("limit", str(_PODS_READ)), ("resourceVersion", "0"))
        return (await self._client.request(call, query=query)).get("items") or []


def ready_addresses(slices: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the addresses that traffic goes to. IPv4 and IPv6 of one pod count as one, by the pod's name.

    An endpoint without the condition `ready` is to be taken as ready (EndpointSlice API reference).
    """
    ready: set[str] = set()
    for endpoint_slice in slices:
        for endpoint in endpoint_slice.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                target = endpoint.get("targetRef") or {}
                addresses = endpoint.get("addresses") or ()
                ready.update([target["name"]] if target.get("name") else addresses)
    return ready
