"""What rules that are not about SLOs need of Kubernetes: nodes, and runs that came to an end."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from backstop.domain.alert_facts import NodeFacts, RunHistory
from backstop.domain.alert_policy import Runs

__all__ = ["NodeReader", "RunReader"]


class NodeReader(Protocol):
    """Reads nodes, as of a moment ago."""

    async def read_nodes(self, selector: Mapping[str, str]) -> Sequence[NodeFacts]:
        """Return every node that has these labels; all of them for an empty selector.

        Raises AccessDenied (with the missing rule) or ClusterUnavailable: not being able to look is not bad news about
        a node, and a part of the nodes is not returned as if it were all.
        """
        ...


class RunReader(Protocol):
    """Reads finished runs, as of a moment ago."""

    async def read_runs(self, namespace: str, of: Runs) -> RunHistory | None:
        """Return the runs that came to an end; one that still goes on is none of them yet.

        None: the CronJob does not exist. Raises AccessDenied (with the missing rule) or ClusterUnavailable.
        """
        ...
