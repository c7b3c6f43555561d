import itertools
import math
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from backstop.domain import calendar
from backstop.domain.calendar import NATURAL_START, CalendarPeriods, CalendarUnit
from backstop.domain.duration import parse_duration
from backstop.domain.interval import Interval
from tests.domain.calendar_cases import FILE, Case, cases

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600, 86_400


def wall(text):
    return datetime.fromisoformat(text)


def seconds(text):
    """Unix seconds of an instant in UTC."""
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


def utc(at):
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def calendar_of(unit, zone="UTC", *, start=None, count=1):
    begin = NATURAL_START if start is None else wall(start)
    return CalendarPeriods(unit=CalendarUnit(unit), zone=ZoneInfo(zone), start=begin, count=count)


def following(periods, period):
    return periods.period_at(period.end)


def local_begins(periods, *, at, forward, back=0):
    """The wall-clock times at which the period at an instant, those after and those before it begin."""
    middle = periods.period_at(seconds(at))
    before, after = [middle], [middle]
    for _ in range(back):
        before.insert(0, periods.previous(before[0]))
    for _ in range(forward):
        after.append(following(periods, after[-1]))
    return [f"{datetime.fromtimestamp(p.start, periods.zone):%Y-%m-%d %H:%M}" for p in before[:-1] + after]


@pytest.mark.parametrize("case", cases(rolling=False))
def test_the_period_that_contains_an_instant_is_the_published_one(case: Case):
    periods = CalendarPeriods(
        unit=CalendarUnit(case.unit), zone=ZoneInfo(case.zone), start=case.start, count=case.count
    )
    assert periods.period_at(case.at) == case.expected


@pytest.mark.parametrize("case", cases(rolling=True))
def test_a_rolling_window_reaches_back_by_its_length_where_a_day_is_24_hours(case: Case):
    length = parse_duration(f"{case.count}{case.unit[0].lower()}")
    assert Interval(case.at - length, case.at) == case.expected


@pytest.mark.skipif(not FILE.exists(), reason="../shared/data/windows_calendar.json is not there")
def test_all_sixty_published_cases_were_tried():
    assert (len(cases(rolling=False)), len(cases(rolling=True))) == (55, 5)


@pytest.mark.parametrize(
    ("unit", "begin", "end"),
    [
        ("Day", "2026-08-12 00:00", "2026-08-13 00:00"),
        ("Week", "2026-08-10 00:00", "2026-08-17 00:00"),
        ("Month", "2026-08-01 00:00", "2026-09-01 00:00"),
        ("Quarter", "2026-07-01 00:00", "2026-10-01 00:00"),
        ("Year", "2026-01-01 00:00", "2027-01-01 00:00"),
    ],
)
def test_periods_begin_by_themselves_at_midnight_on_monday_or_the_first(unit, begin, end):
    assert calendar_of(unit).period_at(seconds("2026-08-12 15:04")) == Interval(seconds(begin), seconds(end))


def test_a_period_includes_its_begin_and_not_its_end():
    days = calendar_of("Day")
    midnight = seconds("2026-01-05 00:00")
    assert days.period_at(midnight).start == midnight
    assert days.period_at(math.nextafter(midnight, 0)).end == midnight


def test_two_weeks_from_a_monday_at_six_follow_the_clock_on_the_wall():
    shifts = calendar_of("Week", "Europe/Berlin", start="2026-01-05T06:00", count=2)
    assert local_begins(shifts, at="2026-03-20 12:00", back=1, forward=1) == [
        "2026-03-02 06:00", "2026-03-16 06:00", "2026-03-30 06:00",
    ]  # fmt: skip
    assert shifts.period_at(seconds("2026-03-20 12:00")).seconds == 14 * DAY - HOUR


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Europe/Berlin", "2026-03-28 12:00", 24),
        ("Europe/Berlin", "2026-03-29 12:00", 23),
        ("Europe/Berlin", "2026-10-25 12:00", 25),
        ("America/New_York", "2026-03-08 12:00", 23),
        ("America/New_York", "2026-11-01 12:00", 25),
        ("Australia/Lord_Howe", "2026-04-04 15:00", 24.5),  # clocks move by half an hour
        ("Australia/Lord_Howe", "2026-10-03 15:00", 23.5),
        ("Antarctica/Troll", "2026-10-25 12:00", 26),  # by two hours
        ("Antarctica/Casey", "2010-03-04 20:00", 27),  # by three, once
        ("America/Santiago", "2026-09-06 12:00", 23),  # there is no midnight
        ("Africa/Cairo", "2026-04-24 12:00", 23),
        ("America/Sao_Paulo", "2026-03-29 12:00", 24),  # no summer time any more
        ("UTC", "2026-03-29 12:00", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone, at, hours):
    day = calendar_of("Day", zone).period_at(seconds(at))
    assert day.seconds == hours * HOUR
    assert day.seconds <= calendar_of("Day", zone).longest_seconds


