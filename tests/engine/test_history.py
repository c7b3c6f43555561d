"""Background fetches: smaller ones where large ones fail, longer ones after an edit, and none into a row of another."""

import asyncio
from dataclasses import replace

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.slo import RollingWindow
from tests.builders import HOUR
from tests.engine.test_engine import BORN, a_body, stage
from tests.engine.test_evaluator import TEN_DAYS, scene

pytestmark = pytest.mark.looptime

TOO_MANY = [QueryRejected("query processing would load too many samples"), QueryTimedOut("no answer within 10 s")]


def answer_at_most(source, points, problem):
    """Let range queries for more than `points` points fail."""
    whole = source.query_range

    async def limited(expression, *, start, end, step):
        if (end - start) / step >= points:
            raise problem
        return await whole(expression, start=start, end=end, step=step)

    source.query_range = limited


def hold_back(source):
    """Let the answers to range queries wait for the event that is returned; what they say is as of before the wait."""
    whole, released = source.query_range, asyncio.Event()

    async def late(expression, **span):
        answer = await whole(expression, **span)
        await released.wait()
        return answer

    source.query_range = late
    return released


@pytest.mark.parametrize("problem", TOO_MANY, ids=["refused", "timed out"])
async def test_catching_up_asks_for_fewer_points_where_many_fail(problem):
    async with scene(windows=(HOUR,)) as s:
        await s.run(600)
        answer_at_most(s.source, 30, problem)
        s.source.fail(SourceUnreachable("no route"))
        await s.run(2400)
        s.source.recover()
        seen = await s.run(60)
        counts = seen.budgets[0].counts
        assert counts.unknown_seconds == pytest.approx(0, abs=1e-6)
        assert counts.good + counts.bad == pytest.approx(36_000, rel=1e-6)


@pytest.mark.parametrize("problem", TOO_MANY, ids=["refused", "timed out"])
async def test_backfill_asks_for_fewer_points_where_many_fail(problem):
    async with scene(windows=(TEN_DAYS,)) as s:
        answer_at_most(s.source, 20, problem)
        seen = await s.run(60)
        assert s.tracked.history_read
        assert seen.budgets[0].counts.coverage == pytest.approx(1, abs=1e-3)
        assert seen.budgets[0].counts.bad == pytest.approx(0.05 * 864_000, rel=1e-3)


async def test_a_window_that_is_edited_beyond_35_days_gets_its_history():
    async with stage() as s:
        born = BORN - 400 * 86_400
        s.source.counters = {
            "requests_total": lambda t: (t - born) * 10,
            "errors_total": lambda t: (t - born) * 0.05,
        }
        s.engine.on_object("SLO", a_body(windows=[{"name": "30d", "rolling": "30d"}]))
        await asyncio.sleep(10)
        s.engine.on_object("SLO", a_body(generation=2, windows=[{"name": "90d", "rolling": "90d"}]))
        await asyncio.sleep(60)
        assert s.status()["observedGeneration"] == 2
        window = s.status()["windows"][0]
        assert (window["name"], window["sli"]) == ("90d", pytest.approx(99.5))
        assert window["coverage"] == pytest.approx(1, abs=1e-3)


async def test_a_longer_window_does_not_flap_through_too_early():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(40)
        written = len(s.writer.writes)
        s.engine.on_object("SLO", a_body(generation=2, windows=[{"name": "30d", "rolling": "30d"}]))
        await asyncio.sleep(120)
        after = [status for _, status in s.writer.writes[written:]]
        assert after[-1]["observedGeneration"] == 2
        assert {(status["state"], status["reason"]) for status in after} == {("Healthy", "WithinBudget")}
        assert s.writer.events == []


async def test_a_row_that_was_moved_is_not_written_by_the_catch_up_of_its_past():
    async with scene(windows=(HOUR,)) as s:
        await s.run(600)
        s.source.fail(SourceUnreachable("away"))
        await s.run(5 * 3600)
        s.source.recover()
        released = hold_back(s.source)
        [each async for each in s.harness.evaluator.evaluate([s.tracked])]  # asks for the five hours
        before, row = s.tracked.ledger, s.tracked.row
        longer = RollingWindow(name="40d", seconds=40 * 86_400)  # edited meanwhile: this needs other tiers
        s.tracked.slo = replace(s.tracked.slo, windows=(HOUR, longer))
        [each async for each in s.harness.evaluator.evaluate([s.tracked])]
        assert s.tracked.ledger is not before
        newest = before.newest(row)
        released.set()
        await s.harness.evaluator.history.idle()
        assert before.newest(row) == newest
        counts = (await s.run(60)).budgets[0].counts
        assert counts.good + counts.bad == pytest.approx(36_000, rel=1e-6)


