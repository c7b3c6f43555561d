"""The status of an Incident: the record itself. `api/to_incident.py` writes and reads it; this is its schema."""

from typing import Annotated, Any, Final

from pydantic import Field

from backstop.api.field_types import Choice, UniqueBy
from backstop.api.rules import ApiModel
from backstop.api.v1alpha1.slo_status import Count, Instant, StatusCondition
from backstop.domain.alert import AlertStatus, SubjectKind
from backstop.domain.alert_policy import Severity
from backstop.domain.notification import NotificationState
from backstop.vocabulary import (
    MAX_CHANNELS,
    MAX_DEADLINES,
    MAX_GROUP_BY,
    MAX_INCIDENT_ALERTS,
    MAX_LABEL_VALUE,
    MAX_OUTBOX,
    MAX_TIMELINE,
    AlertReason,
    DeadlineKind,
    IncidentReason,
    IncidentState,
    TimelineKind,
)

_ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
_AT: Final = "2026-12-05T02:03:00.000Z"

Name = Annotated[str, Field(max_length=253)]
Said = Annotated[str, Field(max_length=2048)]
Person = Annotated[str, Field(max_length=512)]
Whole = Annotated[int, Field(ge=0)]


class IncidentAlert(ApiModel):
    """An alert of the incident, as it was when it last changed."""

    rule: Name = Field(description="Name of the rule.", examples=["fast-burn"])
    severity: Annotated[Severity, Choice(Severity)] = Field(description="Its severity.", examples=["P0"])
    subject_kind: Annotated[SubjectKind, Choice(SubjectKind)] = Field(
        description="What kind of thing it is about.", examples=["SLO"]
    )
    subject: Name = Field(description="What it is about.", examples=["checkout-availability"])
    group: (
        Annotated[dict[str, Annotated[str, Field(max_length=MAX_LABEL_VALUE)]], Field(max_length=MAX_GROUP_BY)] | None
    ) = Field(default=None, description="The part of an SLO with groupBy.", examples=[{"region": "eu"}])
    status: Annotated[AlertStatus, Choice(AlertStatus)] = Field(
        description="Firing, Pending, Clear, or Unknown while it cannot be told whether it is over.",
        examples=["Firing"],
    )
    since: Instant = Field(description="Since when it has this status.", examples=[_AT])
    started_at: Instant | None = Field(
        default=None, description="When what is wrong began, by the evidence.", examples=[_AT]
    )
    unknown_since: Instant | None = Field(
        default=None, description="Since when its evidence is unknown; absent while it is known.", examples=[_AT]
    )
    reason: Annotated[AlertReason, Choice(AlertReason)] = Field(description="Why, in one word.", examples=["Burning"])
    message: Said = Field(description="Why, in words.", examples=["burns 20 times too fast over 1h and 5m"])


class IncidentTimelineEntry(ApiModel):
    """Something that happened."""

    at: Instant = Field(description="When it was recorded.", examples=[_AT])
    kind: Annotated[TimelineKind, Choice(TimelineKind)] = Field(description="What it is about.", examples=["Opened"])
    by: Person | None = Field(
        default=None, description="User name of the person; absent when Backstop did it.", examples=["ann@example.com"]
    )
    text: Said = Field(description="What happened, in words.", examples=["takes care of it"])
    count: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many entries a Summary stands for.", examples=[50]
    )


class IncidentDeadline(ApiModel):
    """Something that has to be done in time. One that was missed may still be met, late."""

    kind: Annotated[DeadlineKind, Choice(DeadlineKind)] = Field(
        description="Acknowledge, Update or Resolve.", examples=["Acknowledge"]
    )
    due: Instant = Field(description="By when.", examples=[_AT])
    met_at: Instant | None = Field(default=None, description="When it was done.", examples=[_AT])
    missed: bool | None = Field(default=None, description="True when it was not done in time.", examples=[True])


class IncidentPlannedRule(ApiModel):
    """What a rule said for itself when the incident opened."""

    name: Name = Field(description="Name of the rule.", examples=["fast-burn"])
    notify: Annotated[list[Name], Field(max_length=MAX_CHANNELS)] | None = Field(
        default=None,
        description="The channels it tells.",
        examples=[["oncall"]],
        json_schema_extra=_ATOMIC,
    )
    acknowledge_seconds: Count | None = Field(
        default=None, description="Within how many seconds it wants to be acknowledged.", examples=[300.0]
    )
    resolve_seconds: Count | None = Field(
        default=None, description="Within how many seconds it wants to be resolved.", examples=[3600.0]
    )


