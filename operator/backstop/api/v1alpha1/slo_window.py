"""Over what time an SLO is judged, and in what portions."""

from typing import Annotated, Final

from pydantic import Field

from backstop.api.field_types import (
    Choice,
    DurationBetween,
    LocalTime,
    PercentNumber,
    ShortName,
    TimeZone,
    cel_seconds,
)
from backstop.api.rules import ApiModel, Rule, exactly_one_of
from backstop.domain.calendar import NATURAL_START, CalendarUnit
from backstop.domain.duration import parse_duration

_MOST_UNITS: Final = {  # of 366 days, as long as a rolling window may be
    CalendarUnit.DAY: 366,
    CalendarUnit.WEEK: 52,
    CalendarUnit.MONTH: 12,
    CalendarUnit.QUARTER: 4,
    CalendarUnit.YEAR: 1,
}


class CalendarWindow(ApiModel):
    """A period of the calendar; its budget starts anew with each period."""

    unit: Annotated[CalendarUnit, Choice(CalendarUnit)] = Field(description="The period.", examples=["Month"])
    count: Annotated[int, Field(ge=1, le=max(_MOST_UNITS.values()))] = Field(
        default=1, description="How many units make one period, 366 days at most.", examples=[2]
    )
    start: Annotated[str, LocalTime()] = Field(
        default=NATURAL_START.isoformat(timespec="minutes"),
        description="Wall-clock time at which some period begins; the others follow from it in both directions. The"
        " default is a Monday and the first day of a month, a quarter and a year.",
        examples=["2026-01-05T06:00"],
    )
    time_zone: TimeZone = Field(
        default="UTC", description="IANA time zone in which periods begin.", examples=["Europe/Berlin"]
    )

    rules = (
        Rule(
            message="count must be at most "
            + ", ".join(f"{most} for {unit}" for unit, most in _MOST_UNITS.items())
            + " (366 days); for example unit: Month with count: 2",
            holds=lambda model: model.count <= _MOST_UNITS[model.unit],
            cel="self.count <= {"
            + ", ".join(f"'{unit}': {most}" for unit, most in _MOST_UNITS.items())
            + "}[self.unit]",
        ),
    )


class Window(ApiModel):
    """A window of the objective: rolling, or a period of the calendar."""

    name: ShortName = Field(description="Name of the window, unique in the SLO.", examples=["30d"])
    rolling: Annotated[str, DurationBetween(shortest="5m", longest="366d")] | None = Field(
        default=None, description="Length of a window that ends now.", examples=["30d"]
    )
    calendar: CalendarWindow | None = Field(
        default=None, description="A period of the calendar.", examples=[{"unit": "Month"}]
    )

    rules = (exactly_one_of("rolling", "calendar", example="rolling: 30d"),)


SLICE_SECONDS: Final = (60, 180, 300, 900, 1800, 3600)  # they tile the columns of the ledger


class Timeslice(ApiModel):
    """A portion of time that the budget counts."""

    length: Annotated[str, DurationBetween(shortest="1m", longest="1h")] = Field(
        default="1m", description="Length of a slice: 1m, 3m, 5m, 15m, 30m or 1h.", examples=["1m"]
    )
    target: PercentNumber | None = Field(
        default=None,
        description="A slice is good when at least this share of its events is good, in percent. For Timeslices;"
        " RatioTimeslices count each slice by its share.",
        examples=[95],
    )

    rules = (
        Rule(
            message="length must be 1m, 3m, 5m, 15m, 30m or 1h; for example 5m",
            holds=lambda model: parse_duration(model.length) in SLICE_SECONDS,
            cel=f"{cel_seconds('self.length')} in {list(SLICE_SECONDS)}",
        ),
    )
