"""When a rule of an AlertPolicy fires: exactly one of the conditions here."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from backstop.api.exact_number import ExactNumber
from backstop.api.field_types import (
    Choice,
    Distinct,
    DurationBetween,
    InstantQuery,
    ObjectName,
    PrometheusLabel,
    ShortName,
    cel_seconds,
    problem,
)
from backstop.api.rules import ApiModel, Rule, exactly_one_of
from backstop.api.v1alpha1.maintenance_window import Labels
from backstop.domain.alert_policy import OnEmpty
from backstop.domain.duration import parse_duration
from backstop.domain.slo import Comparison
from backstop.vocabulary import DEFAULT_SOURCE

_LARGEST: Final = 1e18  # of values that queries are compared with

For = Annotated[str, DurationBetween(shortest="0s", longest="30d")]
WindowName = ShortName


class BurnRate(ApiModel):
    """The budget burns too fast in a long and in a short window: one proves it, the other that it is not over."""

    long: Annotated[str, DurationBetween(shortest="2m", longest="183d")] = Field(
        description="The long window, at most half of the SLO's window.", examples=["1h"]
    )
    short: Annotated[str, DurationBetween(shortest="1m", longest="30d")] = Field(
        description="The short window, by custom a twelfth of the long one.", examples=["5m"]
    )
    budget_percent: Annotated[Decimal, ExactNumber(lowest=0, above=True, highest=100, example=2)] | None = Field(
        default=None,
        description="Share of the error budget that burns within the long window, in percent; instead of factor.",
        examples=[2],
    )
    factor: Annotated[Decimal, ExactNumber(lowest=1, highest=100_000, example=14.4)] | None = Field(
        default=None, description="The burn rate from which it fires; instead of budgetPercent.", examples=[14.4]
    )
    window: WindowName | None = Field(
        default=None,
        description="Name of the SLO's window whose budget is meant (default: the primary one).",
        examples=["30d"],
    )

    rules = (
        exactly_one_of("budgetPercent", "factor", example="budgetPercent: 2"),
        Rule(
            message="short must be shorter than long; for example long: 1h with short: 5m",
            holds=lambda model: parse_duration(model.short) < parse_duration(model.long),
            cel=f"{cel_seconds('self.short')} < {cel_seconds('self.long')}",
        ),
    )


class BudgetRemainingBelow(ApiModel):
    """Less of an error budget is left."""

    percent: Annotated[Decimal, ExactNumber(lowest=-1_000_000, highest=100, example=10)] = Field(
        description="Share of the budget, in percent. With 0 it fires when the budget is overspent.", examples=[10]
    )
    window: WindowName | None = Field(
        default=None,
        description="Name of the SLO's window whose budget is meant (default: the primary one).",
        examples=["30d"],
    )


class ExhaustsWithin(ApiModel):
    """At the present burn rate the budget is gone soon."""

    duration: Annotated[str, DurationBetween(shortest="1m", longest="366d")] = Field(
        description="How soon.", examples=["4h"]
    )
    lookback: Annotated[str, DurationBetween(shortest="5m", longest="30d")] = Field(
        default="1h", description="Over what time the present burn rate is taken.", examples=["1h"]
    )
    window: WindowName | None = Field(
        default=None,
        description="Name of the SLO's window whose budget is meant (default: the primary one).",
        examples=["30d"],
    )


class NoData(ApiModel):
    """The evidence of an SLO is unknown."""

    for_: Annotated[str, DurationBetween(shortest="0s", longest="30d"), Field(alias="for")] = Field(
        description="For how long, before it fires.", examples=["10m"]
    )


class Query(ApiModel):
    """A PromQL expression, compared with a value."""

    expr: InstantQuery | None = Field(
        default=None,
        description="PromQL with one series, or with targetLabel one per value of it.",
        examples=["db_pool_in_use / db_pool_size"],
    )
    named: ShortName | None = Field(
        default=None,
        description="A query of the administrators, by name, instead of expr. Not supported yet.",
        examples=["gpu-xid"],
    )
    op: Annotated[Comparison, Choice(Comparison)] | None = Field(
        default=None, description="Comparison that is true when something is wrong.", examples=["gte"]
    )
    value: Annotated[Decimal, ExactNumber(lowest=-_LARGEST, highest=_LARGEST, example=0.9)] | None = Field(
        default=None, description="What the query is compared with, in its unit.", examples=[0.9]
    )
    source: ShortName = Field(
        default=DEFAULT_SOURCE,
        description="Name of a Prometheus in the operator's configuration that is allowed for this namespace.",
        examples=["default"],
    )
    for_: Annotated[For, Field(alias="for")] = Field(
        default="0s", description="How long it has to hold before it fires.", examples=["10s"]
    )
    interval: Annotated[str, DurationBetween(shortest="1s", longest="1h")] = Field(
        default="30s", description="How often the source is asked.", examples=["5s"]
    )
    on_empty: Annotated[OnEmpty, Choice(OnEmpty)] = Field(
        default=OnEmpty.UNKNOWN,
        description="What an answer without series means: that it cannot be told, or that all is well.",
        examples=["Clear"],
    )
    target_label: PrometheusLabel | None = Field(
        default=None, description="Label whose values are judged each by itself.", examples=["pod"]
    )

    rules = (
        exactly_one_of("expr", "named", example="expr: db_pool_in_use / db_pool_size"),
        Rule(
            message="with expr, both op and value must be set; for example op: gte and value: 0.9",
            holds=lambda model: "expr" not in model.given or {"op", "value"} <= model.given,
            cel="!has(self.expr) || (has(self.op) && has(self.value))",
        ),
    )


class NodeStatus(StrEnum):
    """The three values of a condition of a node."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class _Quoted(Choice):
    """True and False are booleans of YAML unless they are quoted."""

    def _check(self, value: Any) -> StrEnum:
        if isinstance(value, bool):
            raise problem(f'is a boolean; write it in quotes: "{value}"')
        return super()._check(value)


