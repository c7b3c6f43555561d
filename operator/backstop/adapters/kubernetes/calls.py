"""One call of the Kubernetes API as data: its path and, should it be refused, the RBAC rule that allows it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from backstop.vocabulary import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the API, as its path and its RBAC rule name it. `group` is empty for the core group."""

    group: str
    version: str
    plural: str


SLOS: Final = Resource(GROUP, VERSION, "slos")
MAINTENANCE_WINDOWS: Final = Resource(GROUP, VERSION, "maintenancewindows")
ALERT_POLICIES: Final = Resource(GROUP, VERSION, "alertpolicies")
NOTIFICATION_CHANNELS: Final = Resource(GROUP, VERSION, "notificationchannels")
INCIDENTS: Final = Resource(GROUP, VERSION, "incidents")
SELF_SUBJECT_REVIEWS: Final = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases")
SECRETS: Final = Resource("", "v1", "secrets")
WEBHOOK_CONFIGURATIONS: Final = Resource("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations")
EVENTS: Final = Resource("events.k8s.io", "v1", "events")
SERVICES: Final = Resource("", "v1", "services")
PODS: Final = Resource("", "v1", "pods")
ENDPOINT_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments")
NODES: Final = Resource("", "v1", "nodes")
JOBS: Final = Resource("batch", "v1", "jobs")
CRON_JOBS: Final = Resource("batch", "v1", "cronjobs")

# Our own kinds, by the name that people write; the first one is what everything else is about.
KINDS: Final = {
    "SLO": SLOS,
    "MaintenanceWindow": MAINTENANCE_WINDOWS,
    "AlertPolicy": ALERT_POLICIES,
    "NotificationChannel": NOTIFICATION_CHANNELS,
    "Incident": INCIDENTS,
}

_NAMED: Final = (LEASES, SECRETS, WEBHOOK_CONFIGURATIONS)  # granted by name: of each, one object is ours


class Verb(StrEnum):
    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"


_METHODS: Final = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.CREATE: "POST",
    Verb.UPDATE: "PUT",
    Verb.PATCH: "PATCH",
    Verb.DELETE: "DELETE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """Verb and target of one request. `namespace` None: cluster-wide."""

    verb: Verb
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _METHODS[self.verb]

    @property
    def path(self) -> str:
        """The path on the server; every part is quoted, whoever chose it."""
        group, version = self.resource.group, self.resource.version
        parts = ["apis", group, version] if group else ["api", version]
        if self.namespace is not None:
            parts += ["namespaces", self.namespace]
        parts += [self.resource.plural, *(part for part in (self.name, self.subresource) if part is not None)]
        return "/" + "/".join(quote(part, safe="") for part in parts)

    @property
    def rule(self) -> str:
        """The rule of a Role or ClusterRole that allows this call, as YAML on one line."""
        resource = self.resource.plural + (f"/{self.subresource}" if self.subresource else "")
        # RBAC cannot restrict create and list by name: the name is not known, or not asked for.
        named = self.name is not None and self.resource in _NAMED and self.verb is not Verb.CREATE
        names = f', resourceNames: ["{self.name}"]' if named else ""
        return f'{{apiGroups: ["{self.resource.group}"], resources: ["{resource}"], verbs: ["{self.verb}"]{names}}}'

    def __str__(self) -> str:
        what = f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural
        target = f" {self.name}" if self.name else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{target}{where}"
