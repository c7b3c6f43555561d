"""The status of an SLO: what the operator knows. `engine/status.py` builds it; this is its schema and its reference."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from backstop.api.field_types import Choice, UniqueBy
from backstop.api.rules import ApiModel
from backstop.domain.budget import BudgetUnit
from backstop.vocabulary import (
    BURN_WINDOWS,
    MAX_GROUP_BY,
    MAX_LABEL_VALUE,
    MAX_WINDOWS,
    SHOWN_GROUPS,
    Condition,
    State,
)

_INSTANT: Final[dict[str, Any]] = {"format": "date-time"}
_MAX_MESSAGE: Final = 32768  # what Kubernetes allows for messages of conditions

Instant = Annotated[str, Field(min_length=1, max_length=64, json_schema_extra=_INSTANT)]
Count = Annotated[float, Field(ge=0)]
Reason = Annotated[str, Field(max_length=1024)]
Message = Annotated[str, Field(max_length=_MAX_MESSAGE)]


class ConditionStatus(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class StatusCondition(ApiModel):
    """A standard Kubernetes condition."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(
        description="What the condition is about.", examples=[str(Condition.BUDGET_HEALTHY)]
    )
    status: Annotated[ConditionStatus, Choice(ConditionStatus)] = Field(
        description="True, False, or Unknown when it cannot be told.", examples=["True"]
    )
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Why, in one word; see the vocabulary.", examples=["WithinBudget"]
    )
    message: Message = Field(description="Why, in words, with the numbers.", examples=["68.8 % of the 30d budget left"])
    last_transition_time: Instant = Field(description="When `status` changed last.", examples=["2026-03-01T10:02:11Z"])
    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The generation of the object that this speaks of.", examples=[3]
    )


class BudgetStatus(ApiModel):
    """The error budget of a window in its own unit: bad events, or bad minutes."""

    unit: Annotated[BudgetUnit, Choice(BudgetUnit)] = Field(
        description="Events (Occurrences) or Minutes (budgets of time).", examples=["Minutes"]
    )
    total: Count = Field(description="How much may be bad in the whole window.", examples=[1008.0])
    consumed: Count = Field(description="How much was.", examples=[12.0])
    remaining: float = Field(description="What is left; below 0 it is overspent.", examples=[996.0])
    forecast: bool = Field(
        description="True when the total is expected, not counted: a calendar period is not over yet.", examples=[True]
    )


