"""Samples that can be read only some time after they were taken (semantics E5)."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backstop.domain.slo import Budgeting, Evaluation, RollingWindow, Timeslice
from backstop.engine.evaluator import SEAL_MARGIN_SECONDS
from tests.engine.harness import Harness
from tests.engine.lived import ClockFrom, Life, Traffic
from tests.fakes.counters import SCRAPE_SECONDS, CounterSource

pytestmark = pytest.mark.looptime

START = datetime(2026, 3, 4, 12, 0, 17, tzinfo=UTC)
HOUR = RollingWindow(name="1h", seconds=3600)
EVENTS = {}
MINUTES = {
    "budgeting": Budgeting.TIMESLICES,
    "timeslice": Timeslice(seconds=60, target_ratio=Decimal("0.999")),
}


@asynccontextmanager
async def life_behind(lag, *, slo=EVENTS, **settings):
    """An SLO on a source that shows every sample `lag` seconds late."""
    clock, traffic = ClockFrom(START), Traffic(START)
    source = CounterSource(clock)

    def late(told):
        return lambda t: told(min(t, clock.now().timestamp() - lag))

    source.counters = {name: late(traffic.counter(name)) for name in ("requests_total", "errors_total")}
    told = source._value

    def value(term, name, at):
        newest = clock.now().timestamp() - lag
        return min(at - 1, newest) if name == "newest" else told(term, name, at)

    source._value = value
    async with Harness.running(source, clock, **settings) as harness:
        yield Life(harness, source, traffic, windows=(HOUR,), evaluation=Evaluation(stale_after_seconds=300), **slo)


def events(seen):
    return seen.budgets[0].counts.events


def truth(it, seen):
    return sum(it.traffic.good_and_bad(seen.at - seen.budgets[0].counts.seconds, seen.at))


@pytest.mark.parametrize("lag", [30, 60, 300])
async def test_with_the_delay_told_nothing_is_lost(lag):
    async with life_behind(lag, ingestion_delay_seconds=lag) as it:
        seen = await it.run(2 * 3600, every=30)
        assert seen.at == int(it.now - lag)
        assert events(seen) == pytest.approx(truth(it, seen), rel=1e-9)
        assert seen.data.available


async def test_without_it_samples_later_than_a_scrape_are_lost_for_good():
    async with life_behind(60) as it:
        seen = await it.run(2 * 3600, every=30)
        assert events(seen) < 0.8 * truth(it, seen)


async def test_samples_later_than_a_scrape_are_counted_apart():
    async with life_behind(60) as it:
        await it.run(4 * 3600, every=30)
        late = it.harness.telemetry.late_events
        assert len(late) >= 3  # one slice in half an hour is looked at, and a third of the minutes has no request
        assert all(events > 0 for events in late)


@pytest.mark.parametrize("settings", [{"lag": SCRAPE_SECONDS}, {"lag": 60, "ingestion_delay_seconds": 60}])
@pytest.mark.parametrize("slo", [EVENTS, MINUTES], ids=["events", "minutes"])
async def test_samples_in_time_are_not_taken_for_late_ones(settings, slo):
    async with life_behind(**settings, slo=slo) as it:
        await it.run(4 * 3600, every=30)
        assert it.harness.telemetry.late_events == []


async def test_without_it_a_scrape_that_takes_its_whole_interval_is_still_counted():
    async with life_behind(SCRAPE_SECONDS) as it:
        seen = await it.run(2 * 3600, every=30)
        sealed = it.tracked.ledger.newest(it.tracked.row)
        assert it.now - sealed >= SCRAPE_SECONDS + SEAL_MARGIN_SECONDS
        begins = seen.at - seen.budgets[0].counts.seconds
        whole = sum(it.traffic.good_and_bad(begins, seen.at - SCRAPE_SECONDS))
        assert events(seen) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_slice_is_sealed_once_the_delay_and_a_margin_have_passed_since_its_end(delay):
    async with life_behind(delay, ingestion_delay_seconds=delay) as it:
        await it.tick()
        end = START.timestamp() // 60 * 60 + 600
        for seconds, sealed in ((-1, False), (0, True)):
            await it.until(end + delay + SEAL_MARGIN_SECONDS + seconds, every=60)
            assert (it.tracked.ledger.newest(it.tracked.row) >= end) is sealed
