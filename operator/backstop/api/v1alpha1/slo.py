"""The SLO resource: what people write. Its status is in `slo_status`."""

from typing import Annotated

from pydantic import Field

from backstop.api.field_types import (
    Choice,
    PercentNumber,
    PrometheusLabel,
    ServiceName,
    ShortName,
    Text,
    UniqueBy,
    cel_seconds,
)
from backstop.api.rules import ApiModel, Rule
from backstop.api.v1alpha1.slo_evaluation import Evaluation
from backstop.api.v1alpha1.slo_indicator import Indicator
from backstop.api.v1alpha1.slo_window import Timeslice, Window
from backstop.api.v1alpha1.slo_workload import Workload
from backstop.domain.duration import parse_duration
from backstop.domain.slo import Budgeting, CompositeMode, NoData
from backstop.vocabulary import DEFAULT_SOURCE, MAX_GROUP_BY, MAX_WINDOWS


def _default_windows() -> list[Window]:
    return [Window(name="30d", rolling="30d")]


class SLOSpec(ApiModel):
    """A service level objective: how good a service should be, over what time, measured how."""

    description: Text | None = Field(
        default=None,
        description="What the objective promises, in a sentence.",
        examples=["Checkout answers without a server error"],
    )
    service: ServiceName | None = Field(
        default=None, description="The service that the objective is about.", examples=["checkout"]
    )
    target: PercentNumber = Field(
        description="Share of events that must be good, in percent, 0 < target < 100, at most 6 decimals, kept exact.",
        examples=[99.9],
    )
    windows: Annotated[list[Window], Field(min_length=1, max_length=MAX_WINDOWS), UniqueBy("name")] = Field(
        default_factory=_default_windows,
        description="Over what time the objective holds; the first window is the primary one.",
        examples=[[{"name": "30d", "rolling": "30d"}]],
        json_schema_extra={"default": [{"name": "30d", "rolling": "30d"}]},
    )
    budgeting: Annotated[Budgeting, Choice(Budgeting)] = Field(
        default=Budgeting.OCCURRENCES,
        description="What the budget counts: events (Occurrences), slices of time that are good or bad (Timeslices), or"
        " slices by their share of good events (RatioTimeslices).",
        examples=["Occurrences"],
    )
    timeslice: Timeslice | None = Field(
        default=None,
        description="The slices of Timeslices and RatioTimeslices budgeting.",
        examples=[{"length": "1m", "target": 95}],
    )
    indicator: Indicator = Field(
        description="What is measured: exactly one kind.",
        examples=[{"ratio": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"}}],
    )
    group_by: Annotated[list[PrometheusLabel], Field(min_length=1, max_length=MAX_GROUP_BY)] | None = Field(
        default=None,
        description="Labels; each set of their values has a budget of its own, 100 at most. The SLO's own state is that"
        " of the sum.",
        examples=[["region"]],
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    source: ShortName = Field(
        default=DEFAULT_SOURCE,
        description="Name of a Prometheus in the operator's configuration that is allowed for this namespace.",
        examples=["default"],
    )
    evaluation: Evaluation = Field(
        default_factory=Evaluation,
        description="How often and how strictly the SLO is evaluated.",
        examples=[{"interval": "30s", "staleAfter": "2m"}],
        # in full: the server judges a default by the rules before it fills in the defaults inside
        json_schema_extra={"default": Evaluation().model_dump(mode="json", by_alias=True)},
    )
    workload: Workload | None = Field(
        default=None,
        description="The workload behind the SLO: no ready endpoint is bad news even when metrics are silent.",
        examples=[{"service": {"name": "checkout"}}],
    )

    rules = (
        Rule(
            message="timeslice belongs to budgeting Timeslices or RatioTimeslices: set both, or leave timeslice out",
            holds=lambda model: (model.timeslice is not None) == (model.budgeting is not Budgeting.OCCURRENCES),
            cel="has(self.timeslice) == (self.budgeting != 'Occurrences')",
        ),
        Rule(
            message="timeslice.target must be set with Timeslices, for example 95; leave it out with RatioTimeslices",
            holds=lambda model: (
                model.timeslice is None
                or (model.timeslice.target is not None) == (model.budgeting is Budgeting.TIMESLICES)
            ),
            cel="!has(self.timeslice) || has(self.timeslice.target) == (self.budgeting == 'Timeslices')",
        ),
        Rule(
            message="a rolling window must be at least five slices long; for example rolling: 1h with length: 5m",
            holds=lambda model: (
                model.timeslice is None
                or all(
                    window.rolling is None
                    or parse_duration(window.rolling) >= 5 * parse_duration(model.timeslice.length)
                    for window in model.windows
                )
            ),
            cel=f"!has(self.timeslice) || self.windows.all(w, !has(w.rolling) || {cel_seconds('w.rolling')} >="
            f" 5 * ({cel_seconds('self.timeslice.length')}))",
        ),
        Rule(
            message="evaluation.noData Bad belongs to budgets of time, since events that nobody saw cannot be counted;"
            " write for example budgeting: Timeslices",
            holds=lambda model: (
                model.evaluation.no_data is not NoData.BAD or model.budgeting is not Budgeting.OCCURRENCES
            ),
            cel="self.evaluation.noData != 'Bad' || self.budgeting != 'Occurrences'",
        ),
        Rule(
            message="composite.mode AnyBad belongs to budgeting Timeslices; write for example budgeting: Timeslices and"
            " timeslice: {length: 1m, target: 99}",
            holds=lambda model: (
                model.indicator.composite is None
                or model.indicator.composite.mode is not CompositeMode.ANY_BAD
                or model.budgeting is Budgeting.TIMESLICES
            ),
            cel="!has(self.indicator.composite) || self.indicator.composite.mode != 'AnyBad'"
            " || self.budgeting == 'Timeslices'",
        ),
        Rule(
            message="groupBy belongs to SLOs with series of their own; leave groupBy out of a composite",
            holds=lambda model: model.indicator.composite is None or model.group_by is None,
            cel="!has(self.indicator.composite) || !has(self.groupBy)",
        ),
    )