@pytest.mark.parametrize(("at", "hours"), [("2026-03-15 12:00", 31 * 24 - 1), ("2026-10-15 12:00", 31 * 24 + 1)])
def test_a_month_in_which_clocks_change_is_an_hour_shorter_or_longer(at, hours):
    assert calendar_of("Month", "Europe/Berlin").period_at(seconds(at)).seconds == hours * HOUR


def test_a_begin_that_is_skipped_comes_as_much_later_as_the_clocks_jump():
    days = calendar_of("Day", "Europe/Berlin", start="2026-03-01T02:30")
    assert local_begins(days, at="2026-03-28 12:00", forward=2) == [
        "2026-03-28 02:30", "2026-03-29 03:30", "2026-03-30 02:30",
    ]  # fmt: skip
    skipped = days.period_at(seconds("2026-03-29 12:00"))
    assert skipped == Interval(seconds("2026-03-29 01:30"), seconds("2026-03-30 00:30"))


def test_a_begin_that_comes_twice_is_the_first_of_the_two():
    days = calendar_of("Day", "Europe/Berlin", start="2026-03-01T02:30")
    assert days.period_at(seconds("2026-10-25 12:00")) == Interval(
        seconds("2026-10-25 00:30"), seconds("2026-10-26 01:30")
    )


def test_a_start_that_was_skipped_itself_leaves_the_other_begins_alone():
    days = calendar_of("Day", "Europe/Berlin", start="2026-03-29T02:30")
    assert local_begins(days, at="2026-03-29 12:00", back=1, forward=1) == [
        "2026-03-28 02:30", "2026-03-29 03:30", "2026-03-30 02:30",
    ]  # fmt: skip


def test_midnight_that_is_skipped_begins_the_day_at_one():
    days = calendar_of("Day", "America/Santiago")
    assert local_begins(days, at="2026-09-05 12:00", forward=2) == [
        "2026-09-05 00:00", "2026-09-06 01:00", "2026-09-07 00:00",
    ]  # fmt: skip


@pytest.mark.parametrize("start", ["2011-01-01T00:00", "2011-01-01T06:00"])
def test_a_day_that_a_zone_left_out_is_no_period(start):
    samoa = calendar_of("Day", "Pacific/Apia", start=start)  # went from 29 to 31 December 2011
    time = start[-5:]
    assert local_begins(samoa, at="2011-12-29 22:00", forward=2) == [
        f"2011-12-29 {time}", f"2011-12-31 {time}", f"2012-01-01 {time}",
    ]  # fmt: skip
    last = samoa.period_at(seconds("2011-12-29 22:00"))
    assert samoa.previous(following(samoa, last)) == last


def test_month_ends_are_clamped_and_do_not_drift():
    payday = calendar_of("Month", start="2025-01-31T00:00")
    assert [text[:10] for text in local_begins(payday, at="2025-01-31 12:00", back=3, forward=14)] == [
        "2024-10-31", "2024-11-30", "2024-12-31",
        "2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30",
        "2025-07-31", "2025-08-31", "2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31",
        "2026-01-31", "2026-02-28", "2026-03-31",
    ]  # fmt: skip
    assert "2024-02-29" in local_begins(payday, at="2024-02-10 00:00", forward=1)[1]


def test_the_30th_is_clamped_in_february_only():
    periods = calendar_of("Month", start="2025-12-30T18:00")
    assert [text[5:10] for text in local_begins(periods, at="2026-01-15 00:00", forward=4)] == [
        "12-30", "01-30", "02-28", "03-30", "04-30",
    ]  # fmt: skip


