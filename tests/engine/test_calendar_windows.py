"""Calendar windows, lived through: clocks that change, resets at the boundary, forecasts, and what is too early."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.interval import Interval
from backstop.domain.slo import Budgeting, CalendarWindow, Objective, RollingWindow, Timeslice
from backstop.vocabulary import Reason, State
from tests.engine.lived import Traffic, counts_over, life, window_of

pytestmark = pytest.mark.looptime

HOUR, DAY = 3600, 86_400
BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 29, tzinfo=BERLIN)  # at 02:00 it becomes 03:00
AUTUMN = datetime(2026, 10, 25, tzinfo=BERLIN)  # at 03:00 it becomes 02:00
WEEK_DAYS = 7


def window(unit, zone=BERLIN, **more):
    return CalendarWindow(name=str(unit).lower(), periods=CalendarPeriods(unit=unit, zone=zone, **more))


DAYS, WEEKS, MONTHS = (window(unit) for unit in (CalendarUnit.DAY, CalendarUnit.WEEK, CalendarUnit.MONTH))
ALL = (DAYS, WEEKS, MONTHS, RollingWindow(name="7d", seconds=7 * DAY))
TIME = {
    "budgeting": Budgeting.TIMESLICES,
    "timeslice": Timeslice(seconds=60, target_ratio=Decimal("0.9")),
    "objective": Objective(target_percent=Decimal(90)),
}


def assert_is_the_truth(it, seen, name, start, *, rel=1e-9):
    counts = window_of(seen, name).counts
    assert counts.seconds == pytest.approx(seen.at - start)
    assert (counts.good, counts.bad) == pytest.approx(it.traffic.good_and_bad(start, seen.at), rel=rel, abs=1e-3)
    assert counts.coverage == pytest.approx(1)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)], ids=["23 hours", "25 hours"])
async def test_a_day_on_which_clocks_change_is_as_long_as_it_is_and_its_budget_is_that_of_its_hours(day, hours):
    begin = day.timestamp()
    end = begin + hours * HOUR
    traffic = Traffic(datetime.fromtimestamp(begin, UTC))
    async with life(datetime.fromtimestamp(begin - 5 * HOUR, UTC), traffic=traffic, windows=(DAYS,), **TIME) as it:
        await it.settled()
        before = await it.until(begin - 1, every=900)
        assert before.budgets[0].ends_at == begin
        for at in (begin + 30, begin + 3 * HOUR + 10, end - 60):
            await it.until(at, every=900)
            budget = (await it.settled()).budgets[0]
            assert budget.counts.seconds == pytest.approx(at - begin, abs=1)
            assert budget.ends_at == end
            assert budget.total == pytest.approx(hours * 60 * 0.1)  # in minutes, from the first second on
        after = await it.until(end + 40)
        assert after.budgets[0].counts.seconds == pytest.approx(40, abs=1)
        assert after.budgets[0].total == pytest.approx(24 * 60 * 0.1)


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["spring", "autumn"])
async def test_days_weeks_and_months_count_what_happened_in_them_over_a_change_of_clocks(day):
    begin = day.timestamp()
    traffic = Traffic(datetime.fromtimestamp(begin, UTC), seed=3)
    async with life(datetime.fromtimestamp(begin - 3 * HOUR, UTC), traffic=traffic, windows=ALL) as it:
        await it.settled()
        for at in (begin - 1800, begin + 600, begin + 2 * HOUR, begin + 26 * HOUR, begin + 27 * HOUR + 61):
            await it.until(at, every=600)
            seen = await it.settled()
            for calendar in (DAYS, WEEKS, MONTHS):
                start = calendar.periods.period_at(seen.at).start
                # Weeks and months began before we looked, in hours that were read whole: midnight is the edge of one.
                assert_is_the_truth(it, seen, calendar.name, start)


async def test_a_budget_begins_anew_at_the_boundary_and_the_rolling_one_beside_it_does_not():
    midnight = datetime(2026, 3, 5, tzinfo=BERLIN).timestamp()
    traffic = Traffic(datetime.fromtimestamp(midnight, UTC))
    traffic.set_bad(midnight - 3 * HOUR, midnight - 2 * HOUR, 1)
    rolling = RollingWindow(name="1d", seconds=DAY)
    async with life(datetime.fromtimestamp(midnight - 4 * HOUR, UTC), traffic=traffic, windows=(DAYS, rolling)) as it:
        await it.settled()
        before = await it.until(midnight - 30)
        assert before.verdict.state is State.EXHAUSTED
        at_once = await it.until(midnight)
        assert at_once.verdict.state is State.HEALTHY
        assert (at_once.budgets[0].remaining_percent, at_once.budgets[0].counts.seconds) == (100, 0)
        after = await it.until(midnight + 60)
        assert after.verdict.state is not State.EXHAUSTED
        assert_is_the_truth(it, after, "day", midnight)
        assert window_of(after, "1d").remaining_percent < 0


async def test_events_to_expect_are_forecast_from_the_period_before():
    start = datetime(2026, 3, 5, 1, 30, tzinfo=BERLIN)
    async with life(start, windows=(DAYS,)) as it:
        budget = (await it.settled()).budgets[0]
        today = DAYS.periods.period_at(it.now)
        yesterday = DAYS.periods.previous(today)
        before = sum(it.traffic.good_and_bad(yesterday.start, yesterday.end))
        assert budget.forecast
        assert budget.total == pytest.approx(before * 0.01, rel=1e-9)
        assert budget.consumed == pytest.approx(it.traffic.good_and_bad(today.start, it.now)[1], rel=1e-9)


async def test_the_hours_of_a_change_of_clocks_count_in_the_forecast():
    async with life(datetime(2026, 3, 29, 9, 0, tzinfo=BERLIN), windows=(DAYS,)) as it:
        budget = (await it.settled()).budgets[0]
        saturday = DAYS.periods.previous(DAYS.periods.period_at(it.now))
        before = sum(it.traffic.good_and_bad(saturday.start, saturday.end))
        assert budget.total == pytest.approx(before * 23 / 24 * 0.01, rel=1e-9)


async def test_without_a_past_a_period_is_too_early_until_a_twentieth_of_it_is_known():
    born = datetime(2026, 3, 5, 6, 0, tzinfo=BERLIN).timestamp()
    async with life(datetime.fromtimestamp(born + 30, UTC), windows=(DAYS,)) as it:
        it.source.silent = lambda t: t < born
        seen = await it.settled()
        assert (seen.verdict.state, seen.verdict.reason) == (State.UNKNOWN, Reason.TOO_EARLY)
        seen = await it.until(born + 0.05 * DAY - 120)
        assert seen.verdict.reason is Reason.TOO_EARLY
        seen = await it.until(born + 0.05 * DAY + 120)
        assert seen.verdict.state is not State.UNKNOWN
        tomorrow = DAYS.periods.period_at(it.now).end
        seen = await it.until(tomorrow + 90, every=600)
        assert seen.verdict.reason is not Reason.TOO_EARLY  # today tells what to expect
        assert seen.budgets[0].counts.seconds == pytest.approx(90, abs=1)


async def test_several_windows_are_each_judged_and_the_first_decides():
    start = datetime(2026, 3, 5, 12, 0, tzinfo=BERLIN)
    traffic = Traffic(start.astimezone(UTC))
    traffic.set_bad(start.timestamp() - HOUR, start.timestamp(), 1)
    month_first, day_first = (MONTHS, DAYS), (DAYS, MONTHS)
    for windows, state in ((month_first, State.HEALTHY), (day_first, State.EXHAUSTED)):
        async with life(start, traffic=traffic, windows=windows, objective=Objective(target_percent=Decimal(97))) as it:
            seen = await it.settled()
            assert [b.counts.name for b in seen.budgets] == [w.name for w in windows]
            assert seen.verdict.state is state
            for calendar in windows:
                assert_is_the_truth(it, seen, calendar.name, calendar.periods.period_at(seen.at).start)


@pytest.mark.parametrize("minutes", [7, 100, 1000, 3100])
async def test_a_restart_at_any_time_changes_no_number(minutes):
    start = datetime(2026, 3, 27, 18, 0, 41, tzinfo=UTC)  # days before the change of clocks
    async with life(start, windows=ALL) as it:
        it.tracked.exclusions = (Interval(it.now + 3000, it.now + 4111), Interval(it.now - 2 * DAY, it.now - DAY))
        await it.settled()
        lived = await it.until(start.timestamp() + minutes * 60, every=240)
        lived = await it.settled()
        it.restart()
        again = await it.settled()
        for was, now in zip(lived.budgets, again.budgets, strict=True):
            assert now.counts.events == pytest.approx(was.counts.events, rel=1e-9), was.counts.name
            assert now.counts.bad == pytest.approx(was.counts.bad, rel=1e-9, abs=1e-6)
            assert now.counts.unknown_seconds == pytest.approx(was.counts.unknown_seconds, abs=1e-6)
            assert now.total == pytest.approx(was.total, rel=1e-9)
        assert again.verdict == lived.verdict
        assert again.burn_rates == pytest.approx(lived.burn_rates, rel=1e-9)


async def test_any_pair_of_windows_can_be_asked_for():
    async with life(windows=ALL) as it:
        seen = await it.until(it.now + 3 * HOUR)
        for seconds in (180, 300, 777, HOUR, 5 * HOUR + 1):  # as fine as minutes are held
            counts = counts_over(it.tracked, seconds=seconds, at=seen.at)
            assert seconds <= counts.seconds < seconds + 60
            truth = it.traffic.good_and_bad(seen.at - counts.seconds, seen.at)
            assert (counts.good, counts.bad) == pytest.approx(truth, rel=1e-9, abs=1e-3)
        for days, step in ((1, 900), (3, 900), (10, HOUR), (30, HOUR)):
            counts = counts_over(it.tracked, seconds=days * DAY, at=seen.at)
            assert days * DAY <= counts.seconds < days * DAY + step
            truth = it.traffic.good_and_bad(seen.at - counts.seconds, seen.at)
            assert (counts.good, counts.bad) == pytest.approx(truth, rel=1e-9, abs=1e-3)
        excluded = Interval(seen.at - 600, seen.at - 300)
        it.tracked.exclusions = (excluded,)
        counts = counts_over(it.tracked, seconds=900, at=seen.at)
        whole, less = (
            it.traffic.good_and_bad(seen.at - counts.seconds, seen.at),
            it.traffic.good_and_bad(*edges(excluded)),
        )
        assert (counts.good, counts.bad) == pytest.approx((whole[0] - less[0], whole[1] - less[1]), abs=1e-3)
        assert counts.excluded_seconds == 300


def edges(interval):
    return interval.start, interval.end
