"""Reads all objects that match a selector from the API server's memory, and never a part of them as if it were all."""

from collections.abc import Mapping
from typing import Any, Final

from backstop.adapters.kubernetes.calls import ApiCall, Resource, Verb
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.errors import Expired, NotFound
from backstop.domain.errors import ClusterUnavailable

PAGE: Final = 500
MAX_OBJECTS: Final = 10_000  # twice the nodes that Kubernetes is made for; more would only be read, parsed and dropped


async def list_bounded(
    client: KubernetesClient, resource: Resource, *, namespace: str | None, selector: str = "", name: str = ""
) -> list[Mapping[str, Any]]:
    """Return the objects. An empty label selector matches all, and so does no name.

    Raises AccessDenied, and ClusterUnavailable also where there are too many or the pages aged midway. A namespace that
    does not exist holds nothing.
    """
    call = ApiCall(verb=Verb.LIST, resource=resource, namespace=namespace)
    chosen = [("labelSelector", selector)] if selector else []
    chosen += [("fieldSelector", f"metadata.name={name}")] if name else []
    found: list[Mapping[str, Any]] = []
    # resourceVersion=0: from the server's memory, as old as a watch may be, without a read through to etcd. A server
    # may then answer with everything at once; where it does give pages, the token says of which moment they are.
    which = ("resourceVersion", "0")
    while True:
        try:
            page = await client.request(call, query=[*chosen, ("limit", str(PAGE)), which])
        except NotFound:
            return []
        except Expired as problem:
            raise ClusterUnavailable(f"{problem}; it is read anew the next time") from problem
        found += page.get("items") or ()
        token = (page.get("metadata") or {}).get("continue")
        if len(found) > MAX_OBJECTS:
            raise ClusterUnavailable(f"{call}: more than {MAX_OBJECTS:,} match; select fewer by labels")
        if not token:
            return found
        which = ("continue", token)
