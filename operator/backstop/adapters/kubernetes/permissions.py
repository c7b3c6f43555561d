"""Every right that the operator needs on the Kubernetes API, once. The chart's roles are tested against this table.

There are no wildcards and no writes outside the status of our own kinds, Events, the one Lease, and what the admission
webhook needs. Rights of scope `WATCHED` go into a ClusterRole, or into a Role in each watched namespace when the
operator is limited to some; those of scope `CLUSTER` only into the ClusterRole, since no Role can give them; those of
scope `OWN` into a Role in the operator's own namespace; those of scope `WEBHOOK` into a ClusterRole of their own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backstop.adapters.kubernetes.calls import (
    ALERT_POLICIES,
    CRON_JOBS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    INCIDENTS,
    JOBS,
    LEASES,
    MAINTENANCE_WINDOWS,
    NODES,
    NOTIFICATION_CHANNELS,
    PODS,
    SECRETS,
    SERVICES,
    SLOS,
    WEBHOOK_CONFIGURATIONS,
    Resource,
    Verb,
)
from backstop.vocabulary import LEASE_NAME, WEBHOOK_CONFIGURATION, WEBHOOK_TLS


class Scope(StrEnum):
    WATCHED = "watched namespaces"
    CLUSTER = "the whole cluster, unless the operator is limited to namespaces"
    OWN = "the operator's own namespace"
    WEBHOOK = "one object without a namespace, by name: also where the operator is limited to namespaces"


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


def _with_status(resource: Resource, *, why: str) -> tuple[Permission, ...]:
    """Return the rights on a kind that people write and whose status is ours; `why` it is listed."""

    def to(verb: Verb, reason: str, subresource: str | None = None) -> Permission:
        return Permission(scope=Scope.WATCHED, resource=resource, verb=verb, why=reason, subresource=subresource)

    return (
        to(Verb.LIST, f"the complete list at start and every few minutes: {why}"),
        to(Verb.WATCH, "changes within a second"),
        to(Verb.GET, "version and uid before a status is written: one made anew under the same name is left alone"),
        to(Verb.PATCH, "server-side apply of the status", "status"),
    )


PERMISSIONS: Final = (
    *_with_status(SLOS, why="what to evaluate"),
    *_with_status(MAINTENANCE_WINDOWS, why="without it, budgets would count what is excluded"),
    *_with_status(ALERT_POLICIES, why="which rules to judge"),
    *_with_status(NOTIFICATION_CHANNELS, why="where to tell incidents"),
    Permission(
        scope=Scope.WATCHED,
        resource=INCIDENTS,
        verb=Verb.LIST,
        why="the complete list: what is open already",
    ),
    Permission(scope=Scope.WATCHED, resource=INCIDENTS, verb=Verb.WATCH, why="what people answer, within a second"),
    Permission(scope=Scope.WATCHED, resource=INCIDENTS, verb=Verb.GET, why="to decide again after a conflict"),
    Permission(scope=Scope.WATCHED, resource=INCIDENTS, verb=Verb.CREATE, why="to open one"),
    Permission(
        scope=Scope.WATCHED, resource=INCIDENTS, subresource="status", verb=Verb.UPDATE, why="to record what happens"
    ),
    Permission(scope=Scope.WATCHED, resource=INCIDENTS, verb=Verb.PATCH, why="to take away answers that were acted on"),
    Permission(scope=Scope.WATCHED, resource=INCIDENTS, verb=Verb.DELETE, why="resolved ones after 90 days"),
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
    Permission(
        scope=Scope.OWN,
        resource=SECRETS,
        verb=Verb.GET,
        name=WEBHOOK_TLS,
        why="the webhook's certificate, and its key",
    ),
    Permission(scope=Scope.OWN, resource=SECRETS, verb=Verb.UPDATE, name=WEBHOOK_TLS, why="to renew it"),
    Permission(
        scope=Scope.WEBHOOK,
        resource=WEBHOOK_CONFIGURATIONS,
        verb=Verb.GET,
        name=WEBHOOK_CONFIGURATION,
        why="which authorities the API server trusts",
    ),
    Permission(
        scope=Scope.WEBHOOK,
        resource=WEBHOOK_CONFIGURATIONS,
        verb=Verb.UPDATE,
        name=WEBHOOK_CONFIGURATION,
        why="to have it trust a new one",
    ),
)
