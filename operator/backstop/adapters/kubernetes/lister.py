"""Reads all objects of a kind, page by page, as of one moment."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from backstop.adapters.kubernetes.calls import KINDS, ApiCall, Resource, Verb
from backstop.adapters.kubernetes.client import KubernetesClient

_LIST_SECONDS: Final = 30.0  # one page; the server may have to read it from etcd


class Lister:
    """A LIST without `resourceVersion` is read through to etcd: nothing that was acknowledged before is missing."""

    def __init__(self, client: KubernetesClient, *, page_size: int = 500) -> None:
        self._client = client
        self._page_size = page_size

    async def list_all(self, kind: str, *, namespace: str | None, deliver: Callable[[Mapping[str, Any]], None]) -> None:
        """Call `deliver` for each object of a kind that is watched, as `list_resource` does."""
        await self.list_resource(KINDS[kind], namespace=namespace, deliver=deliver)

    async def list_resource(
        self, resource: Resource, *, namespace: str | None, deliver: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Call `deliver` for each object of a resource, everywhere when `namespace` is None.

        Raises AccessDenied, ClusterUnavailable, NotFound when the server does not know the kind, and Expired when
        the pages aged midway: what was delivered is then of no moment at all, and the LIST must begin anew.
        """
        call = ApiCall(verb=Verb.LIST, resource=resource, namespace=namespace)
        token = ""
        while True:
            query = [("limit", str(self._page_size)), *([("continue", token)] if token else [])]
            page = await self._client.request(call, query=query, timeout_seconds=_LIST_SECONDS)
            for body in page.get("items") or ():
                deliver(body)
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return
            await asyncio.sleep(0)  # a page is parsed at one go; let others run in between
