"""What an AlertPolicy expects of people: by when they answer, and who is told if they do not."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from backstop.api.field_types import Choice, Distinct, DurationBetween, ShortName, TimeZone, UniqueBy
from backstop.api.rules import ApiModel, Rule
from backstop.api.v1alpha1.alert_policy_rules import Channels, Deadline
from backstop.domain.alert_policy import Severity
from backstop.vocabulary import MAX_CHAINS, MAX_LEVELS

_ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
_DAY: Final = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"

_Days = Annotated[str, Field(min_length=3, max_length=7, pattern=f"^{_DAY}(-{_DAY})?$")]
_Times = Annotated[str, Field(max_length=11, pattern=f"^{_TIME}-({_TIME}|24:00)$")]

Severities = Annotated[
    list[Annotated[Severity, Choice(Severity)]], Field(min_length=1, max_length=len(Severity)), Distinct()
]


class BySeverity(ApiModel):
    """A duration for each severity; one that is absent has none."""

    p0: Annotated[Deadline | None, Field(alias="P0")] = Field(default=None, description="For P0.", examples=["5m"])
    p1: Annotated[Deadline | None, Field(alias="P1")] = Field(default=None, description="For P1.", examples=["15m"])
    p2: Annotated[Deadline | None, Field(alias="P2")] = Field(default=None, description="For P2.", examples=["4h"])
    p3: Annotated[Deadline | None, Field(alias="P3")] = Field(default=None, description="For P3.", examples=["24h"])

    rules = (
        Rule(
            message="at least one of P0, P1, P2, P3 must be set; for example P0: 5m",
            holds=lambda model: bool(model.given),
            cel="has(self.P0) || has(self.P1) || has(self.P2) || has(self.P3)",
        ),
    )


class Unless(StrEnum):
    """What keeps a level from being told."""

    ACKNOWLEDGED = "Acknowledged"
    RESOLVED = "Resolved"


class Level(ApiModel):
    """Who is told after some time without an answer."""

    notify: Channels = Field(description="Names of the NotificationChannels that are told.", examples=[["team-lead"]])
    after: Annotated[str, DurationBetween(shortest="0s", longest="7d")] = Field(
        default="0s", description="How long after the incident was opened.", examples=["5m"]
    )
    unless: Annotated[Unless, Choice(Unless)] = Field(
        default=Unless.ACKNOWLEDGED, description="What of the incident makes it unnecessary.", examples=["Resolved"]
    )
    severities: Severities | None = Field(
        default=None, description="Of which severities (default: all).", examples=[["P0"]]
    )


Levels = Annotated[list[Level], Field(min_length=1, max_length=MAX_LEVELS)]
Repeat = Annotated[int, Field(ge=0, le=100)]


class Chain(ApiModel):
    """Levels under a name, which a rule may follow."""

    name: ShortName = Field(description="Name of the chain, unique in the policy.", examples=["databases"])
    levels: Levels = Field(
        description="Who is told, one after the other.",
        examples=[[{"notify": ["dba"]}]],
        json_schema_extra=_ATOMIC,
    )
    repeat: Repeat = Field(default=0, description="How often it begins anew.", examples=[3])


class Escalation(ApiModel):
    """By when people answer an incident, and who is told if they do not."""

    acknowledge_within: BySeverity | None = Field(
        default=None,
        description="How soon after its opening somebody acknowledges an incident.",
        examples=[{"P0": "5m", "P1": "15m"}],
    )
    resolve_within: BySeverity | None = Field(
        default=None,
        description="How soon after its opening an incident is resolved.",
        examples=[{"P0": "1h", "P1": "4h"}],
    )
    update_every: BySeverity | None = Field(
        default=None, description="The longest time between two updates of an open incident.", examples=[{"P0": "15m"}]
    )
    levels: Levels | None = Field(
        default=None,
        description="Who is told, one after the other. Not supported yet.",
        examples=[[{"notify": ["oncall"]}, {"after": "5m", "notify": ["team-lead"]}]],
        json_schema_extra=_ATOMIC,
    )
    repeat: Repeat | None = Field(
        default=None, description="How often the levels begin anew. Not supported yet.", examples=[3]
    )
    chains: Annotated[list[Chain], Field(min_length=1, max_length=MAX_CHAINS), UniqueBy("name")] | None = Field(
        default=None,
        description="Levels by name, which rules may follow. Not supported yet.",
        examples=[[{"name": "databases", "levels": [{"notify": ["dba"]}]}]],
    )


class ActiveTimes(ApiModel):
    """When people are told; outside of it notifications wait."""

    time_zone: TimeZone = Field(default="UTC", description="IANA time zone of the times.", examples=["Europe/Berlin"])
    days: Annotated[list[_Days], Field(min_length=1, max_length=7), Distinct()] | None = Field(
        default=None,
        description="Days of the week, or from one to another (default: all).",
        examples=[["Mon-Fri"]],
    )
    times: Annotated[list[_Times], Field(min_length=1, max_length=8), Distinct()] | None = Field(
        default=None,
        description="Times of these days (default: the whole day).",
        examples=[["09:00-17:00"]],
    )
    severities: Severities | None = Field(
        default=None,
        description="Which severities wait; P0 never does.",
        examples=[["P2", "P3"]],
    )
