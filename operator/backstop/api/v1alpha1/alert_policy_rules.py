"""The rules of an AlertPolicy: when one fires, how bad that is, who hears of it."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from backstop.api.exact_number import ExactNumber
from backstop.api.field_types import Choice, Distinct, DurationBetween, ObjectName, PrometheusLabel, ShortName
from backstop.api.rules import ApiModel
from backstop.api.v1alpha1.alert_policy_when import When
from backstop.domain.alert_policy import Severity
from backstop.vocabulary import MAX_CHANNELS

Channels = Annotated[list[ObjectName], Field(max_length=MAX_CHANNELS), Distinct()]
Deadline = Annotated[str, DurationBetween(shortest="1m", longest="90d")]


class OncePer(StrEnum):
    """How often a runbook is started."""

    INCIDENT = "Incident"


class Parameter(ApiModel):
    """Where the value of a runbook's parameter comes from."""

    from_label: PrometheusLabel = Field(description="Label of the evidence.", examples=["client_ip"])


class Run(ApiModel):
    """A runbook that is started when the rule fires."""

    runbook: ObjectName = Field(description="Name of a Runbook.", examples=["relieve-pool"])
    parameters: Annotated[dict[str, Parameter], Field(max_length=32)] | None = Field(
        default=None, description="Its parameters by name.", examples=[{"ip": {"fromLabel": "client_ip"}}]
    )
    on_clear: ObjectName | None = Field(
        default=None, description="Name of a Runbook that is started when the rule is clear.", examples=["tidy-up"]
    )
    once_per: Annotated[OncePer, Choice(OncePer)] | None = Field(
        default=None, description="How often it is started.", examples=["Incident"]
    )


class FreezeDeploys(ApiModel):
    """No deploys of the workloads of the SLO."""

    until_remaining_above: Annotated[Decimal, ExactNumber(lowest=-100, highest=100, example=5)] = Field(
        description="Until so many percent of the budget are left.", examples=[5]
    )
    max_duration: Annotated[str, DurationBetween(shortest="1m", longest="30d")] = Field(
        description="And no longer than this.", examples=["7d"]
    )


class AlertRule(ApiModel):
    """One rule: when it fires, and what follows."""

    name: ShortName = Field(description="Name of the rule, unique in the policy.", examples=["fast-burn"])
    severity: Annotated[Severity, Choice(Severity)] = Field(
        description="How bad it is; P0 is the worst.", examples=["P0"]
    )
    enabled: bool = Field(default=True, description="False switches the rule off.", examples=[False])
    when: When = Field(
        description="When it fires: exactly one kind of condition.",
        examples=[{"burnRate": {"long": "1h", "short": "5m", "budgetPercent": 2}}],
    )
    keep_firing_for: Annotated[str, DurationBetween(shortest="0s", longest="7d")] = Field(
        default="0s", description="How long it has to be clear before it stops firing.", examples=["5m"]
    )
    notify: Channels | None = Field(
        default=None,
        description="Names of the NotificationChannels that are told.",
        examples=[["oncall"]],
    )
    acknowledge_within: Deadline | None = Field(
        default=None,
        description="How soon somebody has to answer, instead of escalation.acknowledgeWithin.",
        examples=["5m"],
    )
    resolve_within: Deadline | None = Field(
        default=None,
        description="How soon it has to be over, instead of escalation.resolveWithin.",
        examples=["1h"],
    )
    escalation: ShortName | None = Field(
        default=None,
        description="Name of one of escalation.chains that it follows. Not supported yet.",
        examples=["databases"],
    )
    run: Annotated[list[Run], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Runbooks that are started. Not supported yet.",
        examples=[[{"runbook": "relieve-pool"}]],
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    freeze_deploys: FreezeDeploys | None = Field(
        default=None,
        description="No deploys while it fires. Not supported yet.",
        examples=[{"untilRemainingAbove": 5, "maxDuration": "7d"}],
    )
