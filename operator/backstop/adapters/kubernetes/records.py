"""Incidents as objects of the cluster: ports.records.RecordStore."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from backstop.adapters.kubernetes.calls import INCIDENTS, ApiCall, Verb
from backstop.adapters.kubernetes.client import MERGE_PATCH, KubernetesClient
from backstop.adapters.kubernetes.errors import Expired, NotFound
from backstop.adapters.kubernetes.lister import Lister
from backstop.domain.errors import ClusterUnavailable
from backstop.vocabulary import API_VERSION, INCIDENT_FIELD_MANAGER

Body = Mapping[str, Any]

_MANAGER: Final = (("fieldManager", INCIDENT_FIELD_MANAGER),)
_KIND: Final = "Incident"


class KubernetesIncidents:
    """`namespaces` are those that the operator is limited to; empty: it sees all."""

    def __init__(self, client: KubernetesClient, *, namespaces: Sequence[str] = ()) -> None:
        self._client = client
        self._lister = Lister(client)
        self._namespaces: Sequence[str | None] = tuple(namespaces) or (None,)

    async def create(self, body: Body) -> Body | None:
        """Store a new object. See the port for the contract."""
        call = ApiCall(verb=Verb.CREATE, resource=INCIDENTS, namespace=body["metadata"]["namespace"])
        try:
            return await self._client.request(call, body=body, query=_MANAGER)
        except NotFound:
            return None

    async def read(self, namespace: str, name: str) -> Body | None:
        """Return the object. See the port for the contract."""
        try:
            return await self._client.request(_call(Verb.GET, namespace, name))
        except NotFound:
            return None

    async def list_all(self, deliver: Callable[[Body], None]) -> bool:
        """Deliver every object. See the port for the contract."""
        try:
            for namespace in self._namespaces:
                await self._lister.list_resource(INCIDENTS, namespace=namespace, deliver=_with_header(deliver))
        except NotFound:
            return False
        except Expired as problem:
            raise ClusterUnavailable(f"the list of incidents aged while it was read: {problem}") from problem
        return True

    async def write_status(self, namespace: str, name: str, version: str, status: Mapping[str, Any]) -> Body | None:
        """Replace the status. See the port for the contract."""
        # RACE: the object may be deleted and made anew under the same name before this write lands.
        # DEFENCE: no other object ever has this resourceVersion; the server compares it with what is stored.
        body = {
            "apiVersion": API_VERSION,
            "kind": _KIND,
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": version},
            "status": dict(status),
        }
        call = _call(Verb.UPDATE, namespace, name, subresource="status")
        try:
            return await self._client.request(call, body=body, query=_MANAGER)
        except NotFound:
            return None

    async def drop_annotations(self, namespace: str, name: str, version: str, names: Collection[str]) -> Body | None:
        """Take annotations away. See the port for the contract."""
        patch = {"metadata": {"resourceVersion": version, "annotations": dict.fromkeys(names)}}
        call = _call(Verb.PATCH, namespace, name)
        try:
            return await self._client.request(call, body=patch, content_type=MERGE_PATCH, query=_MANAGER)
        except NotFound:
            return None

    async def delete(self, namespace: str, name: str, uid: str, version: str) -> None:
        """Delete the object. See the port for the contract."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        try:
            await self._client.request(_call(Verb.DELETE, namespace, name), body=body)
        except NotFound:
            return


def _with_header(deliver: Callable[[Body], None]) -> Callable[[Body], None]:
    """The objects of a LIST may come without kind and apiVersion: the list has them."""
    return lambda body: deliver({"apiVersion": API_VERSION, "kind": _KIND, **body})


def _call(verb: Verb, namespace: str, name: str, *, subresource: str | None = None) -> ApiCall:
    return ApiCall(verb=verb, resource=INCIDENTS, namespace=namespace, name=name, subresource=subresource)
