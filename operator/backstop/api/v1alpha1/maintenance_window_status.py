"""The status of a MaintenanceWindow: `engine/maintenance_status.py` builds it; this is its schema and its reference."""

from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, ObjectName, UniqueBy
from backstop.api.rules import ApiModel
from backstop.api.v1alpha1.slo_status import Instant, Message, Reason, StatusCondition
from backstop.vocabulary import SHOWN_OCCURRENCES, SHOWN_SLOS, MaintenanceReason, MaintenanceState

_ONCE = {"start": "2026-12-05T02:00:00Z", "end": "2026-12-05T04:00:00Z"}


class Occurrence(ApiModel):
    """One time of maintenance."""

    start: Instant = Field(description="When it begins.", examples=[_ONCE["start"]])
    end: Instant = Field(description="When it ends; of one under way, when it is going to.", examples=[_ONCE["end"]])


class MatchedSLOs(ApiModel):
    """The SLOs that the selector matches now."""

    count: Annotated[int, Field(ge=0)] = Field(description="How many.", examples=[1])
    names: Annotated[list[ObjectName], Field(max_length=SHOWN_SLOS)] | None = Field(
        default=None,
        description=f"The first {SHOWN_SLOS} of them, by name.",
        examples=[["checkout-availability"]],
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class MaintenanceWindowStatus(ApiModel):
    """What the operator knows of a MaintenanceWindow. Written by the operator alone."""

    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The generation of the object that the status speaks of.", examples=[3]
    )
    state: Annotated[MaintenanceState, Choice(MaintenanceState)] | None = Field(
        default=None, description="Scheduled, Active, Over or Refused.", examples=["Active"]
    )
    reason: Reason | None = Field(
        default=None, description="The reason of condition Ready.", examples=[str(MaintenanceReason.IN_FORCE)]
    )
    message: Message | None = Field(
        default=None, description="What it does now, in words.", examples=["excludes 1 SLO from its budget until 04:00"]
    )
    slos: MatchedSLOs | None = Field(
        default=None, description="The SLOs that the selector matches now.", examples=[{"count": 1}]
    )
    active: Occurrence | None = Field(default=None, description="The time under way.", examples=[_ONCE])
    next: Occurrence | None = Field(default=None, description="The next time to come.", examples=[_ONCE])
    past: Annotated[list[Occurrence], Field(max_length=SHOWN_OCCURRENCES), UniqueBy("start")] | None = Field(
        default=None,
        description=f"What it has taken out of budgets: the last {SHOWN_OCCURRENCES} times that have begun, the newest"
        " first.",
        examples=[[_ONCE]],
    )
    excluded_seconds: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="How much time of the last 30 days it has taken out of budgets.",
        examples=[7200.0],
    )
    conditions: Annotated[list[StatusCondition], Field(max_length=16), UniqueBy("type")] | None = Field(
        default=None,
        description="Ready.",
        examples=[
            [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": str(MaintenanceReason.IN_FORCE),
                    "message": "matches 1 SLO",
                    "lastTransitionTime": "2026-12-05T02:00:00Z",
                }
            ]
        ],
    )
