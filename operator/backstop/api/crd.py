"""The CustomResourceDefinitions of our kinds, made from the models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import BaseModel

from backstop.api.schema import structural_schema
from backstop.api.v1alpha1.alert_policy import AlertPolicySpec
from backstop.api.v1alpha1.alert_policy_status import AlertPolicyStatus
from backstop.api.v1alpha1.incident import IncidentSpec
from backstop.api.v1alpha1.incident_status import IncidentStatus
from backstop.api.v1alpha1.maintenance_window import MaintenanceWindowSpec
from backstop.api.v1alpha1.maintenance_window_status import MaintenanceWindowStatus
from backstop.api.v1alpha1.notification_channel import NotificationChannelSpec
from backstop.api.v1alpha1.notification_channel_status import NotificationChannelStatus
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.api.v1alpha1.slo_status import SLOStatus
from backstop.vocabulary import CATEGORY, GROUP, VERSION

HEADER: Final = "# Generated from the models in operator/backstop/api by `make crds`; edit those.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of `kubectl get`. Those of priority 1 are shown by `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str

    def as_dict(self) -> dict[str, Any]:
        column = {"name": self.name, "type": self.type, "jsonPath": self.path, "description": self.description}
        return column | ({"priority": self.priority} if self.priority else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of ours."""

    name: str
    plural: str
    short: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]

    @property
    def crd_name(self) -> str:
        return f"{self.plural}.{GROUP}"

    @property
    def file_name(self) -> str:
        return f"{GROUP}_{self.plural}.yaml"


SLO: Final = Kind(
    name="SLO",
    plural="slos",
    short="slo",
    description="A service level objective and its error budget.",
    spec=SLOSpec,
    status=SLOStatus,
    columns=(
        Column(name="Objective", type="number", path=".spec.target", description="Target in percent."),
        Column(name="Window", path=".spec.windows[0].name", description="The primary window."),
        Column(name="SLI", type="number", path=".status.windows[0].sli", description="Good events in percent."),
        Column(
            name="Burn (1h)",
            type="number",
            path=".status.burnRates.1h",
            description="Burn rate over the last hour; above 1 the budget will not last.",
        ),
        Column(
            name="Remaining",
            type="number",
            path=".status.windows[0].remainingPercent",
            description="Error budget left in percent.",
        ),
        Column(name="State", path=".status.state", description="Healthy, AtRisk, Exhausted or Unknown."),
        Column(name="Reason", path=".status.reason", description="Why the state is what it is."),
        Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age of the object."),
        Column(
            name="Coverage",
            type="number",
            path=".status.windows[0].coverage",
            priority=1,
            description="Known share of the primary window, 0 to 1.",
        ),
        Column(name="Source", path=".spec.source", priority=1, description="The Prometheus that is asked."),
        Column(name="Message", path=".status.message", priority=1, description="The reason in words."),
    ),
)

MAINTENANCE_WINDOW: Final = Kind(
    name="MaintenanceWindow",
    plural="maintenancewindows",
    short="mw",
    description="Time in which SLOs are known to be disturbed, and what follows from it.",
    spec=MaintenanceWindowSpec,
    status=MaintenanceWindowStatus,
    columns=(
        Column(name="State", path=".status.state", description="Scheduled, Active, Over or Refused."),
        Column(name="Until", path=".status.active.end", description="When the time under way ends."),
        Column(name="Next", path=".status.next.start", description="When it begins next."),
        Column(
            name="SLOs", type="integer", path=".status.slos.count", description="How many SLOs the selector matches."
        ),
        Column(
            name="Budget",
            type="boolean",
            path=".spec.excludeFromBudget",
            description="True: its time is excluded from error budgets.",
        ),
        Column(
            name="Excluded (s)",
            type="number",
            path=".status.excludedSeconds",
            description="Seconds of the last 30 days that it has excluded.",
        ),
        Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age of the object."),
        Column(name="Schedule", path=".spec.schedule.cron", priority=1, description="The schedule, if it has one."),
        Column(name="Reason", path=".status.reason", priority=1, description="The reason of condition Ready."),
        Column(name="Message", path=".status.message", priority=1, description="What it does now, in words."),
    ),
)