_BySeverity = Annotated[dict[str, Count], Field(max_length=len(Severity))]


class IncidentPlan(ApiModel):
    """What the policy said when the incident opened. Later edits of the policy leave it alone."""

    acknowledge_seconds: _BySeverity | None = Field(
        default=None, description="Time to acknowledge in seconds, by severity.", examples=[{"P0": 300.0}]
    )
    resolve_seconds: _BySeverity | None = Field(
        default=None, description="Time to resolve in seconds, by severity.", examples=[{"P0": 14400.0}]
    )
    update_seconds: _BySeverity | None = Field(
        default=None, description="Time between updates in seconds, by severity.", examples=[{"P0": 1800.0}]
    )
    reopen_within_seconds: Count = Field(
        description="How long after its resolution a fire reopens it.", examples=[1800.0]
    )
    inhibit: bool = Field(
        description="True: a worse burn rate of the same SLO holds messages of lesser ones.", examples=[True]
    )
    of_rules: Annotated[list[IncidentPlannedRule], Field(max_length=MAX_INCIDENT_ALERTS)] | None = Field(
        default=None,
        alias="rules",
        description="What rules said for themselves.",
        examples=[[{"name": "fast-burn", "notify": ["oncall"]}]],
        json_schema_extra=_ATOMIC,
    )


class IncidentNotification(ApiModel):
    """One message to one channel: stored before it is sent."""

    id: Annotated[str, Field(max_length=320)] = Field(
        description="The same in every attempt.", examples=["checkout-3f2a91bc-1-opened-1"]
    )
    channel: Name = Field(description="The NotificationChannel.", examples=["oncall"])
    cause: Annotated[str, Field(max_length=64)] = Field(description="Why it is told.", examples=["Opened"])
    sequence: Annotated[int, Field(ge=1)] = Field(description="Counts the messages of the incident.", examples=[1])
    created_at: Instant = Field(description="When it was decided.", examples=[_AT])
    state: Annotated[NotificationState, Choice(NotificationState)] = Field(
        description="Pending, Sent, Failed or Abandoned.", examples=["Sent"]
    )
    attempts: Whole = Field(description="How often it was tried.", examples=[1])
    next_attempt_at: Instant | None = Field(
        default=None, description="When it is tried again; absent: at once.", examples=[_AT]
    )
    sent_at: Instant | None = Field(default=None, description="When the receiver took it.", examples=[_AT])
    error: Said | None = Field(
        default=None, description="What the last attempt came to.", examples=["the receiver answered 503"]
    )


class IncidentReview(ApiModel):
    """How long it took. A time that there is nothing to count from is absent."""

    detect_seconds: Count | None = Field(
        default=None, description="From the first bad evidence to the first firing alert.", examples=[62.0]
    )
    acknowledge_seconds: Count | None = Field(
        default=None, description="From the opening to the acknowledgement.", examples=[140.0]
    )
    mitigate_seconds: Count | None = Field(
        default=None, description="From the first bad evidence until no alert fired.", examples=[1800.0]
    )
    resolve_seconds: Count | None = Field(
        default=None, description="From the first bad evidence to the resolution.", examples=[1800.0]
    )
    budget_spent_percent: Count | None = Field(
        default=None, description="How much of the error budget it took, in percent.", examples=[12.5]
    )


class IncidentWriter(ApiModel):
    """The term of leadership in which it was written last: an older one writes no more."""

    lease: Annotated[str, Field(max_length=64)] = Field(
        description="Uid of the Lease.", examples=["6d0f2f0e-6f3a-4a53-9a57-2f4a3c9f1d11"]
    )
    transitions: Whole = Field(description="Number of the term.", examples=[4])
    identity: Name = Field(description="The process.", examples=["backstop-0-1a2b3c4d"])


