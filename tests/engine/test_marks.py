"""Instants that have to be known exactly stay so when the minutes around them have rolled on, or are read again."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.errors import QueryRejected, SourceUnreachable
from backstop.domain.interval import Interval
from backstop.domain.slo import Budgeting, CalendarWindow, RollingWindow, Timeslice
from tests.engine.lived import life, window_of

pytestmark = pytest.mark.looptime

START = datetime(2026, 3, 4, 12, 0, 17, tzinfo=UTC)
NOW = START.timestamp()
HOUR, DAY = 3600, 86_400
WEEK = RollingWindow(name="7d", seconds=7 * DAY)
TEN_PAST_SIX = CalendarPeriods(
    unit=CalendarUnit.DAY,
    zone=ZoneInfo("Europe/Berlin"),
    start=datetime(2026, 1, 5, 6, 10),  # noqa: DTZ001  wall-clock time
)
KATHMANDU = CalendarPeriods(unit=CalendarUnit.WEEK, zone=ZoneInfo("Asia/Kathmandu"))  # begins at 18:15 in UTC


def calendar(periods, name="period"):
    return CalendarWindow(name=name, periods=periods)


def assert_counts(budget, expected, *, rel=1e-9):
    assert (budget.counts.good, budget.counts.bad) == pytest.approx(expected, rel=rel, abs=1e-3)


async def test_a_calendar_start_between_quarters_stays_exact_while_hours_go_by():
    async with life(windows=(calendar(TEN_PAST_SIX),)) as it:
        begin = TEN_PAST_SIX.period_at(it.now).start
        for hours in (1, 3, 9, 16):
            seen = await it.until(NOW + hours * HOUR)
            assert TEN_PAST_SIX.period_at(seen.at).start == begin
            assert_counts(seen.budgets[0], it.traffic.good_and_bad(begin, seen.at))
            assert seen.budgets[0].counts.coverage == pytest.approx(1)


async def test_a_period_that_began_before_we_looked_is_read_again_to_the_minute():
    async with life(datetime(2026, 3, 7, 3, 0, tzinfo=UTC), windows=(calendar(KATHMANDU, "week"), WEEK)) as it:
        seen = await it.settled()
        period = KATHMANDU.period_at(seen.at)
        assert seen.at - period.start > 3 * DAY  # the quarters have rolled on
        assert_counts(window_of(seen, "week"), it.traffic.good_and_bad(period.start, seen.at))
        assert seen.history.lost_edges == ()
        reads = len(it.source.asked)
        await it.tick()
        assert not [a for a in it.source.asked[reads:] if a.at is not None and a.at < period.start + HOUR]  # once


EDGES = [
    pytest.param((2 * HOUR, 3 * HOUR), id="on the hour"),
    pytest.param((2 * HOUR + 7 * 60, 3 * HOUR + 22 * 60), id="on the minute"),
    pytest.param((2 * HOUR + 431.5, 2 * HOUR + 1000.25), id="anywhere"),
    pytest.param((2 * HOUR + 10, 2 * HOUR + 20), id="within a minute"),
]


@pytest.mark.parametrize("edges", EDGES)
async def test_an_exclusion_that_was_lived_through_stays_exact_when_the_minutes_have_rolled_on(edges):
    async with life(windows=(WEEK,)) as it:
        await it.settled()
        excluded = Interval(NOW + edges[0], NOW + edges[1])
        it.tracked.exclusions = (excluded,)
        for hours in (1, 4, 10):
            seen = await it.until(NOW + hours * HOUR)
            whole = it.traffic.good_and_bad(seen.at - 7 * DAY, seen.at)
            passed = min(seen.at, excluded.end)
            less = it.traffic.good_and_bad(excluded.start, passed) if passed > excluded.start else (0, 0)
            # The start of a week ago lies within an hour of backfill: that is the ledger's resolution.
            assert_counts(seen.budgets[0], (whole[0] - less[0], whole[1] - less[1]), rel=1e-3)
        without = it.traffic.good_and_bad(excluded.start, excluded.end)
        it.tracked.exclusions = ()
        plain = await it.tick()
        gone = plain.budgets[0].counts
        assert gone.good - seen.budgets[0].counts.good == pytest.approx(without[0], abs=1e-2)
        assert gone.bad - seen.budgets[0].counts.bad == pytest.approx(without[1], abs=1e-2)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("ago", [HOUR, 20 * HOUR, 4 * DAY], ids=["in minutes", "in quarters", "in hours"])
async def test_an_exclusion_in_the_past_is_read_again_to_the_second(edges, ago):
    excluded = Interval(NOW - ago - 4 * HOUR + edges[0], NOW - ago - 4 * HOUR + edges[1])
    async with life(windows=(WEEK,)) as it:
        before = await it.settled()
        it.tracked.exclusions = (excluded,)
        seen = await it.settled()
        less = it.traffic.good_and_bad(excluded.start, excluded.end)
        counts, plain = seen.budgets[0].counts, before.budgets[0].counts
        assert counts.excluded_seconds == pytest.approx(excluded.seconds)
        assert (plain.good - counts.good, plain.bad - counts.bad) == pytest.approx(less, abs=1e-2)
        assert seen.history.lost_edges == ()
        it.tracked.exclusions = ()
        assert (await it.tick()).budgets == before.budgets


@pytest.mark.parametrize("length", [60, 180, 1800, 3600])
@pytest.mark.parametrize("ago", [20 * HOUR, 4 * DAY], ids=["in quarters", "in hours"])
async def test_edges_within_slices_take_the_part_of_the_slice_that_they_cut(length, ago):
    timeslice = Timeslice(seconds=length, target_ratio=Decimal("0.99"))
    slo = {"budgeting": Budgeting.TIMESLICES, "timeslice": timeslice, "windows": (WEEK,)}
    excluded = Interval(NOW - ago + 1300, NOW - ago + 6500)
    async with life(**slo) as it:
        before = await it.settled()
        it.tracked.exclusions = (excluded,)
        seen = await it.settled()
        assert seen.history.lost_edges == ()
        counts, plain = seen.budgets[0].counts, before.budgets[0].counts
        assert (plain.events - counts.events) * length == pytest.approx(excluded.seconds, abs=1e-3)
        assert plain.bad - counts.bad == pytest.approx(bad_slices(it.traffic, excluded, length), abs=1e-6)


def bad_slices(traffic, interval, length):
    """Slices whose share of good events is under 99 %, each as far as it lies in the interval."""
    bad = 0.0
    first = int(interval.start // length) * length
    for start in range(first, int(interval.end) + 1, length):
        good, errors = traffic.good_and_bad(start, start + length)
        inside = min(interval.end, start + length) - max(interval.start, start)
        if inside > 0 and good + errors > 0 and good / (good + errors) < 0.99:
            bad += inside / length
    return bad


async def test_an_edge_that_the_source_has_forgotten_is_told_and_spread_over_its_slice():
    excluded = Interval(NOW - 4 * DAY + 431, NOW - 4 * DAY + 5000)
    async with life(windows=(WEEK,)) as it:
        await it.settled()
        it.source.silent = lambda t: t < NOW - 2 * DAY  # what retention does
        it.tracked.exclusions = (excluded,)
        seen = await it.settled()
        assert seen.history.lost_edges == (excluded.start, excluded.end)
        assert seen.budgets[0].counts.excluded_seconds == pytest.approx(excluded.seconds)
        assert seen.budgets[0].counts.coverage == pytest.approx(1)
        it.tracked.exclusions = ()
        assert (await it.tick()).history.lost_edges == ()


async def test_a_gap_that_was_known_when_it_was_sealed_is_no_loss():
    async with life(windows=(WEEK,)) as it:
        await it.settled()
        gap = (NOW + HOUR + 60, NOW + 2 * HOUR)
        it.source.silent = lambda t: gap[0] <= t < gap[1]
        await it.until(NOW + 10 * HOUR)
        it.tracked.exclusions = (Interval(NOW + HOUR + 30 * 60 + 7, NOW + 3 * HOUR + 11),)
        seen = await it.settled()
        assert seen.history.lost_edges == ()
        less = it.traffic.good_and_bad(NOW + 2 * HOUR + 60, NOW + 3 * HOUR + 11)
        it.tracked.exclusions = ()
        plain = (await it.tick()).budgets[0].counts
        counts = seen.budgets[0].counts
        assert plain.good - counts.good == pytest.approx(less[0], rel=0.02)
        assert counts.unknown_seconds == pytest.approx(plain.unknown_seconds - (gap[1] - gap[0]) / 2, abs=130)


async def test_an_exclusion_that_reaches_over_the_oldest_time_is_not_read_again_at_every_tick():
    async with life(windows=(WEEK,)) as it:
        await it.settled()
        horizon = 7 * DAY
        it.tracked.exclusions = (Interval(it.now - horizon, it.now - 5 * DAY),)  # cut at the horizon, as it comes
        await it.settled()
        asked = len(it.source.asked)
        for _ in range(5):
            it.tracked.exclusions = (Interval(it.now - horizon, it.tracked.exclusions[0].end),)
            await it.run(60, every=30)
        old = [a for a in it.source.asked[asked:] if a.at is not None and a.at < it.now - DAY]
        assert old == []


async def test_marks_are_kept_over_a_restart_of_the_row_and_forgotten_when_nothing_asks():
    async with life(windows=(calendar(TEN_PAST_SIX), WEEK)) as it:
        await it.settled()
        ledger, row = it.tracked.ledger, it.tracked.row
        period = TEN_PAST_SIX.period_at(it.now)
        expected = {period.start, TEN_PAST_SIX.previous(period).start}
        assert {mark.at for mark in ledger.marks(row)} == expected
        await it.until(period.end + 120, every=300)
        assert {mark.at for mark in ledger.marks(row)} == {period.start, period.end}
        it.evaluator.forget(it.tracked)
        assert ledger._marks == {}


async def test_an_edge_that_the_source_refuses_to_read_is_told_and_one_that_fails_is_tried_again():
    excluded = Interval(NOW - 4 * DAY + 431, NOW - 4 * DAY + 5000)
    async with life(windows=(WEEK,)) as it:
        await it.settled()
        whole = it.source.query_range

        async def failing(*_, **__):
            raise SourceUnreachable("no route")

        it.source.query_range = failing
        it.tracked.exclusions = (excluded,)
        seen = await it.settled()
        assert seen.history.lost_edges == ()
        assert it.tracked.wanted_marks == {excluded.start, excluded.end}
        it.source.query_range = whole
        await it.run(120)
        assert it.tracked.marked == {excluded.start, excluded.end}

        async def refusing(*_, **__):
            raise QueryRejected("query processing would load too many samples")

        it.source.query_range = refusing
        other = Interval(NOW - 3 * DAY - 4 * HOUR + 431, NOW - 3 * DAY - 2 * HOUR)
        it.tracked.exclusions = (other,)
        seen = await it.settled()
        assert other.start in seen.history.lost_edges
        asked = len(it.source.asked)
        await it.run(300)
        assert not [a for a in it.source.asked[asked:] if a.at is not None and a.at < NOW - DAY]