NOTIFICATION_CHANNEL: Final = Kind(
    name="NotificationChannel",
    plural="notificationchannels",
    short="nc",
    description="Where incidents are told.",
    spec=NotificationChannelSpec,
    status=NotificationChannelStatus,
    columns=(
        Column(name="State", path=".status.state", description="Ready, Failing or Refused."),
        Column(name="Reason", path=".status.reason", description="Why the state is what it is."),
        Column(name="Sent", type="integer", path=".status.sent", description="How many messages the receiver took."),
        Column(name="Failed", type="integer", path=".status.failed", description="How many were not delivered."),
        Column(name="Last sent", type="date", path=".status.lastSentAt", description="When the newest was taken."),
        Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age of the object."),
        Column(name="URL", path=".spec.webhook.url", priority=1, description="Where messages go."),
        Column(name="Last error", path=".status.lastError", priority=1, description="What went wrong last."),
        Column(name="Message", path=".status.message", priority=1, description="The reason in words."),
    ),
)

ALERT_POLICY: Final = Kind(
    name="AlertPolicy",
    plural="alertpolicies",
    short="ap",
    description="Which alerts there are about SLOs and the cluster, and what is expected of people.",
    spec=AlertPolicySpec,
    status=AlertPolicyStatus,
    columns=(
        Column(name="State", path=".status.state", description="Firing, Pending, Unknown, Quiet or Refused."),
        Column(name="Firing", type="integer", path=".status.alertCounts.firing", description="How many alerts fire."),
        Column(
            name="Pending",
            type="integer",
            path=".status.alertCounts.pending",
            description="How many alerts are about to fire.",
        ),
        Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age of the object."),
        Column(name="Reason", path=".status.reason", priority=1, description="Why the state is what it is."),
        Column(name="Message", path=".status.message", priority=1, description="The reason in words."),
        Column(
            name="SLOs",
            type="integer",
            path=".status.slos.count",
            priority=1,
            description="How many SLOs its rules judge.",
        ),
    ),
)

INCIDENT: Final = Kind(
    name="Incident",
    plural="incidents",
    short="inc",
    description="What is or was wrong: since when, who was told, who took care, and how it is known to be over.",
    spec=IncidentSpec,
    status=IncidentStatus,
    columns=(
        Column(name="Severity", path=".status.severity", description="P0 to P3; P0 is the worst."),
        Column(name="State", path=".status.state", description="Open, Acknowledged or Resolved."),
        Column(name="Title", path=".spec.title", description="What is wrong."),
        Column(name="Alerts", type="integer", path=".status.alertCount", description="The most alerts at a time."),
        Column(name="Opened", type="date", path=".status.openedAt", description="How long ago it was opened."),
        Column(name="Resolved", type="date", path=".status.resolvedAt", description="How long ago it was resolved."),
        Column(name="By", path=".status.acknowledgedBy", description="Who takes care of it."),
        Column(name="Service", path=".spec.service", priority=1, description="The service that it is about."),
        Column(name="Policy", path=".spec.policy", priority=1, description="The AlertPolicy that opened it."),
        Column(
            name="Resolution", path=".status.resolution", priority=1, description="How it is known that it is over."
        ),
    ),
)

KINDS: Final = (SLO, MAINTENANCE_WINDOW, ALERT_POLICY, NOTIFICATION_CHANNEL, INCIDENT)


def crd(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of `kind`."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.as_dict() for column in kind.columns],
                    "schema": {"openAPIV3Schema": _object_schema(kind)},
                }
            ],
        },
    }


def _object_schema(kind: Kind) -> dict[str, Any]:
    return {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural_schema(kind.spec),
            "status": structural_schema(kind.status),
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out instead of as anchors, which readers of CRDs do not expect."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML, in the order of its keys."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