async def test_a_row_that_was_left_behind_for_longer_than_minutes_reach_goes_on_without_losing_an_event():
    async with scene(windows=(TEN_DAYS, HOUR)) as s:
        await s.run(600)
        s.source.fail(SourceUnreachable("away"))
        await s.run(2 * 86_400, every=3600)
        forgotten = s.clock.now().timestamp() - 86_400 * 3
        s.source.silent = lambda t: t < forgotten
        s.source.recover()
        await s.run(60)
        for budget in (await s.run(60)).budgets:
            assert budget.counts.unknown_seconds == pytest.approx(0, abs=3600)
            assert budget.counts.good + budget.counts.bad == pytest.approx(10 * budget.counts.seconds, rel=1e-3)


async def test_a_backfill_whose_boundary_was_pushed_out_meanwhile_is_not_written_before_another_one():
    async with scene(windows=(TEN_DAYS,)) as s:
        steady = s.source.counters["errors_total"]
        # The four hours of minutes that are asked first would be taken for those before the oldest that is held then,
        # in place of the hour between.
        later = s.clock.now().timestamp() + 1800
        s.source.counters["errors_total"] = lambda t: steady(t) + min(max(t - later, 0), 600) * 8  # ten bad minutes
        whole = s.source.query_range
        released = hold_back(s.source)
        [each async for each in s.harness.evaluator.evaluate([s.tracked])]
        await asyncio.sleep(1)  # the backfill has asked
        s.source.query_range = whole
        await asyncio.sleep(7 * 3600)
        [each async for each in s.harness.evaluator.evaluate([s.tracked])]
        await asyncio.sleep(60)  # what was missed is caught up beside it
        oldest = s.tracked.ledger.oldest_of(s.tracked.row, 60)
        assert oldest > s.tracked.anchor
        released.set()
        await s.harness.evaluator.history.idle()
        counts = (await s.run(120)).budgets[0].counts
        assert counts.bad == pytest.approx(0.05 * 864_000 + 600 * 8, rel=1e-3)


async def test_a_head_that_was_asked_while_minutes_were_caught_up_is_not_counted_beside_them():
    async with scene(windows=(HOUR,)) as s:
        await s.run(600)
        s.source.fail(SourceUnreachable("away"))
        await s.run(600)
        s.source.recover()
        released = hold_back(s.source)
        [each async for each in s.harness.evaluator.evaluate([s.tracked])]
        await asyncio.sleep(2)
        whole = s.source.query

        async def caught_up_meanwhile(expression, *, at):
            answer = await whole(expression, at=at)
            if expression != "time()":
                released.set()
                await s.harness.evaluator.history.idle()
            return answer

        s.source.query = caught_up_meanwhile
        (seen,) = [each async for each in s.harness.evaluator.evaluate([s.tracked])]
        counts = seen.budgets[0].counts
        assert counts.unknown_seconds < 120
        assert counts.good + counts.bad == pytest.approx(10 * (counts.seconds - counts.unknown_seconds), rel=1e-6)


async def test_an_interval_of_minutes_seals_them_all_at_each_tick_and_keeps_its_head():
    async with stage() as s:
        whole = s.source.query_range

        async def slow(expression, **span):
            await asyncio.sleep(1)
            return await whole(expression, **span)

        s.source.query_range = slow
        s.engine.on_object("SLO", a_body(evaluation={"interval": "4m", "staleAfter": "5m"}))
        await asyncio.sleep(3600)
        settled = [a for a in s.telemetry.assessments if a.at > s.telemetry.assessments[0].at + 300]
        assert len(settled) == pytest.approx(3600 / 240, abs=2)
        assert all(a.burn_rates["5m"] == pytest.approx(0.5) for a in settled)
        assert all(a.budgets[0].counts.unknown_seconds < 1 for a in settled)
