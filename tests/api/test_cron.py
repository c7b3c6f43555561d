"""Schedules: what is refused, and what clocks that change do to the others."""

from datetime import datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.api.cron import Cron, cron_problem

BERLIN = ZoneInfo("Europe/Berlin")


def starts(expression, since, count, zone=BERLIN):
    """Return wall-clock times, as a person in the zone would note them down."""
    begin = datetime.fromisoformat(since).replace(tzinfo=zone).timestamp()
    found = islice(Cron(expression, zone).starts(begin), count)
    return [datetime.fromtimestamp(at, zone).strftime("%d %H:%M %Z") for at in found]


@pytest.mark.parametrize(
    "expression",
    [
        "0 2 * * *",
        "30 2 * * 6",
        "0 2 1 * *",
        "0 2 L * *",
        "0 2 * * MON-FRI",
        "15 */6 * * *",
        "0 0 29 2 *",
        "0 2 * * 5L",
    ],
)
def test_the_usual_schedules_can_be_followed(expression):
    assert cron_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        pytest.param("0 0 30 2 *", "never comes: no such month has a day 30", id="30 February"),
        pytest.param("0 0 31 4,6,9,11 *", "never comes: no such month has a day 31", id="31 of short months"),
        pytest.param("0 0 */27 2 SUN#5", "never comes: there is no such day", id="a fifth Sunday on the 28th"),
        pytest.param("* 2 * * *", "begins 60 times an hour; write one minute", id="a forgotten minute"),
        pytest.param("* * * * *", "begins 60 times an hour", id="always"),
        pytest.param("*/10 * * * *", "begins 6 times an hour", id="often"),
        pytest.param("0 25 * * *", "is no schedule: bad hour", id="hour 25"),
        pytest.param("60 2 * * *", "is no schedule: bad minute", id="minute 60"),
        pytest.param("0 2 * * 8", "is no schedule: bad day-of-week", id="day 8"),
        pytest.param("0 2 * *", "has 4 fields", id="a field too few"),
        pytest.param("0 0 2 * * *", "has 6 fields", id="with seconds"),
        pytest.param("@daily", "has 1 fields", id="a nickname"),
        pytest.param("", "has 1 fields", id="empty"),
        pytest.param("at two o'clock every day", "is no schedule", id="prose"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_what_to_write(expression, problem):
    told = cron_problem(expression)
    assert told is not None
    assert told.startswith(problem)
    assert "for example 0 2 * *" in told


@given(st.text(max_size=60) | st.text(alphabet="0123456789*,-/#LW MONFEB", max_size=40))
def test_any_text_is_a_schedule_or_a_problem(expression):
    if cron_problem(expression) is None:
        assert next(Cron(expression, BERLIN).starts(0.0)) >= 0.0


def test_a_start_is_included_when_it_is_asked_for_exactly():
    at = datetime(2026, 6, 1, 2, 0, tzinfo=BERLIN).timestamp()
    assert next(Cron("0 2 * * *", BERLIN).starts(at)) == at
    assert next(Cron("0 2 * * *", BERLIN).starts(at + 1)) == at + 86_400


def test_a_time_of_day_keeps_its_place_on_the_wall_when_clocks_change():
    assert starts("0 4 * * *", "2026-03-28T00:00", 3) == ["28 04:00 CET", "29 04:00 CEST", "30 04:00 CEST"]
    assert starts("0 4 * * *", "2026-10-24T00:00", 3) == ["24 04:00 CEST", "25 04:00 CET", "26 04:00 CET"]


def test_a_time_of_day_that_is_skipped_comes_at_the_end_of_the_gap():
    assert starts("30 2 * * *", "2026-03-28T00:00", 3) == ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"]


def test_a_time_of_day_that_comes_twice_is_taken_the_first_time():
    assert starts("30 2 * * *", "2026-10-24T00:00", 3) == ["24 02:30 CEST", "25 02:30 CEST", "26 02:30 CET"]


@pytest.mark.parametrize("fold", [0, 1])
def test_within_the_hour_that_comes_twice_nothing_is_repeated(fold):
    since = datetime(2026, 10, 25, 2, 45, tzinfo=BERLIN, fold=fold).timestamp()
    first = next(Cron("30 2 * * *", BERLIN).starts(since))
    assert datetime.fromtimestamp(first, BERLIN).strftime("%d %H:%M %Z") == "26 02:30 CET"


def test_every_hour_follows_elapsed_time():
    spring = starts("0 * * * *", "2026-03-29T00:00", 4)
    autumn = starts("0 * * * *", "2026-10-25T01:00", 4)
    assert spring == ["29 00:00 CET", "29 01:00 CET", "29 03:00 CEST", "29 04:00 CEST"]
    assert autumn == ["25 01:00 CEST", "25 02:00 CEST", "25 02:00 CET", "25 03:00 CET"]


@given(
    since=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001  wall clock
    expression=st.sampled_from(["30 2 * * *", "0 2 * * 6", "0 * * * *", "59 1 * * *", "0 0 * * *"]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_starts_are_in_order_and_never_before_they_were_asked_for(since, expression, zone):
    at = since.replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = list(islice(Cron(expression, ZoneInfo(zone)).starts(at), 5))
    assert found[0] >= at
    assert all(earlier < later for earlier, later in pairwise(found))
    assert found[0] - at <= timedelta(days=7, hours=2).total_seconds()