class NodeCondition(ApiModel):
    """A condition of a node."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(
        description="Type of the condition.", examples=["Ready"]
    )
    status: Annotated[
        list[Annotated[NodeStatus, _Quoted(NodeStatus)]], Field(min_length=1, max_length=3), Distinct()
    ] = Field(
        description='What of it is wrong: True and False stand in quotes, such as ["False", Unknown].',
        examples=[["False", "Unknown"]],
    )
    for_: Annotated[For, Field(alias="for")] = Field(
        default="0s", description="How long it has to hold before it fires.", examples=["5m"]
    )
    selector: Labels | None = Field(
        default=None,
        description="Labels that a node must have, all of them (default: every node).",
        examples=[{"pool": "gpu"}],
    )


class Jobs(ApiModel):
    """Jobs of the same namespace."""

    selector: Labels = Field(description="Labels that a Job must have, all of them.", examples=[{"app": "encoder"}])


class ConsecutiveFailures(ApiModel):
    """The newest runs all failed; a success starts the count anew."""

    cron_job: ObjectName | None = Field(
        default=None, description="Name of a CronJob whose Jobs are meant.", examples=["nightly-backup"]
    )
    jobs: Jobs | None = Field(
        default=None, description="Jobs with certain labels.", examples=[{"selector": {"app": "encoder"}}]
    )
    runbook: ObjectName | None = Field(
        default=None, description="Name of a Runbook. Not supported yet.", examples=["relieve-pool"]
    )
    query: InstantQuery | None = Field(
        default=None, description="PromQL that counts failures. Not supported yet.", examples=["sum(failures_total)"]
    )
    count: Annotated[int, Field(ge=1, le=100)] = Field(description="How many have to fail.", examples=[3])
    within: Annotated[str, DurationBetween(shortest="1m", longest="30d")] = Field(
        description="In how much time they all ended.", examples=["60m"]
    )

    rules = (exactly_one_of("cronJob", "jobs", "runbook", "query", example="cronJob: nightly-backup"),)


class NoSuccess(ApiModel):
    """No run succeeded for too long, or ever."""

    cron_job: ObjectName | None = Field(
        default=None, description="Name of a CronJob whose Jobs are meant.", examples=["nightly-backup"]
    )
    jobs: Jobs | None = Field(
        default=None, description="Jobs with certain labels.", examples=[{"selector": {"app": "encoder"}}]
    )
    runbook: ObjectName | None = Field(
        default=None, description="Name of a Runbook. Not supported yet.", examples=["relieve-pool"]
    )
    query: InstantQuery | None = Field(
        default=None, description="PromQL that counts successes. Not supported yet.", examples=["sum(backups_total)"]
    )
    within: Annotated[str, DurationBetween(shortest="1m", longest="366d")] = Field(
        description="For how long.", examples=["26h"]
    )

    rules = (exactly_one_of("cronJob", "jobs", "runbook", "query", example="cronJob: nightly-backup"),)


class ReleaseRegression(ApiModel):
    """A release made the SLO worse; everything else is told by the SLO's workload."""


class When(ApiModel):
    """When a rule fires: exactly one of the kinds."""

    burn_rate: BurnRate | None = Field(
        default=None,
        description="An error budget burns too fast.",
        examples=[{"long": "1h", "short": "5m", "budgetPercent": 2}],
    )
    budget_remaining_below: BudgetRemainingBelow | None = Field(
        default=None, description="Little of an error budget is left.", examples=[{"percent": 10}]
    )
    exhausts_within: ExhaustsWithin | None = Field(
        default=None, description="An error budget is gone soon.", examples=[{"duration": "4h"}]
    )
    no_data: NoData | None = Field(
        default=None, description="The evidence of an SLO is unknown.", examples=[{"for": "10m"}]
    )
    query: Query | None = Field(
        default=None,
        description="A query of any metric, not about SLOs.",
        examples=[{"expr": "db_pool_in_use / db_pool_size", "op": "gte", "value": 0.9, "for": "10s"}],
    )
    node_condition: NodeCondition | None = Field(
        default=None,
        description="A node has a condition.",
        examples=[{"type": "Ready", "status": ["False", "Unknown"], "for": "5m"}],
    )
    consecutive_failures: ConsecutiveFailures | None = Field(
        default=None,
        description="Jobs fail again and again.",
        examples=[{"jobs": {"selector": {"app": "encoder"}}, "count": 3, "within": "60m"}],
    )
    no_success: NoSuccess | None = Field(
        default=None,
        description="No Job succeeded for too long.",
        examples=[{"cronJob": "nightly-backup", "within": "26h"}],
    )
    release_regression: ReleaseRegression | None = Field(
        default=None, description="A release made the SLO worse. Not supported yet.", examples=[{}]
    )

    rules = (
        exactly_one_of(
            "burnRate",
            "budgetRemainingBelow",
            "exhaustsWithin",
            "noData",
            "query",
            "nodeCondition",
            "consecutiveFailures",
            "noSuccess",
            "releaseRegression",
            example="burnRate: {long: 1h, short: 5m, budgetPercent: 2}",
        ),
    )