class WindowStatus(ApiModel):
    """One window. A number that cannot be told is absent."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Name of the window.", examples=["30d"]
    )
    sli: float | None = Field(
        default=None, description="Share of good events, in percent; absent without events.", examples=[99.9312]
    )
    remaining_percent: float | None = Field(
        default=None, description="Error budget left, in percent; below 0 it is overspent.", examples=[31.2]
    )
    consumed_percent: float | None = Field(default=None, description="Error budget spent, in percent.", examples=[68.8])
    good_events: Count | None = Field(default=None, description="Good events in the window.", examples=[99931.0])
    bad_events: Count | None = Field(default=None, description="Bad events in the window.", examples=[69.0])
    coverage: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Known time divided by the window's length, 0 to 1.", examples=[0.998]
    )
    budget: BudgetStatus | None = Field(
        default=None,
        description="The error budget in its own unit.",
        examples=[{"unit": "Events", "total": 100.0, "consumed": 69.0, "remaining": 31.0, "forecast": False}],
    )
    excluded_seconds: Count | None = Field(
        default=None, description="Time in the window that no budget counts (maintenance).", examples=[7200]
    )
    resets_at: Instant | None = Field(
        default=None,
        description="When a new calendar period begins, with a new budget.",
        examples=["2026-04-01T00:00:00Z"],
    )
    exhausts_at: Instant | None = Field(
        default=None,
        description="When the budget is gone if it burns on as in the last hour.",
        examples=["2026-03-04T01:00:00Z"],
    )
    since: Instant | None = Field(
        default=None,
        description="From when the window has history; coverage is counted over its whole length.",
        examples=["2026-02-01T10:02:11Z"],
    )


class GroupStatus(ApiModel):
    """One set of values of the labels in groupBy, over the primary window."""

    labels: Annotated[dict[str, Annotated[str, Field(max_length=MAX_LABEL_VALUE)]], Field(max_length=MAX_GROUP_BY)] = (
        Field(
            description=f"The labels and their values. One of more than {MAX_LABEL_VALUE} characters is cut, and ends"
            " in a hash of the whole.",
            examples=[{"region": "eu"}],
        )
    )
    state: Annotated[State, Choice(State)] = Field(description="The state of this group.", examples=["Healthy"])
    sli: float | None = Field(default=None, description="Share of good events, in percent.", examples=[99.9312])
    remaining_percent: float | None = Field(
        default=None, description="Error budget left, in percent; below 0 it is overspent.", examples=[31.2]
    )
    consumed_percent: float | None = Field(default=None, description="Error budget spent, in percent.", examples=[68.8])
    good_events: Count | None = Field(default=None, description="Good events in the window.", examples=[99931.0])
    bad_events: Count | None = Field(default=None, description="Bad events in the window.", examples=[69.0])
    burn_rate1h: Annotated[float | None, Field(alias="burnRate1h")] = Field(
        default=None, description="Burn rate over the last hour; absent without events.", examples=[1.2]
    )


class LastKnown(ApiModel):
    """The newest known state, kept while the present one is Unknown."""

    at: Instant | None = Field(default=None, description="When this was true.", examples=["2026-03-01T10:02:11Z"])
    state: Annotated[State, Choice(State)] | None = Field(
        default=None, description="The state then.", examples=["Healthy"]
    )
    reason: Reason | None = Field(default=None, description="The reason then.", examples=["WithinBudget"])
    windows: Annotated[list[WindowStatus], Field(max_length=MAX_WINDOWS), UniqueBy("name")] | None = Field(
        default=None,
        description="The windows then.",
        examples=[[{"name": "30d", "remainingPercent": 31.2}]],
    )


class SLOStatus(ApiModel):
    """What the operator knows of an SLO. Written by the operator alone."""

    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The generation of the object that the status speaks of.", examples=[3]
    )
    state: Annotated[State, Choice(State)] | None = Field(
        default=None,
        description="Healthy, AtRisk (less than 25 % of the budget left), Exhausted, or Unknown.",
        examples=["Healthy"],
    )
    reason: Reason | None = Field(
        default=None, description="Why the state is what it is: the deciding condition's reason.", examples=["NoData"]
    )
    message: Message | None = Field(
        default=None,
        description="Why the state is what it is: the deciding condition's message.",
        examples=["68.8 % of the 30d budget left"],
    )
    evaluated_at: Instant | None = Field(
        default=None, description="When it was evaluated, by the source's clock.", examples=["2026-03-01T10:02:11.120Z"]
    )
    windows: Annotated[list[WindowStatus], Field(max_length=MAX_WINDOWS), UniqueBy("name")] | None = Field(
        default=None,
        description="Each window's SLI and budget; the first is the primary one.",
        examples=[[{"name": "30d", "sli": 99.9312, "remainingPercent": 31.2, "coverage": 0.998}]],
    )
    burn_rates: Annotated[dict[str, float], Field(max_length=16)] | None = Field(
        default=None,
        description="How fast the budget burns, in multiples of the pace that spends it exactly in the window, over"
        f" the last {', '.join(BURN_WINDOWS)}. Absent without events.",
        examples=[{"5m": 0.4, "1h": 1.2}],
    )
    groups: Annotated[list[GroupStatus], Field(max_length=SHOWN_GROUPS)] | None = Field(
        default=None,
        description=f"With groupBy: the {SHOWN_GROUPS} groups with the least budget left, the worst first; those with"
        " fewer events than evaluation.minimumEvents last.",
        examples=[[{"labels": {"region": "eu"}, "state": "AtRisk", "remainingPercent": 12.5}]],
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    group_count: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="How many groups have events in the window.", examples=[12]
    )
    scrape_interval: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="Time between two samples of the indicator's series, estimated.", examples=["15s"]
    )
    last_known: LastKnown | None = Field(
        default=None,
        description="The newest known state and budget, while the present state is Unknown.",
        examples=[{"at": "2026-03-01T10:02:11Z", "state": "Healthy"}],
    )
    conditions: Annotated[list[StatusCondition], Field(max_length=16), UniqueBy("type")] | None = Field(
        default=None,
        description="Ready, DataAvailable, BudgetHealthy, HistoryIncomplete, ClockSkew, and WorkloadHealthy with"
        " spec.workload.",
        examples=[
            [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "Evaluated",
                    "message": "evaluated over 30d",
                    "lastTransitionTime": "2026-03-01T10:02:11Z",
                }
            ]
        ],
    )
