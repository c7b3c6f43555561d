"""Writes the status of our own kinds, and nothing else of them."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from backstop.adapters.kubernetes.calls import KINDS, ApiCall, Verb
from backstop.adapters.kubernetes.client import APPLY_PATCH, KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.adapters.kubernetes.events import EventRecorder
from backstop.domain.errors import ClusterUnavailable, Conflict
from backstop.domain.slo import Uid
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import API_VERSION, STATUS_FIELD_MANAGER

log = structlog.get_logger(__name__)

_REMEMBERED_VERSIONS: Final = 20_000  # twice the objects that one operator is built for; forgetting costs one GET
_ATTEMPTS: Final = 4  # an object that changes between our read and our write this often is left for the next heartbeat


class KubernetesStatusWriter:
    """ports.cluster.StatusWriter by forced server-side apply."""

    def __init__(self, client: KubernetesClient, events: EventRecorder) -> None:
        self._client = client
        self._events = events
        self._versions: OrderedDict[Uid, str] = OrderedDict()  # resourceVersion by uid, as our last call saw it

    async def apply_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        """Replace what `backstop-status` owns in `.status`. See the port for the contract."""
        # RACE: the object may be deleted and made anew under the same name before this write lands.
        # DEFENCE: the write names the resourceVersion of an object whose uid we know to be `ref.uid`. A uid in the
        # body would not do: on the status subresource the server takes metadata from what is stored and ignores ours.
        # COST: one GET per object, and one more after each change by somebody else; else a single call.
        for _ in range(_ATTEMPTS):
            version = self._versions.get(ref.uid) or await self._read_version(ref)
            if version is None:
                log.debug("status.object_gone", kind=ref.kind, namespace=ref.namespace, name=ref.name)
                return
            try:
                answer = await self._client.request(
                    _call(ref, Verb.PATCH, subresource="status"),
                    body=_apply_body(ref, version, status),
                    content_type=APPLY_PATCH,
                    query=(("fieldManager", STATUS_FIELD_MANAGER), ("force", "true")),
                )
            except Conflict:
                self._versions.pop(ref.uid, None)
            except NotFound:
                self._versions.pop(ref.uid, None)
                return
            else:
                self._remember(ref.uid, answer["metadata"]["resourceVersion"])
                return
        raise ClusterUnavailable(f"{ref.kind} {ref.namespace}/{ref.name} changes faster than its status can be written")

    async def emit_event(self, ref: ObjectRef, *, warning: bool, reason: str, note: str, at: datetime) -> None:
        """Record a Kubernetes Event on the object. See the port for the contract."""
        await self._events.emit(ref, warning=warning, reason=reason, note=note, at=at)

    async def _read_version(self, ref: ObjectRef) -> str | None:
        try:
            metadata = (await self._client.request(_call(ref, Verb.GET)))["metadata"]
        except NotFound:
            return None
        if metadata["uid"] != ref.uid:
            return None
        version = str(metadata["resourceVersion"])
        self._remember(ref.uid, version)
        return version

    def _remember(self, uid: Uid, version: str) -> None:
        self._versions[uid] = version
        self._versions.move_to_end(uid)
        if len(self._versions) > _REMEMBERED_VERSIONS:
            self._versions.popitem(last=False)


def _call(ref: ObjectRef, verb: Verb, *, subresource: str | None = None) -> ApiCall:
    return ApiCall(verb=verb, resource=KINDS[ref.kind], namespace=ref.namespace, name=ref.name, subresource=subresource)


def _apply_body(ref: ObjectRef, version: str, status: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace, "resourceVersion": version},
        "status": dict(status),
    }
