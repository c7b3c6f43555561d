from datetime import date, datetime
from typing import Any

import pytest
import yaml

from backstop.api.to_domain import check_slo, to_domain
from backstop.api.v1alpha1.slo_window import CalendarWindow
from backstop.domain import slo as domain
from backstop.domain.calendar import NATURAL_START, CalendarPeriods, CalendarUnit
from backstop.domain.time_zone import time_zone
from tests.api.slo_bodies import calendar
from tests.domain.calendar_cases import Case, cases


def problems_of(body: dict[str, Any]) -> dict[str, str]:
    """What is wrong: path and text."""
    return {p.path: p.text for p in check_slo(body).problems}


@pytest.mark.parametrize(
    "fields",
    [
        {"unit": "Day"},
        {"unit": "Day", "count": 366},
        {"unit": "Week", "count": 52},
        {"unit": "Month", "count": 12},
        {"unit": "Quarter", "count": 4},
        {"unit": "Year"},
        {"unit": "Week", "count": 2, "start": "2026-01-05T06:00", "timeZone": "Europe/Berlin"},
        {"unit": "Month", "start": "1939-09-03T05:45", "timeZone": "Europe/Warsaw"},
        {"unit": "Month", "start": "2024-02-29T00:00"},
        {"unit": "Day", "timeZone": "America/Argentina/Buenos_Aires"},
    ],
    ids=str,
)
def test_a_period_of_up_to_366_days_is_accepted(fields: dict[str, Any]) -> None:
    assert problems_of(calendar(**fields)) == {}


def test_without_more_than_a_unit_periods_begin_at_midnight_in_utc_where_the_calendar_begins_them() -> None:
    window = CalendarWindow.model_validate({"unit": "Week"})
    assert (window.count, window.start, window.time_zone) == (1, "2024-01-01T00:00", "UTC")
    assert datetime.fromisoformat(window.start) == NATURAL_START


@pytest.mark.parametrize("case", cases(rolling=False))
def test_every_published_case_of_up_to_366_days_can_be_written_and_is_read_as_meant(case: Case) -> None:
    start = case.start.isoformat(timespec="minutes") if case.start else ""
    body = calendar(unit=case.unit, count=case.count, start=start, timeZone=case.zone)
    if (case.unit, case.count) == ("Year", 3):
        assert list(problems_of(body)) == ["spec.windows[0].calendar"]
        return
    (window,) = to_domain(body).windows
    assert isinstance(window, domain.CalendarWindow)
    assert window.periods.period_at(case.at) == case.expected


def longest_days(unit: CalendarUnit, count: int) -> float:
    """How long periods of this size get, over a leap cycle in UTC."""
    periods = CalendarPeriods(unit=unit, count=count, zone=time_zone("UTC"))
    period, longest = periods.period_at(1_704_067_200.0), 0.0
    while period.start > 1_704_067_200.0 - 8 * 366 * 86_400:
        longest = max(longest, period.seconds / 86_400)
        period = periods.previous(period)
    return longest


@pytest.mark.parametrize("unit", CalendarUnit)
def test_the_largest_count_that_is_accepted_is_the_largest_that_fits_into_366_days(unit: CalendarUnit) -> None:
    most = max(count for count in range(1, 400) if not problems_of(calendar(unit=str(unit), count=count)))
    assert longest_days(unit, most) <= 366 < longest_days(unit, most + 1)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2025-02-29T00:00", "'2025-02-29T00:00'"),
        ("2026-01-05", "'2026-01-05'"),
        ("2026-01-05 06:00", "'2026-01-05 06:00'"),
        ("2026-01-05T06:00:00", "'2026-01-05T06:00:00'"),
        ("2026-01-05T06:00Z", "'2026-01-05T06:00Z'"),
        ("2026-01-05T06:00+01:00", "'2026-01-05T06:00+01:00'"),
        ("2026-1-5T6:00", "'2026-1-5T6:00'"),
        ("20260105T0600", "'20260105T0600'"),
        ("0000-01-01T00:00", "'0000-01-01T00:00'"),
        ("٢٠٢٦-01-05T06:00", "T06:00'"),
        ("Monday", "'Monday'"),
        ("", "''"),
        (1_767_225_600, "is a number"),
        (date(2026, 1, 5), "quote dates"),
    ],
    ids=str,
)
def test_a_start_that_is_no_wall_clock_time_is_refused_with_one_that_is(start: Any, words: str) -> None:
    (text,) = problems_of(calendar(unit="Day", start=start)).values()
    assert words in text
    assert text.endswith("write a wall-clock time as 2026-01-05T06:00")


def test_a_start_needs_no_quotes_in_yaml() -> None:
    written = yaml.safe_load("{unit: Day, start: 2026-01-05T06:00}")
    assert CalendarWindow.model_validate(written).start == "2026-01-05T06:00"


@pytest.mark.parametrize(
    ("zone", "fix"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("Mars/Olympus", "write for example Europe/Berlin or UTC"),
        ("localtime", "is no IANA time zone"),
        ("America", "is no IANA time zone"),
    ],
)
def test_a_time_zone_that_does_not_exist_is_refused_with_its_path_and_a_fix(zone: str, fix: str) -> None:
    problems = problems_of(calendar(unit="Month", timeZone=zone))
    assert list(problems) == ["spec.windows[0].calendar.timeZone"]
    assert fix in problems["spec.windows[0].calendar.timeZone"]
