"""What the engine needs of Kubernetes beyond watching."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from backstop.domain.health import WorkloadFacts
from backstop.domain.slo import Uid, Workload

__all__ = ["Leadership", "ObjectRef", "StatusWriter", "WorkloadFacts", "WorkloadReader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """A custom resource of ours, as far as writing about it needs."""

    kind: str
    namespace: str
    name: str
    uid: Uid

    @property
    def key(self) -> str:
        """`namespace/name`, as people and messages call it."""
        return f"{self.namespace}/{self.name}"


class StatusWriter(Protocol):
    """Writes the status of our own kinds by forced server-side apply (semantics K7, K14)."""

    async def apply_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        """Replace what field manager `backstop-status` owns in `.status`.

        An object that is gone meanwhile, or that carries another uid, is left alone without an error.
        Raises AccessDenied (with the missing rule) or ClusterUnavailable.
        """
        ...

    async def emit_event(self, ref: ObjectRef, *, warning: bool, reason: str, note: str, at: datetime) -> None:
        """Record a Kubernetes Event on the object. Same errors as `apply_status`."""
        ...


class WorkloadReader(Protocol):
    """The second witness (semantics E1)."""

    async def read_workload(self, namespace: str, workload: Workload) -> WorkloadFacts:
        """Raises AccessDenied or ClusterUnavailable: not being able to look is not bad news about the workload."""
        ...


class Leadership(Protocol):
    """Who may write."""

    def is_leader(self) -> bool:
        """True only while our lease cannot have expired, by the monotonic clock."""
        ...
