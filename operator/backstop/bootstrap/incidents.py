"""What commands need of incidents and alert policies: reading and answering with the user's own credentials."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from backstop.adapters.clock import SystemClock
from backstop.adapters.kubernetes.calls import ALERT_POLICIES, INCIDENTS, SELF_SUBJECT_REVIEWS, ApiCall, Resource, Verb
from backstop.adapters.kubernetes.client import MERGE_PATCH, ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.adapters.kubernetes.kubeconfig import namespace_of_context
from backstop.adapters.kubernetes.lister import Lister
from backstop.adapters.telemetry.logs import configure_logs
from backstop.bootstrap.client import Scope
from backstop.domain.errors import ClusterUnavailable
from backstop.ports.clock import Clock

Object = Mapping[str, Any]  # as the API server has it


class Cluster:
    """A cluster that somebody looks at. All calls raise AccessDenied and ClusterUnavailable."""

    def __init__(self, client: KubernetesClient, *, namespace: str, all_namespaces: bool, clock: Clock) -> None:
        self._client = client
        self.namespace = namespace  # of objects that are named
        self._listed = None if all_namespaces else namespace
        self.clock = clock

    async def incidents(self) -> list[Object]:
        """Return incidents ordered by namespace and name."""
        return await self._list(INCIDENTS)

    async def policies(self) -> list[Object]:
        """Return alert policies ordered by namespace and name."""
        return await self._list(ALERT_POLICIES)

    async def incident(self, name: str) -> Object | None:
        """Return an incident, None if it does not exist."""
        try:
            return await self._client.request(self._call(Verb.GET, name))
        except NotFound as missing:
            if missing.kind_missing:
                raise _unknown_kind(INCIDENTS) from missing
            return None

    async def open(self, body: Object) -> Object:
        """Create an incident and return it. An unlucky generated name raises AlreadyExists, a kind of Conflict."""
        try:
            return await self._client.request(self._call(Verb.CREATE, None), body=body)
        except NotFound as missing:
            if missing.kind_missing:
                raise _unknown_kind(INCIDENTS) from missing
            raise ClusterUnavailable(f"there is no namespace {self.namespace}; name another one with -n") from missing

    async def annotate(self, incident: Object, annotations: Mapping[str, str]) -> Object | None:
        """Set annotations of an incident as it was read; None if it was deleted. Raises Conflict when it moved on."""
        metadata = incident["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "annotations": dict(annotations)}}
        try:
            return await self._client.request(
                self._call(Verb.PATCH, metadata["name"]), body=patch, content_type=MERGE_PATCH
            )
        except NotFound:
            return None

    async def caller(self) -> str:
        """Return the user name by which the API server knows who asks."""
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._client.request(ApiCall(verb=Verb.CREATE, resource=SELF_SUBJECT_REVIEWS), body=kind)
        except NotFound as missing:
            raise ClusterUnavailable("this API server cannot tell who asks: Kubernetes 1.28 or later can") from missing
        name = ((answer.get("status") or {}).get("userInfo") or {}).get("username")
        if not isinstance(name, str) or not name:
            raise ClusterUnavailable("the API server does not tell who asks; log in with a user name")
        return name

    def _call(self, verb: Verb, name: str | None) -> ApiCall:
        return ApiCall(verb=verb, resource=INCIDENTS, namespace=self.namespace, name=name)

    async def _list(self, resource: Resource) -> list[Object]:
        found: dict[str, Object] = {}

        def keep(body: Object) -> None:
            found[body["metadata"]["uid"]] = body

        try:
            await Lister(self._client).list_resource(resource, namespace=self._listed, deliver=keep)
        except NotFound as missing:
            raise _unknown_kind(resource) from missing
        return sorted(found.values(), key=lambda body: (body["metadata"]["namespace"], body["metadata"]["name"]))


@asynccontextmanager
async def connected(scope: Scope) -> AsyncIterator[Cluster]:
    """Read the credentials. No call is made yet. Raises SpecError when there are none or they cannot be read."""
    configure_logs(level="error", form="console")  # a user of a command reads the result
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=scope.kubeconfig, context=scope.context))
    namespace = scope.namespace or namespace_of_context(scope.kubeconfig, scope.context)
    try:
        yield Cluster(client, namespace=namespace, all_namespaces=scope.all_namespaces, clock=SystemClock())
    finally:
        await client.close()


def _unknown_kind(resource: Resource) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"this cluster does not know {resource.plural}; install Backstop, or: backstop crds | kubectl apply -f -"
    )
