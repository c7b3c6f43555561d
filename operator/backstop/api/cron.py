"""Schedules in cron syntax, in a time zone. Syntax and meaning are those of Debian's cron, by the library cronsim.

Clocks that change: a time of day that is skipped comes at the end of the gap, one that comes twice is taken the first
time. Where the hour is `*` or `*/n`, elapsed time is followed instead: an hour that comes twice counts twice.
"""

import functools
import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from backstop.api.field_types import RULES_KEY, problem

_FIELDS: Final = 5
_MAX_LENGTH: Final = 128
_PATTERN: Final = "^[0-5]?[0-9]( [0-9A-Za-z*,/#-]+){4}$"
# The usual ways to write a day that does not exist; the others are found when the object is read.
_NO_SUCH_DAY: Final = (
    "^[^ ]+ [^ ]+ ((30|31) (2|FEB)|31 (4|6|9|11|APR|JUN|SEP|NOV)) [*]$",
    "never comes: no such month has that day; write for example 0 2 * * 6",
)
_EXAMPLE: Final = "write for example 0 2 * * 6 for Saturdays at two"
_SLACK_SECONDS: Final = 31 * 86_400.0  # not all who follow a schedule look back equally far
_LOOKED_FROM: Final = datetime(
    2000, 1, 1, tzinfo=UTC
)  # cronsim looks 50 years ahead: all of the calendar's 28-year cycle


@dataclass(frozen=True, slots=True)
class Cron:
    """A valid schedule; implements domain.maintenance.Recurrence."""

    expression: str
    zone: ZoneInfo

    def starts(self, since: float) -> Iterator[float]:
        """Yield when it fires, in unix seconds, from `since` (included) on."""
        return _timetable(self).starts(since)


class _Timetable:
    """The starts of a schedule, worked out once for all who follow it: each costs a tenth of a millisecond."""

    def __init__(self, cron: Cron) -> None:
        self._cron = cron
        self._page = _Page(cron, math.inf)

    def starts(self, since: float) -> Iterator[float]:
        if since < self._page.since:
            self._page = _Page(self._cron, since - _SLACK_SECONDS)  # who reads the old one goes on in it
        return self._page.starts(since)


class _Page:
    """The starts from a moment on, as far as somebody has asked."""

    def __init__(self, cron: Cron, since: float) -> None:
        self.since = since
        self._known: list[float] = []
        self._rest = _starts(cron, since)

    def starts(self, since: float) -> Iterator[float]:
        number = bisect_left(self._known, since)
        while True:
            while number < len(self._known):
                if self._known[number] >= since:
                    yield self._known[number]
                number += 1
            following = next(self._rest, None)
            if following is None:
                return
            self._known.append(following)


@functools.lru_cache(maxsize=1024)
def _timetable(cron: Cron) -> _Timetable:
    return _Timetable(cron)


def _starts(cron: Cron, since: float) -> Iterator[float]:
    # A day earlier, since the library skips the moment it begins at, and may go back by the hour of a clock change.
    begin = datetime.fromtimestamp(since, UTC).astimezone(cron.zone) - timedelta(days=1)
    last = since
    for moment in CronSim(cron.expression, begin):
        at = moment.timestamp()
        if at > last or at == since:
            yield at
            last = at


def cron_problem(expression: str) -> str | None:
    """Return what is wrong with a schedule and what to write instead; None when it can be followed."""
    fields = expression.split(" ")
    if len(fields) != _FIELDS:
        return f"has {len(fields)} fields, not minute, hour, day of month, month and day of week; {_EXAMPLE}"
    try:
        schedule = CronSim(expression, _LOOKED_FROM)
    except CronSimError as error:
        return _syntax_problem(fields, str(error))
    if len(schedule.minutes) > 1:
        return (
            f"begins {len(schedule.minutes)} times an hour; write one minute, and how long it lasts into duration;"
            " for example 0 2 * * *"
        )
    if next(schedule, None) is None:
        return f"never comes: there is no such day; {_EXAMPLE}"
    return None


def _syntax_problem(fields: list[str], said: str) -> str:
    minute, hour, day, _, weekday = fields
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", _LOOKED_FROM)
        CronSim(f"{minute} {hour} * {fields[3]} {weekday}", _LOOKED_FROM)
    except CronSimError:
        return f"is no schedule: {said.lower()}; {_EXAMPLE}"
    return f"never comes: no such month has a day {day}; {_EXAMPLE}"


class CronExpression:
    """A field that holds a schedule of five fields."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        text = core_schema.str_schema(strict=True, max_length=_MAX_LENGTH)
        return core_schema.no_info_after_validator_function(self._check, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        pattern, message = _NO_SUCH_DAY
        rule = {"rule": f"!self.matches('{pattern}')", "message": message}
        return {"type": "string", "maxLength": _MAX_LENGTH, "pattern": _PATTERN, RULES_KEY: [rule]}

    @staticmethod
    def _check(text: str) -> str:
        if (wrong := cron_problem(text)) is not None:
            raise problem(wrong)
        return text
