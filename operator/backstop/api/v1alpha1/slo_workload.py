"""The workload behind an SLO: witnessed by the Kubernetes API, later tracked by releases (semantics R1)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, DurationBetween, LabelKey, ObjectName, PrometheusLabel, ShortName
from backstop.api.rules import ApiModel, exactly_one_of


class WhenBakeUnknown(StrEnum):
    """What a bake that cannot be judged does."""

    ASK = "Ask"
    EXTEND = "Extend"


class RollbackMode(StrEnum):
    """Who decides about a rollback."""

    AUTO = "Auto"
    APPROVE = "Approve"
    NEVER = "Never"


class ServiceWorkload(ApiModel):
    """A Service, and the pods behind it."""

    name: ShortName = Field(description="Name of the Service.", examples=["checkout"])
    selector_key: LabelKey | None = Field(
        default=None,
        description="Key of the selector that tells colours apart. Not supported yet.",
        examples=["color"],
    )
    together: Annotated[list[ShortName], Field(max_length=16)] | None = Field(
        default=None,
        description="Other Services that are flipped as one with it. Not supported yet.",
        examples=[["checkout-internal"]],
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class ExternalWorkload(ApiModel):
    """Something that is not in this cluster; its releases are recorded by command."""

    name: ObjectName = Field(description="Name of the workload.", examples=["mainframe"])


class Attribution(ApiModel):
    """How metrics tell versions apart."""

    label: PrometheusLabel = Field(
        description="Label of the indicator's series: pod, or one valued colour, hash or version.", examples=["pod"]
    )


class Bake(ApiModel):
    """How long a release is watched before it is known good."""

    duration: Annotated[str, DurationBetween(shortest="10s", longest="7d")] = Field(
        default="10m", description="Time that a release is watched.", examples=["10m"]
    )
    minimum_events: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        default=100, description="Events that a verdict needs.", examples=[100]
    )
    minimum_coverage: Annotated[float, Field(ge=0, le=100)] = Field(
        default=90, description="Known share of the bake that Good needs, in percent.", examples=[90]
    )
    on_unknown: Annotated[WhenBakeUnknown, Choice(WhenBakeUnknown)] = Field(
        default=WhenBakeUnknown.ASK, description="What a bake that cannot be judged does.", examples=["Extend"]
    )


class Guard(ApiModel):
    """How sure a conviction must be."""

    minimum_burn_rate: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=2, description="Slowest burn, in multiples of the objective, that convicts.", examples=[2]
    )
    false_alarm_rate: Annotated[float, Field(ge=0.000001, le=0.1)] = Field(
        default=0.001, description="Share of healthy releases that may be convicted.", examples=[0.001]
    )


class Rollback(ApiModel):
    """When a bad release is taken back."""

    mode: Annotated[RollbackMode, Choice(RollbackMode)] = Field(
        default=RollbackMode.AUTO, description="Who decides about a rollback.", examples=["Approve"]
    )
    max_release_age: Annotated[str, DurationBetween(shortest="1m", longest="30d")] = Field(
        default="24h", description="An older release is not rolled back by itself.", examples=["24h"]
    )
    max_per_day: Annotated[int, Field(ge=0, le=100)] = Field(
        default=2, description="Rollbacks in 24 hours.", examples=[2]
    )
    hold_for: Annotated[str, DurationBetween(shortest="1m", longest="30d")] = Field(
        default="1h", description="How long the bad version stays barred afterwards.", examples=["1h"]
    )


class Workload(ApiModel):
    """The workload behind the SLO, in its namespace."""

    service: ServiceWorkload | None = Field(
        default=None, description="A Service and the pods behind it.", examples=[{"name": "checkout"}]
    )
    deployment: ObjectName | None = Field(default=None, description="Name of a Deployment.", examples=["checkout"])
    stateful_set: ObjectName | None = Field(
        default=None, description="Name of a StatefulSet. Not supported yet.", examples=["database"]
    )
    daemon_set: ObjectName | None = Field(
        default=None, description="Name of a DaemonSet. Not supported yet.", examples=["agent"]
    )
    rollout: ObjectName | None = Field(
        default=None, description="Name of an Argo Rollout. Not supported yet.", examples=["checkout"]
    )
    http_route: ObjectName | None = Field(
        default=None, description="Name of an HTTPRoute of the Gateway API. Not supported yet.", examples=["checkout"]
    )
    external: ExternalWorkload | None = Field(
        default=None, description="Something outside of this cluster. Not supported yet.", examples=[{"name": "erp"}]
    )
    attribution: Attribution | None = Field(
        default=None, description="How metrics tell versions apart. Not supported yet.", examples=[{"label": "pod"}]
    )
    bake: Bake | None = Field(
        default=None,
        description="How long a release is watched. Not supported yet.",
        examples=[{"duration": "10m", "minimumEvents": 100}],
    )
    guard: Guard | None = Field(
        default=None,
        description="How sure a conviction must be. Not supported yet.",
        examples=[{"minimumBurnRate": 2}],
    )
    rollback: Rollback | None = Field(
        default=None,
        description="When a bad release is taken back. Not supported yet.",
        examples=[{"mode": "Approve"}],
    )

    rules = (
        exactly_one_of(
            "service",
            "deployment",
            "statefulSet",
            "daemonSet",
            "rollout",
            "httpRoute",
            "external",
            example="service: {name: checkout}",
        ),
    )
