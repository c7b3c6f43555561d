"""Over what time an SLO is judged, and in what portions."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, DurationBetween, PercentNumber, ShortName, TimeZone
from backstop.api.rules import ApiModel, exactly_one_of


class CalendarUnit(StrEnum):
    """Calendar periods."""

    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"
    QUARTER = "Quarter"
    YEAR = "Year"


class Budgeting(StrEnum):
    """What the error budget counts."""

    OCCURRENCES = "Occurrences"
    TIMESLICES = "Timeslices"
    RATIO_TIMESLICES = "RatioTimeslices"


class CalendarWindow(ApiModel):
    """A period of the calendar; its budget starts anew with each period."""

    unit: Annotated[CalendarUnit, Choice(CalendarUnit)] = Field(description="The period.", examples=["Month"])
    time_zone: TimeZone = Field(
        default="UTC", description="IANA time zone in which periods begin.", examples=["Europe/Berlin"]
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
