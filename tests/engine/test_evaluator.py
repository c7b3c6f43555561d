"""The evaluator over hours of simulated time, against counters whose truth is known."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from math import nan

import pytest

from backstop.domain.errors import QueryRejected, SourceUnreachable
from backstop.domain.slo import Evaluation, RatioIndicator, RollingWindow
from backstop.engine.tracked import Tracked
from backstop.ports.metrics import InstantAnswer, Sample
from backstop.vocabulary import Reason, State
from tests.builders import HOUR, a_slo
from tests.engine.harness import Harness
from tests.fakes.clock import START, LoopClock
from tests.fakes.counters import CounterSource

pytestmark = pytest.mark.looptime

BORN = START.timestamp() - 40 * 86_400
INDICATOR = RatioIndicator(total="requests_total", bad="errors_total")
TEN_DAYS = RollingWindow(name="10d", seconds=864_000)


def steady(per_second, since=BORN):
    return lambda t: max(t - since, 0.0) * per_second


class Scene:
    """One SLO, one source, one clock."""

    def __init__(self, harness, clock, source, **slo):
        self.harness, self.clock, self.source = harness, clock, source
        self.tracked = Tracked(slo=a_slo(**({"indicator": INDICATOR} | slo)))

    async def tick(self):
        (seen,) = [each async for each in self.harness.evaluator.evaluate([self.tracked])]
        async with asyncio.timeout(600):
            await self.harness.evaluator.history.idle()
        return seen

    async def run(self, seconds, every=30):
        """Evaluate for a while and return the last assessment."""
        seen = await self.tick()
        for _ in range(int(seconds // every)):
            await asyncio.sleep(every)
            seen = await self.tick()
        return seen


@asynccontextmanager
async def scene(**slo):
    clock = LoopClock()
    source = CounterSource(clock)
    source.counters = {"requests_total": steady(10), "errors_total": steady(0.05)}
    async with Harness.running(source, clock) as harness:
        yield Scene(harness, clock, source, **slo)


async def test_history_fills_all_windows_within_the_second_evaluation():
    async with scene(windows=(TEN_DAYS, HOUR)) as s:
        await s.tick()
        seen = await s.tick()
        for budget in seen.budgets:
            assert budget.sli_percent == pytest.approx(99.5, rel=1e-9)
            assert budget.counts.coverage == pytest.approx(1, abs=1e-3)
            assert budget.counts.good + budget.counts.bad == pytest.approx(10 * budget.counts.seconds, rel=1e-3)
        assert seen.burn_rates == pytest.approx(dict.fromkeys(seen.burn_rates, 0.5))
        assert set(seen.burn_rates) == {"5m", "30m", "1h", "2h", "6h", "1d", "3d"}


async def test_hours_of_ticks_count_every_event_once():
    async with scene(windows=(HOUR,)) as s:
        seen = await s.run(3 * 3600, every=37)
        counts = seen.budgets[0].counts
        assert counts.events == pytest.approx(10 * counts.seconds, rel=1e-6)
        assert counts.bad == pytest.approx(counts.events * 0.005, rel=1e-6)
        assert counts.unknown_seconds == pytest.approx(0, abs=1e-6)


async def test_an_outage_between_us_and_the_source_leaves_no_hole():
    async with scene() as s:
        await s.run(600)
        s.source.fail(SourceUnreachable("no route"))
        down = await s.run(1800)
        assert (down.data.available, down.data.reason) == (False, Reason.SOURCE_UNREACHABLE)
        assert down.verdict.state is State.UNKNOWN
        assert down.budgets[0].counts.unknown_seconds == pytest.approx(1800, abs=120)
        s.source.recover()
        back = await s.run(90)
        assert back.data.available
        assert back.budgets[0].counts.unknown_seconds == pytest.approx(0, abs=1e-6)
        assert back.budgets[0].counts.events == pytest.approx(10 * back.budgets[0].counts.seconds, rel=1e-6)


async def test_a_source_that_was_down_itself_leaves_unknown_time_that_spends_nothing():
    async with scene() as s:
        await s.run(600)
        began = s.clock.now().timestamp()
        s.source.silent = lambda t: began <= t < began + 1200
        down = await s.run(1170)
        assert (down.data.available, down.data.reason) == (False, Reason.NO_DATA)
        back = await s.run(300)
        assert back.data.available
        assert back.budgets[0].counts.unknown_seconds == pytest.approx(1200, abs=61)
        assert back.budgets[0].sli_percent == pytest.approx(99.5, rel=1e-3)


async def test_a_gap_of_a_day_starts_the_row_anew_from_history():
    async with scene(windows=(TEN_DAYS,)) as s:
        await s.run(120)
        s.source.fail(SourceUnreachable("away"))
        await s.run(86_400, every=3600)
        s.source.recover()
        seen = await s.run(120)
        assert seen.budgets[0].counts.coverage == pytest.approx(1, abs=1e-3)
        assert seen.budgets[0].counts.bad == pytest.approx(0.05 * 864_000, rel=1e-3)


@pytest.mark.parametrize("minutes_before_restart", [1, 7, 59])
async def test_a_restart_at_any_time_ends_at_the_same_numbers(minutes_before_restart):
    async with scene() as s:
        await s.run(minutes_before_restart * 60)
        s.tracked = Tracked(slo=s.tracked.slo)  # all memory is gone
        await s.tick()
        again = await s.tick()
        assert again.budgets[0].counts.good + again.budgets[0].counts.bad == pytest.approx(36_000, rel=1e-6)
        assert again.budgets[0].sli_percent == pytest.approx(99.5, rel=1e-9)


async def test_jumps_of_the_local_wall_clock_move_no_number():
    async with scene() as s:
        s.source.answer_by(
            lambda e, _: [Sample({}, START.timestamp() + s.clock.monotonic())] if e == "time()" else None
        )
        before = await s.run(300)
        s.clock.jump(7200)
        after = await s.run(120)
        assert after.at == pytest.approx(before.at + 120, abs=31)
        assert after.budgets[0].counts.unknown_seconds == pytest.approx(0, abs=1e-6)
        assert after.clock_skew_seconds == pytest.approx(-7200, abs=1)


async def test_a_query_that_the_server_refuses_blames_the_object_at_once():
    async with scene() as s:
        await s.run(60)
        s.source.fail(QueryRejected("query processing would load too many samples"), on="requests_total")
        seen = await s.tick()
        assert (seen.data.available, seen.data.reason) == (False, Reason.QUERY_FAILED)
        assert "too many samples" in seen.data.message


async def test_an_answer_with_warnings_is_not_counted_as_whole():
    async with scene() as s:
        await s.run(60)
        whole = s.source._answer
        s.source.answer_by(lambda e, at: _with_warning(whole(e, at)) if e != "time()" else None)
        seen = await s.tick()
        assert (seen.data.available, seen.data.reason) == (False, Reason.PARTIAL_ANSWER)
        assert "store s3 is missing" in seen.data.message


async def test_one_passing_failure_does_not_change_the_state():
    async with scene(evaluation=Evaluation(stale_after_seconds=120)) as s:
        await s.run(300)
        s.source.fail(SourceUnreachable("blip"))
        seen = await s.tick()
        assert (seen.data.available, seen.verdict.state) == (True, State.HEALTHY)


async def test_enforced_matchers_are_in_every_query():
    clock = LoopClock()
    source = CounterSource(clock)
    source.counters = {"requests_total": steady(10), "errors_total": steady(1)}
    async with Harness.running(source, clock, enforced_matchers={"namespace": "$namespace"}) as harness:
        await harness.settle(a_slo(indicator=INDICATOR))
    asked = [a.expression for a in source.asked if a.expression != "time()"]
    assert asked
    for expression in asked:
        assert expression.count('namespace="shop"') >= expression.count("requests_total") + expression.count(
            "errors_total"
        )


def _with_warning(samples):
    return InstantAnswer(samples=tuple(samples), warnings=("store s3 is missing",))


async def test_targets_are_read_only_where_a_series_was_born_or_reset():
    async with scene() as s:
        await s.run(300)
        assert not [a for a in s.source.asked if "process_start_time_seconds" in a.expression]
        whole = s.source._answer
        proven = Sample({"backstop_term": "0:proven_part"}, 5.0)

        def with_births(expression, at):
            if expression == "time()":
                return None
            if "process_start" in expression:
                return [*whole(expression, at), proven]
            return [
                replace(a, value=nan) if a.labels["backstop_term"] == "0:part" else a for a in whole(expression, at)
            ]

        before = await s.tick()
        s.source.answer_by(with_births)
        asked = len(s.source.asked)
        await asyncio.sleep(1)
        after = await s.tick()
        assert [a for a in s.source.asked[asked:] if "process_start_time_seconds" in a.expression]
        assert after.budgets[0].counts.bad - before.budgets[0].counts.bad == pytest.approx(5, abs=0.2)


async def test_an_answer_whose_proof_failed_is_unknown():
    async with scene() as s:
        await s.run(60)
        whole = s.source._answer
        born = Sample({"backstop_term": "0:total"}, nan)
        s.source.answer_by(lambda e, at: [*whole(e, at)[1:], born] if e != "time()" else None)
        s.source.fail(SourceUnreachable("gone"), on="process_start_time_seconds")
        await asyncio.sleep(130)
        seen = await s.tick()
        assert (seen.data.available, seen.data.reason) == (False, Reason.SOURCE_UNREACHABLE)
