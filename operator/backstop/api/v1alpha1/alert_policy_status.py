"""The status of an AlertPolicy: what fires, what is about to, and which tiers are in force.

The engine builds it; this is its schema and its reference. The operator reads `alerts` back when it starts
(semantics A13), so nothing in them is for people alone.
"""

from typing import Annotated, Any, Final

from pydantic import Field

from backstop.api.field_types import Choice, ShortName, UniqueBy
from backstop.api.rules import ApiModel
from backstop.api.v1alpha1.maintenance_window_status import MatchedSLOs
from backstop.api.v1alpha1.slo_status import Count, Instant, Message, Reason, StatusCondition
from backstop.domain.alert import AlertStatus, SubjectKind
from backstop.domain.alert_policy import Severity
from backstop.vocabulary import (
    MAX_ALERT_MESSAGE,
    MAX_GROUP_BY,
    MAX_LABEL_VALUE,
    SHOWN_ALERTS,
    SHOWN_TIERS,
    AlertPolicyReason,
    AlertPolicyState,
    AlertReason,
)

_ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
_AT: Final = "2026-03-01T10:02:11.000Z"
_ALERT: Final[dict[str, Any]] = {
    "rule": "fast-burn",
    "severity": "P0",
    "status": "Firing",
    "subjectKind": "SLO",
    "subject": "checkout-availability",
    "since": _AT,
    "reason": str(AlertReason.BURNING),
}

ObjectText = Annotated[str, Field(max_length=253)]
DurationText = Annotated[str, Field(min_length=1, max_length=32)]
AlertMessage = Annotated[str, Field(max_length=MAX_ALERT_MESSAGE)]


class TierStatus(ApiModel):
    """A rule about SLOs or a tier of the preset, as it is in force for one SLO."""

    name: ShortName = Field(description="Name of the rule or the tier.", examples=["fast-burn"])
    slo: ObjectText = Field(description="Name of the SLO.", examples=["checkout-availability"])
    severity: Annotated[Severity, Choice(Severity)] | None = Field(
        default=None, description="How bad it is; absent for a tier that does not exist.", examples=["P0"]
    )
    long: DurationText | None = Field(default=None, description="The long window, of a burn rate.", examples=["1h"])
    short: DurationText | None = Field(default=None, description="The short window, of a burn rate.", examples=["5m"])
    factor: Count | None = Field(default=None, description="The burn rate from which it fires.", examples=[14.4])
    refused: bool | None = Field(
        default=None, description="True when it cannot be with this SLO; message tells why.", examples=[True]
    )
    message: AlertMessage | None = Field(
        default=None, description="Why it is refused, in words.", examples=["the window of 5d is shorter than 7d"]
    )


class AlertStatusEntry(ApiModel):
    """An alert that is not clear: a rule about one subject."""

    rule: ShortName = Field(description="Name of the rule or the tier.", examples=["fast-burn"])
    severity: Annotated[Severity, Choice(Severity)] = Field(description="How bad it is.", examples=["P0"])
    status: Annotated[AlertStatus, Choice(AlertStatus)] = Field(
        description="Firing, Pending or Unknown.",
        examples=["Firing"],
    )
    subject_kind: Annotated[SubjectKind, Choice(SubjectKind)] = Field(description="What it is about.", examples=["SLO"])
    subject: ObjectText = Field(
        description="Name of the SLO, node, CronJob or target.", examples=["checkout-availability"]
    )
    group: (
        Annotated[dict[str, Annotated[str, Field(max_length=MAX_LABEL_VALUE)]], Field(max_length=MAX_GROUP_BY)] | None
    ) = Field(default=None, description="Labels of a part of the SLO with groupBy.", examples=[{"region": "eu"}])
    service: ObjectText | None = Field(
        default=None, description="The service that the SLO is about.", examples=["checkout"]
    )
    since: Instant = Field(description="Since when the status is what it is.", examples=[_AT])
    started_at: Instant | None = Field(
        default=None, description="When what is wrong began, as far as the evidence tells.", examples=[_AT]
    )
    unknown_since: Instant | None = Field(
        default=None, description="Since when the evidence is unknown.", examples=[_AT]
    )
    reason: Reason = Field(description="Why, in one word; see the vocabulary.", examples=[str(AlertReason.BURNING)])
    message: AlertMessage | None = Field(
        default=None,
        description="Why, in words, with the numbers.",
        examples=["burn rate 20.1 over 1h and 30.4 over 5m (limit 14.4)"],
    )
    held_seconds: Count | None = Field(
        default=None, description="For how much known time it holds without interruption.", examples=[125.0]
    )
    clear_seconds: Count | None = Field(
        default=None, description="For how much known time a firing alert does not hold any more.", examples=[30.0]
    )
    at: Instant | None = Field(default=None, description="When it was evaluated last.", examples=[_AT])
    incident: ObjectText | None = Field(
        default=None, description="Name of its open Incident.", examples=["shop-5e1f2a9c-3"]
    )