def test_quarters_from_the_end_of_november_are_clamped_in_february():
    periods = calendar_of("Quarter", start="2023-11-30T00:00")
    assert [text[:10] for text in local_begins(periods, at="2023-12-01 00:00", forward=6)] == [
        "2023-11-30", "2024-02-29", "2024-05-30", "2024-08-30", "2024-11-30", "2025-02-28", "2025-05-30",
    ]  # fmt: skip


def test_years_from_a_29th_of_february_begin_on_the_28th_and_in_leap_years_on_the_29th():
    periods = calendar_of("Year", start="2024-02-29T00:00")
    begins = [text[:10] for text in local_begins(periods, at="2024-03-01 00:00", back=4, forward=4)]
    assert begins == [
        "2020-02-29", "2021-02-28", "2022-02-28", "2023-02-28",
        "2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29",
    ]  # fmt: skip


def test_no_leap_day_in_1900_and_2100_but_in_2000():
    periods = calendar_of("Year", start="2024-02-29T00:00")
    assert [local_begins(periods, at=f"{year}-06-01 00:00", forward=0)[0][:10] for year in (1900, 2000, 2100)] == [
        "1900-02-28", "2000-02-29", "2100-02-28",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "begin", "end"),
    [
        ("0100-06-15 12:00", "0100-06-01 00:00", "0100-07-01 00:00"),
        ("1969-12-31 23:59", "1969-12-01 00:00", "1970-01-01 00:00"),
        ("2999-12-31 23:59", "2999-12-01 00:00", "3000-01-01 00:00"),
        ("9999-11-30 23:59", "9999-11-01 00:00", "9999-12-01 00:00"),
    ],
)
def test_the_far_past_and_the_far_future_are_periods_like_others(at, begin, end):
    assert calendar_of("Month").period_at(seconds(at)) == Interval(seconds(begin), seconds(end))


@pytest.mark.parametrize("at", [1e12, -1e12, 1e300, -1e300, 1_760_000_000_000.0])
@pytest.mark.parametrize("unit", CalendarUnit)
def test_a_time_outside_of_the_calendar_is_refused(unit, at):
    with pytest.raises(ValueError, match="outside of the calendar, the years 1 to 9999"):
        calendar_of(unit, "Europe/Berlin").period_at(at)


@pytest.mark.parametrize("at", [math.nan, math.inf, -math.inf])
def test_what_is_no_time_is_refused(at):
    with pytest.raises(ValueError, match="is no time"):
        calendar_of("Day").period_at(at)


def test_only_a_period_has_one_before_it():
    with pytest.raises(ValueError, match="is not one of the periods"):
        calendar_of("Day").previous(Interval(seconds("2026-01-05 12:00"), seconds("2026-01-06 00:00")))


def test_periods_of_nothing_and_starts_with_an_offset_cannot_be_built():
    with pytest.raises(ValueError, match="at least one Month, not 0"):
        CalendarPeriods(unit=CalendarUnit.MONTH, zone=BERLIN, count=0)
    with pytest.raises(ValueError, match="must be a wall-clock time, without an offset"):
        CalendarPeriods(unit=CalendarUnit.MONTH, zone=BERLIN, start=datetime(2026, 1, 1, tzinfo=UTC))


def test_calendars_that_are_equal_are_worked_out_once():
    calendar._periods_of_day.cache_clear()
    for _ in range(1000):
        calendar_of("Month", "Europe/Berlin").period_at(seconds("2026-08-12 15:04"))
    assert calendar._periods_of_day.cache_info().misses == 1
    assert calendar._periods_of_day.cache_info().maxsize is not None


MOST = {"Day": 366, "Week": 52, "Month": 12, "Quarter": 4, "Year": 1}
ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})


def calendars(*units):
    return st.sampled_from(units).flatmap(
        lambda unit: st.builds(
            CalendarPeriods,
            unit=st.just(unit),
            zone=st.sampled_from(ZONES).map(ZoneInfo),
            count=st.integers(min_value=1, max_value=MOST[unit]),
            start=st.datetimes(min_value=wall("1939-01-01"), max_value=wall("2080-12-31")).map(
                lambda start: start.replace(second=0, microsecond=0)
            ),
        )
    )


