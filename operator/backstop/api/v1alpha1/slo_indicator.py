"""What an SLO measures: exactly one indicator."""

from typing import Annotated

from pydantic import Field

from backstop.api.field_types import (
    Choice,
    DurationBetween,
    InstantQuery,
    LabelMatchers,
    MetricName,
    ObjectName,
    Selector,
    UniqueBy,
    WindowQuery,
)
from backstop.api.rules import ApiModel, exactly_one_of
from backstop.domain.slo import Comparison, CompositeMode, WhenUnknown
from backstop.vocabulary import MAX_COMPONENTS


class RatioIndicator(ApiModel):
    """Two counters: all events, and either the good or the bad ones."""

    total: Selector = Field(
        description="Selector of the counter of all events. Backstop takes increases itself: no rate(), no range.",
        examples=['http_requests_total{service="checkout"}'],
    )
    good: Selector | None = Field(
        default=None,
        description="Selector of the counter of good events; instead of bad.",
        examples=['http_requests_total{service="checkout",code!~"5.."}'],
    )
    bad: Selector | None = Field(
        default=None,
        description="Selector of the counter of bad events; instead of good.",
        examples=['http_requests_total{service="checkout",code=~"5.."}'],
    )

    rules = (exactly_one_of("good", "bad", example='bad: http_requests_total{code=~"5.."}'),)


class LatencyIndicator(ApiModel):
    """Requests at or under a threshold, from a classic or a native histogram."""

    histogram: MetricName = Field(
        description="Name of the histogram, without _bucket.", examples=["http_request_duration_seconds"]
    )
    selector: LabelMatchers = Field(
        default="{}", description="Label matchers in braces.", examples=['{service="checkout"}']
    )
    threshold: Annotated[str, DurationBetween(shortest="1ms", longest="1d")] = Field(
        description="The slowest good request. With a classic histogram it must be a bound of a bucket.",
        examples=["500ms"],
    )


class BooleanIndicator(ApiModel):
    """A 0/1 gauge, as probes write it: each sample is a good or a bad moment."""

    metric: Selector = Field(
        description="Selector of the gauge; 1 is good, 0 is bad.", examples=['probe_success{job="blackbox"}']
    )


class ThresholdIndicator(ApiModel):
    """A query compared with a value: each moment where the comparison holds is good."""

    query: InstantQuery = Field(description="PromQL with one series.", examples=["max(queue_depth)"])
    op: Annotated[Comparison, Choice(Comparison)] = Field(
        description="Comparison that is true in good moments.", examples=["lt"]
    )
    value: float = Field(description="What the query is compared with, in its unit.", examples=[100])


class QueryIndicator(ApiModel):
    """Free PromQL: events within `$window`, one series each."""

    total: WindowQuery = Field(
        description="All events in $window (or {{.window}}), as an increase.",
        examples=["sum(increase(jobs_finished_total[$window]))"],
    )
    good: WindowQuery | None = Field(
        default=None,
        description="Good events in $window; instead of bad.",
        examples=['sum(increase(jobs_finished_total{result="ok"}[$window]))'],
    )
    bad: WindowQuery | None = Field(
        default=None,
        description="Bad events in $window; instead of good.",
        examples=['sum(increase(jobs_finished_total{result="failed"}[$window]))'],
    )

    rules = (exactly_one_of("good", "bad", example="bad: sum(increase(errors_total[$window]))"),)


class CompositeComponent(ApiModel):
    """Another SLO of the same namespace, as a part."""

    slo: ObjectName = Field(description="Name of the SLO.", examples=["checkout-availability"])
    weight: float = Field(default=1, ge=0.001, le=1000, description="Its weight, without unit.", examples=[2])


class CompositeIndicator(ApiModel):
    """Several SLOs as one."""

    components: Annotated[list[CompositeComponent], Field(min_length=1, max_length=MAX_COMPONENTS), UniqueBy("slo")] = (
        Field(
            description="The parts.",
            examples=[[{"slo": "checkout-availability", "weight": 2}]],
        )
    )
    mode: Annotated[CompositeMode, Choice(CompositeMode)] = Field(
        default=CompositeMode.WEIGHTED,
        description="Weighted mean of the error ratios, or bad when any part is bad.",
        examples=["AnyBad"],
    )
    when_unknown: Annotated[WhenUnknown, Choice(WhenUnknown)] = Field(
        default=WhenUnknown.UNKNOWN,
        description="Whether an unknown part makes the slice unknown or is left out.",
        examples=["Ignore"],
    )


class Indicator(ApiModel):
    """What is measured: exactly one of the kinds."""

    ratio: RatioIndicator | None = Field(
        default=None,
        description="Two counters.",
        examples=[{"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"}],
    )
    latency: LatencyIndicator | None = Field(
        default=None,
        description="A histogram and a threshold.",
        examples=[{"histogram": "http_request_duration_seconds", "threshold": "500ms"}],
    )
    boolean: BooleanIndicator | None = Field(
        default=None, description="A 0/1 gauge.", examples=[{"metric": 'probe_success{job="blackbox"}'}]
    )
    threshold: ThresholdIndicator | None = Field(
        default=None,
        description="A query compared with a value.",
        examples=[{"query": "max(queue_depth)", "op": "lt", "value": 100}],
    )
    query: QueryIndicator | None = Field(
        default=None,
        description="Free PromQL with $window.",
        examples=[{"bad": "sum(increase(errors_total[$window]))", "total": "sum(increase(requests_total[$window]))"}],
    )
    composite: CompositeIndicator | None = Field(
        default=None,
        description="Several SLOs as one.",
        examples=[{"components": [{"slo": "checkout-availability"}]}],
    )

    rules = (
        exactly_one_of(
            "ratio",
            "latency",
            "boolean",
            "threshold",
            "query",
            "composite",
            example="ratio: {bad: errors_total, total: requests_total}",
        ),
    )
