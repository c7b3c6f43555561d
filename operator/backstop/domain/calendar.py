"""Periods of the calendar: days, weeks, months, quarters and years that begin when a clock on a wall says so.

Rules of local time are those of RFC 5545 (iCalendar), section 3.3.5: a time of day that comes twice means the first,
one that is skipped means as long after the gap's beginning as it would have been without it.
"""

import calendar
import functools
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from backstop.domain.interval import Interval

_DAY_SECONDS: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS_A_YEAR: Final = 12

# How much longer than its days a period can last. Clocks go back by an hour in most zones, by two in Antarctica/Troll,
# and by three at the most since 2000 (Antarctica/Casey, 2010); no ledger reaches further back.
_CLOCKS_GO_BACK_SECONDS: Final = 3 * 3600


class CalendarUnit(StrEnum):
    """What a period is made of."""

    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"
    QUARTER = "Quarter"
    YEAR = "Year"


_DAYS: Final = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7}
_MONTHS: Final = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}
_MOST_DAYS: Final = {CalendarUnit.MONTH: 31, CalendarUnit.QUARTER: 92, CalendarUnit.YEAR: 366}

# A Monday, and the first day of a month, a quarter and a year: every unit begins there by itself.
NATURAL_START: Final = datetime(2024, 1, 1)  # noqa: DTZ001  wall-clock time, in whichever zone


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPeriods:
    """Periods of `count` units that tile time in both directions from `start`, a wall-clock time in `zone`.

    Each begins at the same time of day. One counted in months begins on the day of `start`, or on the last day of a
    month that is too short for it; that is worked out from `start` each time, so 31 January leads to 28 February and
    on to 31 March.
    """

    unit: CalendarUnit
    zone: ZoneInfo
    count: int = 1
    start: datetime = NATURAL_START  # naive

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a period lasts at least one {self.unit}, not {self.count}")
        if self.start.tzinfo is not None:
            raise ValueError(f"start {self.start.isoformat()} must be a wall-clock time, without an offset")

    def period_at(self, at: float) -> Interval:
        """Return the period that contains `at`, in unix seconds. Raises ValueError outside of the years 1 to 9999."""
        if not math.isfinite(at):
            raise ValueError(f"{at} is no time")
        periods = _periods_of_day(self, int(at // _DAY_SECONDS))  # a quotient `at / …` could round up to the next day
        return next(period for period in periods if at in period)

    def previous(self, period: Interval) -> Interval:
        """Return the period that ends where `period`, one of these, begins. Raises ValueError as `period_at` does."""
        before = self.period_at(math.nextafter(period.start, -math.inf))
        if before.end != period.start:
            raise ValueError(f"{period} is not one of the periods of {self}")
        return before

    @property
    def longest_seconds(self) -> float:
        """No period since 2000 is longer than this, clocks that go back included."""
        days = self.count * (_DAYS.get(self.unit) or _MOST_DAYS[self.unit])
        return days * _DAY_SECONDS + _CLOCKS_GO_BACK_SECONDS


@functools.lru_cache(maxsize=4096)  # entries for the SLOs' distinct calendars, over the few days that one looks at
def _periods_of_day(periods: CalendarPeriods, day: int) -> tuple[Interval, ...]:
    """Return the periods that reach into a day of UTC, numbered since 1970, in order of time."""
    found: list[Interval] = []
    try:
        number = _number_at(periods, day * _DAY_SECONDS)
        while not found or found[-1].end < (day + 1) * _DAY_SECONDS:
            begin, end = _begin(periods, number), _begin(periods, number + 1)
            if begin < end:  # a day that a zone left out altogether (Pacific/Apia, 30 December 2011) is no period
                found.append(Interval(begin, end))
            number += 1
    except OverflowError:
        raise ValueError(f"day {day} since 1970 lies outside of the calendar, the years 1 to 9999") from None
    return tuple(found)


def _number_at(periods: CalendarPeriods, at: float) -> int:
    """Return the number of the period that contains `at`; number 0 begins at `start`."""
    local = (_EPOCH + timedelta(seconds=at)).astimezone(periods.zone).replace(tzinfo=None)
    if periods.unit in _DAYS:
        number = (local - periods.start) // timedelta(days=periods.count * _DAYS[periods.unit])
    else:
        months = _months(local) - _months(periods.start)
        number = months // (periods.count * _MONTHS[periods.unit])
    # near right: the day of the month, and clocks that were changed, decide between neighbours
    while _begin(periods, number) > at:
        number -= 1
    while _begin(periods, number + 1) <= at:
        number += 1
    return number


def _begin(periods: CalendarPeriods, number: int) -> float:
    """Return when a period begins, in unix seconds. Raises OverflowError outside of the years 1 to 9999."""
    start, count = periods.start, number * periods.count
    if periods.unit in _DAYS:
        local = start + timedelta(days=count * _DAYS[periods.unit])
    else:
        year, month = divmod(_months(start) + count * _MONTHS[periods.unit], _MONTHS_A_YEAR)
        if not 1 <= year <= 9999:  # noqa: PLR2004  of datetime
            raise OverflowError(f"year {year}")
        last_day = calendar.monthrange(year, month + 1)[1]
        local = start.replace(year=year, month=month + 1, day=min(start.day, last_day))
    return local.replace(tzinfo=periods.zone, fold=0).timestamp()


def _months(local: datetime) -> int:
    return local.year * _MONTHS_A_YEAR + local.month - 1
