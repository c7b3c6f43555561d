"""What is excluded from a budget, lived through: it is as if that time had never been, and comes back when it is."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.interval import Interval, clip, merge, total_seconds
from backstop.domain.slo import Budgeting, CalendarWindow, Objective, RollingWindow, Timeslice
from backstop.engine.assess import assess
from backstop.vocabulary import Reason, State
from tests.engine.lived import Traffic, counts_over, life, window_of

pytestmark = pytest.mark.looptime

START = datetime(2026, 3, 4, 12, 0, 17, tzinfo=UTC)
NOW = START.timestamp()
HOUR, DAY = 3600, 86_400
FOUR_HOURS = RollingWindow(name="4h", seconds=4 * HOUR)
WEEK = RollingWindow(name="7d", seconds=7 * DAY)
TODAY = CalendarWindow(name="day", periods=CalendarPeriods(unit=CalendarUnit.DAY, zone=ZoneInfo("UTC")))
TIME = {
    "budgeting": Budgeting.TIMESLICES,
    "timeslice": Timeslice(seconds=60, target_ratio=Decimal("0.9")),
    "objective": Objective(target_percent=Decimal(90)),
}


def judged(it):
    """Judge again, without asking the source anything."""
    return assess([it.tracked], it.tracked.ledger, at=it.tracked.assessment.at, clock_skew_seconds=0.0)[0]


async def test_a_budget_is_that_of_the_rest():
    traffic = Traffic(START)
    outage = Interval(NOW // 60 * 60 - 2 * HOUR, NOW // 60 * 60 - HOUR)
    traffic.set_bad(outage.start, outage.end, 1)
    async with life(traffic=traffic, windows=(FOUR_HOURS,), objective=TIME["objective"]) as it:
        seen = await it.settled()
        assert seen.verdict.state is State.EXHAUSTED
        assert seen.burn_rates["2h"] > 3
        it.tracked.exclusions = (outage,)
        seen = await it.tick()
        budget = seen.budgets[0]
        good = traffic.good_and_bad(seen.at - 4 * HOUR, outage.start)[0] + traffic.good_and_bad(outage.end, seen.at)[0]
        assert budget.counts.good == pytest.approx(good)
        assert budget.counts.excluded_seconds == pytest.approx(HOUR)
        assert budget.counts.coverage == pytest.approx(1)
        assert seen.verdict.state is not State.EXHAUSTED
        assert seen.burn_rates["2h"] < 1


async def test_a_budget_of_time_shrinks_by_what_is_excluded():
    async with life(windows=(FOUR_HOURS, TODAY), **TIME) as it:
        await it.settled()
        it.tracked.exclusions = (Interval(NOW - 2 * HOUR, NOW - HOUR),)
        seen = await it.tick()
        assert window_of(seen, "4h").total == pytest.approx(3 * 60 * 0.1)
        assert window_of(seen, "day").total == pytest.approx(23 * 60 * 0.1)


async def test_maintenance_that_is_under_way_stops_the_budget_where_it_is():
    traffic = Traffic(START)
    begin = NOW // 60 * 60 + 600
    traffic.set_bad(begin, begin + 2 * HOUR, 1)
    async with life(traffic=traffic, windows=(TODAY,)) as it:
        await it.settled()
        before = await it.until(begin)
        it.tracked.exclusions = (Interval(begin, begin + 2 * HOUR),)
        for minutes in (1, 20, 100):
            seen = await it.until(begin + minutes * 60)
            assert seen.budgets[0].counts.bad == pytest.approx(before.budgets[0].counts.bad, abs=1e-3)
            assert seen.budgets[0].counts.excluded_seconds == pytest.approx(minutes * 60, abs=1)
            assert "5m" in seen.burn_rates or minutes >= 5  # a window that is all excluded has no burn rate


async def test_a_window_that_is_all_excluded_is_not_judged():
    async with life(windows=(FOUR_HOURS,)) as it:
        await it.settled()
        it.tracked.exclusions = (Interval(NOW - 5 * HOUR, NOW + HOUR),)
        seen = await it.tick()
        assert (seen.verdict.state, seen.verdict.reason) == (State.UNKNOWN, Reason.TOO_EARLY)
        assert seen.burn_rates.keys() <= {"6h", "1d", "3d"}
        assert seen.budgets[0].remaining_percent is None


async def test_what_is_unknown_and_excluded_is_excluded():
    async with life(windows=(FOUR_HOURS,)) as it:
        await it.settled()
        gap = Interval(NOW // 60 * 60 + 600, NOW // 60 * 60 + 1800)
        it.source.silent = lambda t: t in gap
        seen = await it.until(NOW + HOUR)
        assert seen.budgets[0].counts.unknown_seconds == pytest.approx(1200, abs=61)
        it.tracked.exclusions = (Interval(gap.start - 60, gap.end + 60),)
        seen = await it.tick()
        assert seen.budgets[0].counts.unknown_seconds == pytest.approx(0, abs=1e-6)
        assert seen.budgets[0].counts.coverage == 1


minutes = st.integers(-6 * 60 + 2, 20).map(lambda minute: NOW // 60 * 60 + minute * 60)
exclusions = st.lists(st.tuples(minutes, minutes).map(lambda pair: Interval(*sorted(pair))), min_size=1, max_size=6)


def exclusions_hold(it):
    """Whatever is excluded now, without time going by."""
    plain = judged(it)

    @settings(max_examples=40, deadline=None)
    @given(excluded=exclusions, seconds=st.integers(300, 5 * HOUR))
    def holds(excluded, seconds):
        it.tracked.exclusions = merge(excluded)
        seen = judged(it)
        counts = counts_over(it.tracked, seconds=seconds, at=seen.at)
        assert counts.excluded_seconds == pytest.approx(
            total_seconds(clip(excluded, seen.at - counts.seconds, seen.at))
        )
        it.tracked.exclusions = merge([*excluded, *excluded])
        assert judged(it).budgets == seen.budgets
        it.tracked.exclusions = ()
        assert counts.events <= counts_over(it.tracked, seconds=seconds, at=seen.at).events + 1e-6
        assert judged(it).budgets == plain.budgets

    holds()


@pytest.mark.parametrize("slo", [{}, TIME], ids=["events", "time"])
async def test_any_exclusions_are_left_out_once_and_taken_back_without_a_trace(slo):
    async with life(windows=(FOUR_HOURS, TODAY, WEEK), **slo) as it:
        await it.settled()
        exclusions_hold(it)
        await it.until(it.now + 7 * HOUR, every=600)
        await it.settled()
        exclusions_hold(it)


async def test_an_slo_under_many_exclusions_is_judged_without_asking_the_source_more():
    async with life(windows=(WEEK,)) as it:
        await it.settled()
        nightly = tuple(
            Interval(NOW // DAY * DAY - day * DAY, NOW // DAY * DAY - day * DAY + HOUR) for day in range(6, -1, -1)
        )
        it.tracked.exclusions = nightly
        await it.settled()
        assert all(i.start in it.tracked.marked for i in nightly)
        asked = len(it.source.asked)
        await it.run(120, every=60)
        ranges = [a for a in it.source.asked[asked:] if a.at is not None and a.at < NOW - HOUR]
        assert ranges == []