class IncidentStatus(ApiModel):
    """The record of an incident. Written by the operator alone; people answer by annotations."""

    observed_generation: Whole | None = Field(
        default=None, description="The generation of the object that the status speaks of.", examples=[1]
    )
    state: Annotated[IncidentState, Choice(IncidentState)] | None = Field(
        default=None, description="Open, Acknowledged or Resolved.", examples=["Open"]
    )
    severity: Annotated[Severity, Choice(Severity)] | None = Field(
        default=None, description="How bad it is now; alerts make it worse only, people change it.", examples=["P0"]
    )
    group_key: Annotated[str, Field(max_length=1024)] | None = Field(
        default=None, description="What its alerts share.", examples=["service/checkout"]
    )
    policy_uid: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Identity of the AlertPolicy that opened it.",
        examples=["0b1f2f0e-6f3a-4a53-9a57-2f4a3c9f1d11"],
    )
    opened_at: Instant | None = Field(default=None, description="When it was opened.", examples=[_AT])
    started_at: Instant | None = Field(
        default=None, description="When the first bad evidence was seen.", examples=[_AT]
    )
    first_fired_at: Instant | None = Field(default=None, description="When its first alert fired.", examples=[_AT])
    acknowledged_at: Instant | None = Field(default=None, description="When it was acknowledged.", examples=[_AT])
    acknowledged_by: Person | None = Field(
        default=None, description="Who takes care of it.", examples=["ann@example.com"]
    )
    resolved_at: Instant | None = Field(default=None, description="When it was resolved.", examples=[_AT])
    resolved_by: Person | None = Field(
        default=None, description="Who resolved it; absent when it did by itself.", examples=["ann@example.com"]
    )
    resolution: Said | None = Field(
        default=None,
        description="How it is known that it is over.",
        examples=["clear by known evidence: fast-burn of SLO/checkout-availability"],
    )
    reopened: Whole | None = Field(default=None, description="How often it fired again.", examples=[1])
    alerts: Annotated[list[IncidentAlert], Field(max_length=MAX_INCIDENT_ALERTS)] | None = Field(
        default=None,
        description=f"Its alerts, at most {MAX_INCIDENT_ALERTS}, those that are not over first.",
        examples=[[]],
        json_schema_extra=_ATOMIC,
    )
    alert_count: Whole | None = Field(
        default=None, description="The most alerts that it had at a time, named or not.", examples=[1]
    )
    timeline: Annotated[list[IncidentTimelineEntry], Field(max_length=MAX_TIMELINE)] | None = Field(
        default=None,
        description=f"What happened, in order. Beyond {MAX_TIMELINE} entries the oldest become a Summary.",
        examples=[[]],
        json_schema_extra=_ATOMIC,
    )
    deadlines: Annotated[list[IncidentDeadline], Field(max_length=MAX_DEADLINES)] | None = Field(
        default=None, description="What has to be done by when.", examples=[[]], json_schema_extra=_ATOMIC
    )
    plan: IncidentPlan | None = Field(
        default=None,
        description="What the policy said when it opened.",
        examples=[{"reopenWithinSeconds": 1800.0, "inhibit": True}],
    )
    notifications: Annotated[list[IncidentNotification], Field(max_length=MAX_OUTBOX)] | None = Field(
        default=None,
        description=f"The newest {MAX_OUTBOX} messages about it.",
        examples=[[]],
        json_schema_extra=_ATOMIC,
    )
    channels: Annotated[list[Name], Field(max_length=64)] | None = Field(
        default=None,
        description="The NotificationChannels that were told of it.",
        examples=[["oncall"]],
        json_schema_extra=_ATOMIC,
    )
    review: IncidentReview | None = Field(
        default=None, description="How long it took; once it is resolved.", examples=[{"detectSeconds": 62.0}]
    )
    asked_to_close_at: Instant | None = Field(
        default=None, description="When it was asked to close, as evidence was unknown for 24 h.", examples=[_AT]
    )
    answered: Annotated[dict[str, Annotated[str, Field(max_length=512)]], Field(max_length=16)] | None = Field(
        default=None,
        description="Annotations that were acted on and may still stand on the object, long ones as a hash.",
        examples=[{"backstop.dev/acknowledged-by": "ann@example.com"}],
    )
    writer: IncidentWriter | None = Field(
        default=None,
        description="The term of leadership in which it was written last.",
        examples=[{"lease": "6d0f2f0e", "transitions": 4, "identity": "backstop-0-1a2b3c4d"}],
    )
    conditions: Annotated[list[StatusCondition], Field(max_length=16), UniqueBy("type")] | None = Field(
        default=None,
        description="Ready and EvidenceKnown.",
        examples=[
            [
                {
                    "type": "EvidenceKnown",
                    "status": "True",
                    "reason": str(IncidentReason.EVIDENCE_PRESENT),
                    "message": "its evidence is known",
                    "lastTransitionTime": "2026-12-05T02:03:00Z",
                }
            ]
        ],
    )