ALL = calendars(*CalendarUnit)
OF_MONTHS = calendars(CalendarUnit.MONTH, CalendarUnit.QUARTER, CalendarUnit.YEAR)
MOMENTS = st.floats(min_value=seconds("1890-01-01 00:00"), max_value=seconds("2190-01-01 00:00"))
SAMOA = CalendarPeriods(unit=CalendarUnit.DAY, zone=ZoneInfo("Pacific/Apia"))


@given(ALL, MOMENTS)
@example(SAMOA, seconds("2011-12-30 10:00"))
@example(SAMOA, math.nextafter(seconds("2011-12-30 10:00"), 0))
def test_periods_contain_their_instant_and_adjoin_without_gap_or_overlap(periods, at):
    period = periods.period_at(at)
    assert period.start <= at < period.end
    before, after = periods.previous(period), following(periods, period)
    assert before.end == period.start
    assert after.start == period.end
    assert periods.previous(after) == period
    assert periods.period_at(period.start) == period
    assert periods.period_at(math.nextafter(period.end, -math.inf)) == period
    assert periods.period_at(before.start) == before


@given(ALL, st.floats(min_value=seconds("2000-01-01 00:00"), max_value=seconds("2190-01-01 00:00")))
def test_no_period_is_longer_than_is_said(periods, at):
    assert 0 < periods.period_at(at).seconds <= periods.longest_seconds


@given(ALL, MOMENTS)
def test_a_period_begins_when_the_wall_clock_shows_the_time_of_its_start_unless_that_is_skipped(periods, at):
    begin = datetime.fromtimestamp(periods.period_at(at).start, periods.zone)
    assume(begin.utcoffset() == (begin - timedelta(days=1)).utcoffset())
    assert (begin.hour, begin.minute) == (periods.start.hour, periods.start.minute)


@given(OF_MONTHS, MOMENTS)
def test_a_period_of_months_begins_on_the_day_of_its_start_or_at_the_end_of_a_shorter_month(periods, at):
    begin = datetime.fromtimestamp(periods.period_at(at).start, periods.zone)
    assume(begin.utcoffset() == (begin - timedelta(days=1)).utcoffset())
    is_last = (begin + timedelta(days=1)).month != begin.month
    assert begin.day == periods.start.day or (begin.day < periods.start.day and is_last)


def begin_by_watching_the_clock(day, time, zone):
    """When a clock on the wall shows a time of a day for the first time; a skipped time counts on from the gap."""
    local = datetime.combine(day, time)
    quarters = (datetime.combine(day, time, UTC) + timedelta(minutes=15 * n) for n in range(-4 * 27, 4 * 27))
    for earlier, instant in itertools.pairwise(quarters):
        shown = instant.astimezone(zone).replace(tzinfo=None)
        if shown == local:
            return instant.timestamp()
        if shown > local:
            return (earlier + (local - earlier.astimezone(zone).replace(tzinfo=None))).timestamp()
    raise AssertionError(f"{local} never comes in {zone}")


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Antarctica/Troll", "2026-03-29"),
        ("Antarctica/Troll", "2026-10-25"),
        ("Antarctica/Casey", "2010-03-05"),
        ("America/Santiago", "2026-09-06"),
        ("America/Santiago", "2026-04-05"),
        ("Africa/Casablanca", "2026-02-15"),
        ("Asia/Kathmandu", "2026-01-01"),
        ("America/Caracas", "2016-05-01"),
        ("Pacific/Apia", "2011-12-30"),
    ],
)
def test_begins_around_a_change_of_clocks_are_those_that_someone_who_watches_would_tell(zone, around):
    watched = ZoneInfo(zone)
    for quarter, offset in itertools.product(range(0, 24 * 4, 2), range(-2, 3)):
        moment = wall(around) + timedelta(days=offset, minutes=15 * quarter)
        day, time = moment.date(), moment.time()
        begin = begin_by_watching_the_clock(day, time, watched)
        days = CalendarPeriods(unit=CalendarUnit.DAY, zone=watched, start=datetime.combine(wall("2001-01-01"), time))
        assert days.period_at(begin).start == begin, f"{day} {time}"