class AlertCounts(ApiModel):
    """How many alerts there are, those beyond the list included."""

    firing: Annotated[int, Field(ge=0)] = Field(default=0, description="How many fire.", examples=[1])
    pending: Annotated[int, Field(ge=0)] = Field(default=0, description="How many are about to.", examples=[2])
    unknown: Annotated[int, Field(ge=0)] = Field(default=0, description="Of how many it cannot be told.", examples=[0])


class AlertPolicyStatus(ApiModel):
    """What the operator knows of an AlertPolicy. Written by the operator alone."""

    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The generation of the object that the status speaks of.", examples=[3]
    )
    state: Annotated[AlertPolicyState, Choice(AlertPolicyState)] | None = Field(
        default=None, description="Firing, Pending, Unknown, Quiet or Refused.", examples=["Quiet"]
    )
    reason: Reason | None = Field(
        default=None,
        description="Why the state is what it is: the reason of the worst alert, or of condition Ready.",
        examples=[str(AlertReason.BURNING)],
    )
    message: Message | None = Field(
        default=None,
        description="The same in words.",
        examples=["fast-burn (P0) about checkout-availability: burn rate 20.1 over 1h (limit 14.4)"],
    )
    slos: MatchedSLOs | None = Field(
        default=None, description="The SLOs that rules about SLOs judge now.", examples=[{"count": 1}]
    )
    alert_counts: AlertCounts | None = Field(
        default=None, description="How many alerts there are.", examples=[{"firing": 1, "pending": 0, "unknown": 0}]
    )
    alerts: Annotated[list[AlertStatusEntry], Field(max_length=SHOWN_ALERTS)] | None = Field(
        default=None,
        description=f"Alerts that are not clear, firing ones and the worst first; {SHOWN_ALERTS} at most.",
        examples=[[_ALERT]],
        json_schema_extra=_ATOMIC,
    )
    tiers: Annotated[list[TierStatus], Field(max_length=SHOWN_TIERS)] | None = Field(
        default=None,
        description=f"The rules about SLOs and the tiers of the preset as they are in force, {SHOWN_TIERS} at most.",
        examples=[
            [
                {
                    "name": "fast-burn",
                    "slo": "checkout-availability",
                    "severity": "P0",
                    "long": "1h",
                    "short": "5m",
                    "factor": 14.4,
                }
            ]
        ],
        json_schema_extra=_ATOMIC,
    )
    conditions: Annotated[list[StatusCondition], Field(max_length=16), UniqueBy("type")] | None = Field(
        default=None,
        description="Ready.",
        examples=[
            [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": str(AlertPolicyReason.IN_FORCE),
                    "message": "judges 1 SLO by 4 rules",
                    "lastTransitionTime": "2026-03-01T10:02:11Z",
                }
            ]
        ],
    )
