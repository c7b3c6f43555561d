"""Over what time an SLO is judged, and in what portions."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from backstop.api.field_types import Choice, DurationBetween, LocalTime, PercentNumber, ShortName, TimeZone
from backstop.api.rules import ApiModel, Rule, exactly_one_of
from backstop.domain.calendar import NATURAL_START, CalendarUnit


class Budgeting(StrEnum):
    """What the error budget counts."""

    OCCURRENCES = "Occurrences"
    TIMESLICES = "Timeslices"
    RATIO_TIMESLICES = "RatioTimeslices"


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
            message="a period lasts at most 366 days: count is at most "
            + ", ".join(f"{most} for {unit}" for unit, most in _MOST_UNITS.items()),
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
        default=None, description="A period of the calendar. Not supported yet.", examples=[{"unit": "Month"}]
    )

    rules = (exactly_one_of("rolling", "calendar", example="rolling: 30d"),)


class Timeslice(ApiModel):
    """A portion of time that is good or bad as a whole."""

    length: Annotated[str, DurationBetween(shortest="10s", longest="1h")] = Field(
        default="1m", description="Length of a slice.", examples=["1m"]
    )
    target: PercentNumber = Field(
        description="A slice is good when at least this share of its events is good, in percent.", examples=[95]
    )
