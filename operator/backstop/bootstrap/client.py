"""What commands need of a cluster: reading our objects with the user's own credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.adapters.kubernetes.kubeconfig import namespace_of_context
from backstop.adapters.kubernetes.lister import Lister
from backstop.domain.errors import ClusterUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which cluster and which namespaces. `namespace` None: that of the context."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False


async def list_slos(scope: Scope) -> list[Mapping[str, Any]]:
    """Return SLOs ordered by namespace and name. Raises SpecError, AccessDenied, ClusterUnavailable."""
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=scope.kubeconfig, context=scope.context))
    namespace = None
    if not scope.all_namespaces:
        namespace = scope.namespace or namespace_of_context(scope.kubeconfig, scope.context)
    found: dict[str, Mapping[str, Any]] = {}

    def keep(body: Mapping[str, Any]) -> None:
        found[body["metadata"]["uid"]] = body

    try:
        await Lister(client).list_all("SLO", namespace=namespace, deliver=keep)
    except NotFound as missing:
        raise ClusterUnavailable(
            "this cluster does not know SLOs; install Backstop, or: backstop crds | kubectl apply -f -"
        ) from missing
    finally:
        await client.close()
    return sorted(found.values(), key=lambda body: (body["metadata"]["namespace"], body["metadata"]["name"]))
