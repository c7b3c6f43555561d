"""Budgets of time, lived through: sealed slices, the head and history agree with every slice of the truth."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backstop.domain.budget import BudgetUnit
from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.errors import QueryRejected
from backstop.domain.slo import Budgeting, CalendarWindow, Objective, RollingWindow, Timeslice
from tests.engine.lived import Traffic, counts_over, life, window_of

pytestmark = pytest.mark.looptime

START = datetime(2026, 3, 4, 12, 0, 17, tzinfo=UTC)
HOUR, DAY = 3600, 86_400
WEEK = RollingWindow(name="7d", seconds=7 * DAY)
TODAY = CalendarWindow(name="day", periods=CalendarPeriods(unit=CalendarUnit.DAY, zone=ZoneInfo("UTC")))
NINETY_FIVE = Objective(target_percent=Decimal(95))
TARGET = Decimal("0.95")


def slices(length, *, target=TARGET):
    return {
        "objective": NINETY_FIVE,
        "budgeting": Budgeting.RATIO_TIMESLICES if target is None else Budgeting.TIMESLICES,
        "timeslice": Timeslice(seconds=length, target_ratio=target),
    }


def bad_share(traffic, start, end, target):
    good, bad = traffic.good_and_bad(start, end)
    if good + bad == 0:
        return 0.0
    share = bad / (good + bad)
    return share if target is None else float(1 - share < float(target))


def brute_force(traffic, length, start, at, *, sealed, target=TARGET):
    """Return good and bad slices from `start` to `at`: each on its own, and the head since `sealed` as one."""
    bad = 0.0
    for begin in range(int(start // length) * length, sealed, length):
        inside = begin + length - max(begin, start)
        bad += max(inside, 0.0) / length * bad_share(traffic, begin, begin + length, target)
    bad += (at - sealed) / length * bad_share(traffic, sealed, at, target)
    return (at - start) / length - bad, bad


def assert_agrees(it, seen, name, start, length, target):
    sealed = it.tracked.ledger.newest(it.tracked.row)
    expected = brute_force(it.traffic, length, start, seen.at, sealed=sealed, target=target)
    counts = window_of(seen, name).counts
    assert (counts.good, counts.bad) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert counts.unknown_seconds == 0


@pytest.mark.parametrize("target", [TARGET, None], ids=["Timeslices", "RatioTimeslices"])
@pytest.mark.parametrize("length", [60, 300, 3600], ids=["1m", "5m", "1h"])
async def test_every_slice_is_counted_once_whether_it_was_read_live_or_from_history(length, target):
    async with life(windows=(WEEK, TODAY), **slices(length, target=target)) as it:
        seen = await it.settled()
        for hours in (2.3, 8, 14.1):
            midnight = TODAY.periods.period_at(seen.at).start
            assert_agrees(it, seen, "day", midnight, length, target)
            # A week ago lies within an hour that is held as a whole: from its end on it is exact.
            lived = counts_over(it.tracked, seconds=seen.at - (seen.at - 6 * DAY) // HOUR * HOUR, at=seen.at)
            sealed = it.tracked.ledger.newest(it.tracked.row)
            expected = brute_force(it.traffic, length, seen.at - lived.seconds, seen.at, sealed=sealed, target=target)
            assert (lived.good, lived.bad) == pytest.approx(expected, rel=1e-6, abs=1e-6)
            seen = await it.until(START.timestamp() + hours * HOUR)


@pytest.mark.parametrize("length", [60, 300, 3600], ids=["1m", "5m", "1h"])
async def test_a_restart_at_any_slice_ends_at_the_same_numbers(length):
    async with life(windows=(WEEK, TODAY), **slices(length)) as it:
        await it.settled()
        for minutes in (7, 61, 399):
            lived = await it.until(START.timestamp() + minutes * 60)
            it.restart()
            again = await it.settled()
            assert again.at == lived.at
            for was, now in zip(lived.budgets, again.budgets, strict=True):
                assert (now.counts.good, now.counts.bad) == pytest.approx((was.counts.good, was.counts.bad), abs=1e-6)
            assert again.burn_rates == pytest.approx(lived.burn_rates, abs=1e-6)


async def test_openslos_figure_two_weeks_of_minutes_at_95_percent_allow_1008_bad_ones():
    traffic = Traffic(START)
    traffic.set_bad(traffic.begins, traffic.begins + 85 * DAY, 0)
    fortnight = RollingWindow(name="14d", seconds=14 * DAY)
    async with life(traffic=traffic, windows=(fortnight,), **slices(60)) as it:
        budget = (await it.settled()).budgets[0]
        assert (budget.unit, budget.total, budget.consumed) == (BudgetUnit.MINUTES, pytest.approx(1008), 0)
        began = START.timestamp() // 60 * 60 + 60
        traffic.set_bad(began, began + 100 * 60, 1)
        it.source.counters = {name: traffic.counter(name) for name in ("requests_total", "errors_total")}
        silent = (traffic.of_minutes(began, began + 100 * 60)[0] == 0).sum()  # a minute without traffic is a good one
        budget = (await it.until(began + 3 * HOUR)).budgets[0]
        assert budget.consumed == pytest.approx(100 - silent)
        assert budget.remaining == pytest.approx(1008 - 100 + silent)
        assert budget.remaining_percent == pytest.approx((1008 - 100 + silent) / 1008 * 100)


async def test_an_hour_of_heavy_traffic_weighs_as_much_as_one_of_light_traffic():
    async with life(windows=(RollingWindow(name="2h", seconds=2 * HOUR),), **slices(60, target=None)) as it:
        hour = START.timestamp() // HOUR * HOUR
        it.source.counters = {
            "requests_total": lambda t: min(t, hour) * 1000 + max(t - hour, 0.0),  # a thousandth from noon on
            "errors_total": lambda t: max(t - hour, 0.0),  # and of that everything fails
        }
        seen = await it.until(hour + HOUR)
        assert seen.budgets[0].sli_percent == pytest.approx(50, abs=0.1)


async def test_a_burn_rate_needs_five_slices():
    async with life(windows=(WEEK,), **slices(1800)) as it:
        seen = await it.settled()
        assert set(seen.burn_rates) == {"6h", "1d", "3d"}
        for name, seconds in (("6h", 6 * HOUR), ("1d", DAY), ("3d", 3 * DAY)):
            counts = counts_over(it.tracked, seconds=seconds, at=seen.at)
            assert seen.burn_rates[name] == pytest.approx(counts.bad / (counts.good + counts.bad) / 0.05)


async def test_history_of_short_slices_is_read_in_parts_where_the_source_bears_no_more():
    """Four hours of one-minute slices make one column of a year: far more than one query may hold."""
    year = RollingWindow(name="50d", seconds=50 * DAY)
    async with life(windows=(year,), **slices(60)) as it:
        whole = it.source.query_range

        async def limited(expression, *, start, end, step):
            if (end - start) / step >= 100:
                raise QueryRejected("query processing would load too many samples")
            return await whole(expression, start=start, end=end, step=step)

        it.source.query_range = limited
        seen = await it.settled()
        assert it.tracked.history_read
        assert seen.budgets[0].counts.coverage == pytest.approx(1, abs=1e-3)
        begin = (seen.at - 40 * DAY) // (4 * HOUR) * 4 * HOUR
        counts = counts_over(it.tracked, seconds=seen.at - begin, at=seen.at)
        sealed = it.tracked.ledger.newest(it.tracked.row)
        expected = brute_force(it.traffic, 60, begin, seen.at, sealed=sealed)
        assert (counts.good, counts.bad) == pytest.approx(expected, rel=1e-6)


async def test_missed_slices_are_caught_up_one_by_one():
    async with life(windows=(WEEK, TODAY), **slices(300)) as it:
        await it.settled()
        it.source.fail(QueryRejected("no"), on="requests_total")
        await it.until(START.timestamp() + 9 * HOUR, every=600)
        it.source.recover()
        seen = await it.settled()
        assert_agrees(it, seen, "day", TODAY.periods.period_at(seen.at).start, 300, TARGET)
