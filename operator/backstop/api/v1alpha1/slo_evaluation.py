"""How often and how strictly an SLO is evaluated."""

from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, DurationBetween, cel_seconds
from backstop.api.rules import ApiModel, Rule
from backstop.domain.duration import parse_duration
from backstop.domain.slo import NoData, NoTraffic


class Evaluation(ApiModel):
    """How often and how strictly the SLO is evaluated."""

    interval: Annotated[str, DurationBetween(shortest="1s", longest="5m")] = Field(
        default="30s", description="Time between two evaluations.", examples=["30s"]
    )
    no_data: Annotated[NoData, Choice(NoData)] = Field(
        default=NoData.UNKNOWN,
        description="What time without data counts as. Good and Bad are guesses to choose knowingly. Bad needs"
        " budgeting Timeslices or RatioTimeslices: events that nobody saw cannot be counted.",
        examples=["Bad"],
    )
    no_traffic: Annotated[NoTraffic, Choice(NoTraffic)] = Field(
        default=NoTraffic.NEUTRAL,
        description="What known time without any event counts as.",
        examples=["Good"],
    )
    stale_after: Annotated[str, DurationBetween(shortest="5s", longest="1h")] = Field(
        default="2m", description="A newest sample older than this is no data. At least interval.", examples=["2m"]
    )
    minimum_events: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        default=0,
        description="Events that a window needs before it may alert; groups with fewer come last in status.",
        examples=[100],
    )
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.999,
        description="How sure an alert must be that the burn is real, 0.5 to below 1.",
        examples=[0.999],
    )
    all_bad_for: Annotated[str, DurationBetween(shortest="1m", longest="7d")] = Field(
        default="15m",
        description="Bad events without a good one alert after this time, however few.",
        examples=["15m"],
    )

    rules = (
        Rule(
            message="staleAfter must be at least interval; for example interval: 30s and staleAfter: 2m",
            holds=lambda model: parse_duration(model.stale_after) >= parse_duration(model.interval),
            cel=f"{cel_seconds('self.staleAfter')} >= {cel_seconds('self.interval')}",
        ),
    )
