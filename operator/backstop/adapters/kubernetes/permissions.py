"""Every right that the operator needs on the Kubernetes API, once. The chart's roles are tested against this table.

There are no wildcards and no writes outside the status of our own kinds, Events and the one Lease. Rights of scope
`WATCHED` go into a ClusterRole, or into a Role in each watched namespace when the operator is limited to some; those
of scope `CLUSTER` only into the ClusterRole, since no Role can give them; those of scope `OWN` into a Role in the
operator's own namespace.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backstop.adapters.kubernetes.calls import (
    CRON_JOBS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    JOBS,
    LEASES,
    MAINTENANCE_WINDOWS,
    NODES,
    PODS,
    SERVICES,
    SLOS,
    Resource,
    Verb,
)
from backstop.vocabulary import LEASE_NAME


class Scope(StrEnum):
    WATCHED = "watched namespaces"
    CLUSTER = "the whole cluster, unless the operator is limited to namespaces"
    OWN = "the operator's own namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One rule. `name` restricts it to one object."""

    scope: Scope
    resource: Resource
    verb: Verb
    why: str
    subresource: str | None = None
    name: str | None = None

    @property
    def rbac_resource(self) -> str:
        """The resource as rules of RBAC write it: `slos/status`."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


PERMISSIONS: Final = (
    Permission(
        scope=Scope.WATCHED,
        resource=SLOS,
        verb=Verb.LIST,
        why="the complete list at start and every few minutes: finds what a watch lost",
    ),
    Permission(scope=Scope.WATCHED, resource=SLOS, verb=Verb.WATCH, why="changes within a second"),
    Permission(
        scope=Scope.WATCHED,
        resource=SLOS,
        verb=Verb.GET,
        why="version and uid before a status is written, so that an object made anew under the same name is left alone",
    ),
    Permission(
        scope=Scope.WATCHED, resource=SLOS, subresource="status", verb=Verb.PATCH, why="server-side apply of the status"
    ),
    Permission(
        scope=Scope.WATCHED,
        resource=MAINTENANCE_WINDOWS,
        verb=Verb.LIST,
        why="the complete list: without it, budgets would count what is excluded",
    ),
    Permission(scope=Scope.WATCHED, resource=MAINTENANCE_WINDOWS, verb=Verb.WATCH, why="changes within a second"),
    Permission(scope=Scope.WATCHED, resource=MAINTENANCE_WINDOWS, verb=Verb.GET, why="version and uid, as of an SLO"),
    Permission(
        scope=Scope.WATCHED,
        resource=MAINTENANCE_WINDOWS,
        subresource="status",
        verb=Verb.PATCH,
        why="server-side apply of the status",
    ),
    Permission(
        scope=Scope.WATCHED, resource=EVENTS, verb=Verb.CREATE, why="an Event when the state of an object changes"
    ),
    Permission(scope=Scope.WATCHED, resource=EVENTS, verb=Verb.GET, why="the count of an Event that happens again"),
    Permission(scope=Scope.WATCHED, resource=EVENTS, verb=Verb.PATCH, why="one more in the series of an Event"),
    Permission(scope=Scope.WATCHED, resource=SERVICES, verb=Verb.GET, why="the selector of the Service behind an SLO"),
    Permission(scope=Scope.WATCHED, resource=ENDPOINT_SLICES, verb=Verb.LIST, why="ready endpoints of that Service"),
    Permission(
        scope=Scope.WATCHED, resource=DEPLOYMENTS, verb=Verb.GET, why="selector and wanted replicas of the Deployment"
    ),
    Permission(scope=Scope.WATCHED, resource=PODS, verb=Verb.LIST, why="crash-looping and unready pods of a workload"),
    Permission(scope=Scope.WATCHED, resource=JOBS, verb=Verb.LIST, why="finished runs that a rule counts"),
    Permission(scope=Scope.WATCHED, resource=CRON_JOBS, verb=Verb.LIST, why="when a CronJob succeeded last"),
    Permission(scope=Scope.CLUSTER, resource=NODES, verb=Verb.LIST, why="conditions of nodes that a rule is about"),
    Permission(scope=Scope.OWN, resource=LEASES, verb=Verb.CREATE, why="the first replica makes the Lease"),
    Permission(scope=Scope.OWN, resource=LEASES, verb=Verb.GET, name=LEASE_NAME, why="who leads"),
    Permission(scope=Scope.OWN, resource=LEASES, verb=Verb.UPDATE, name=LEASE_NAME, why="to lead, renew and release"),
)
