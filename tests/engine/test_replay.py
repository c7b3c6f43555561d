"""A replay against counters whose truth is known: the numbers of the operator, at moments of the past."""

import asyncio
import itertools
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.evidence import unknown
from backstop.domain.interval import Interval
from backstop.domain.slo import CalendarWindow, Evaluation, Objective, RatioIndicator, RollingWindow, Uid
from backstop.engine.replay import ALL_LOOKS, LOOKS, Replay
from backstop.engine.replay_begin import data_begins, nothing_known
from backstop.engine.replay_records import Recorder
from backstop.engine.replay_states import StateFollower
from backstop.engine.replay_time import RETRY_AFTER_SECONDS, ReplayClock, ReplayedSource
from backstop.engine.tracked import Tracked
from backstop.vocabulary import Reason, State
from tests.builders import HOUR, a_slo
from tests.engine.harness import Harness
from tests.fakes.clock import START, LoopClock
from tests.fakes.counters import CounterSource
from tests.fakes.metrics_source import FakeMetricsSource

pytestmark = pytest.mark.looptime

NOW = START.timestamp()
DAY, HOURS, MINUTES = 86_400, 3600, 60
BORN = NOW - 40 * DAY
INDICATOR = RatioIndicator(total="requests_total", bad="errors_total")
DAY_WINDOW = RollingWindow(name="1d", seconds=DAY)


def rate(per_second, since=BORN):
    return lambda t: max(t - since, 0.0) * per_second


def burst(start, end, per_second):
    """Return a counter that counts between two instants."""
    return lambda t: min(max(t - start, 0.0), end - start) * per_second


def a_source(*, errors=None, requests=None):
    source = CounterSource(LoopClock())
    source.counters = {"requests_total": requests or rate(10), "errors_total": errors or rate(0.05)}
    return source


def an_slo(**changes):
    return a_slo(**({"indicator": INDICATOR, "windows": (HOUR,)} | changes))


async def replayed(source, *slos, start, end=NOW, step=HOURS, **settings):
    """Return the moments of a replay."""
    replay = Replay(source, slos, start=start, end=end, patience=LoopClock(), **settings)
    times = itertools.takewhile(lambda at: at <= end, itertools.count(start, step))
    return [await replay.advance(at) for at in times]


def changes_of(moments):
    return [(str(c.before), str(c.after), c.assessment.at) for moment in moments for c in moment.changes]


def about(at):
    """Return what compares equal to an instant that was found to the minute."""
    return pytest.approx(at, abs=MINUTES)


async def test_the_numbers_of_any_moment_are_those_of_the_counters():
    moments = await replayed(a_source(), an_slo(windows=(DAY_WINDOW, HOUR)), start=NOW - DAY, step=8 * HOURS)
    assert [moment.at for moment in moments] == [NOW - DAY, NOW - 16 * HOURS, NOW - 8 * HOURS, NOW]
    for moment in moments:
        (seen,) = moment.assessments
        assert seen.at == moment.at
        for budget in seen.budgets:
            assert budget.sli_percent == pytest.approx(99.5, rel=1e-6)
            assert budget.counts.coverage == pytest.approx(1, abs=1e-3)
            assert budget.counts.events == pytest.approx(10 * budget.counts.seconds, rel=1e-3)


async def test_a_replay_says_at_each_moment_what_the_operator_said_then():
    """The operator lives through hours of trouble; afterwards they are replayed."""
    trouble = burst(NOW + HOURS, NOW + 2 * HOURS, 1.0)
    clock, lived = LoopClock(), []
    async with Harness.running(a_source(errors=trouble), clock) as harness:
        tracked = Tracked(slo=an_slo(windows=(HOUR, DAY_WINDOW)))
        for _ in range(8):
            lived += await harness.settle_tracked(tracked)
            for _ in range(60):
                await clock.sleep(30)
                [each async for each in harness.evaluator.evaluate([tracked])]
    moments = await replayed(
        a_source(errors=trouble), tracked.slo, start=lived[0].at, end=lived[-1].at, step=30 * MINUTES
    )
    assert {State.HEALTHY, State.EXHAUSTED} <= {then.verdict.state for then in lived}
    for then, moment in zip(lived, moments, strict=True):
        (now,) = moment.assessments
        assert (now.at, now.verdict) == (then.at, then.verdict)
        assert now.burn_rates == pytest.approx(then.burn_rates, rel=1e-6)
        for a, b in zip(now.budgets, then.budgets, strict=True):
            assert a.remaining_percent == pytest.approx(b.remaining_percent, rel=1e-6)
            assert a.counts.coverage == pytest.approx(b.counts.coverage, abs=1e-6)


async def test_changes_between_two_moments_are_found_to_the_minute():
    began = NOW - 10 * HOURS + 17 * MINUTES
    errors = burst(began, began + 600, 1.0)
    moments = await replayed(a_source(errors=errors), an_slo(), start=NOW - 12 * HOURS, step=12 * HOURS)
    # 36,000 requests an hour at 99 % allow 360 bad ones; less than a quarter is left from 270 on. The error of a minute
    # leaves the window after an hour.
    assert changes_of(moments) == [
        ("Healthy", "AtRisk", about(began + 270)),
        ("AtRisk", "Exhausted", about(began + 360)),
        ("Exhausted", "AtRisk", about(began + 3600 + 240)),
        ("AtRisk", "Healthy", about(began + 3600 + 330)),
    ]


async def test_changes_are_found_to_the_minute_though_states_are_looked_at_rarely(monkeypatch):
    monkeypatch.setattr("backstop.engine.replay.LOOKS", 4)
    began = NOW - 10 * HOURS + 17 * MINUTES
    silence = NOW - 5 * HOURS
    source = a_source(errors=burst(began, began + 600, 1.0), requests=rate(10))
    source.silent = lambda t: silence < t <= silence + 900
    slo = an_slo(windows=(DAY_WINDOW, HOUR), objective=Objective(target_percent=Decimal("99.95")))
    moments = await replayed(source, slo, start=NOW - 12 * HOURS, step=12 * HOURS)
    # 864,000 requests a day allow 432 bad ones
    assert changes_of(moments) == [
        ("Healthy", "AtRisk", about(began + 324)),
        ("AtRisk", "Exhausted", about(began + 432)),
        ("Exhausted", "Unknown", pytest.approx(silence + 2 * MINUTES, abs=2 * MINUTES)),
        ("Unknown", "Exhausted", about(silence + 900)),
    ]


async def test_changes_of_several_slos_come_in_order_of_time():
    source = a_source(errors=burst(NOW - 2 * HOURS, NOW, 1.0))
    source.counters["early_errors_total"] = burst(NOW - 3 * HOURS, NOW, 1.0)
    early = an_slo(
        uid=Uid("uid-2"), name="early", indicator=RatioIndicator(total="requests_total", bad="early_errors_total")
    )
    moments = await replayed(source, an_slo(), early, start=NOW - 4 * HOURS, step=4 * HOURS)
    names = [change.assessment.slo.name for moment in moments for change in moment.changes]
    assert names == ["early", "early", "checkout", "checkout"]


async def test_slices_that_end_before_the_last_moment_tell_nothing_new():
    """With a long scrape interval minutes are sealed well after an evaluation has told of them."""
    clock = LoopClock()
    async with Harness.running(a_source(), clock) as harness:
        tracked = Tracked(slo=an_slo())
        follower = StateFollower(tracked, look_seconds=60.0)
        (seen,) = await harness.settle_tracked(tracked)
        assert follower.evaluated(seen) == []
        silent = unknown(Reason.STALE, "old")
        tracked.sealed = [(int(seen.at) - 60, silent), (int(seen.at), silent)]
        assert follower.follow() == []
        assert tracked.data == seen.data
        tracked.sealed = [(int(seen.at) + 60, silent)]
        assert [str(change.after) for change in follower.follow()] == ["Unknown"]


async def test_silence_is_unknown_from_when_it_would_have_been_noticed_until_it_is_over():
    source = a_source()
    since, until = NOW - 5 * HOURS + 20 * MINUTES, NOW - 4 * HOURS - 25 * MINUTES
    source.silent = lambda t: since < t <= until
    stale_after = 2 * MINUTES
    moments = await replayed(source, an_slo(), start=NOW - 8 * HOURS, step=4 * HOURS)
    assert changes_of(moments) == [
        ("Healthy", "Unknown", pytest.approx(since + stale_after, abs=2 * MINUTES)),
        ("Unknown", "Healthy", about(until)),
    ]
    lost = moments[1].changes[0].assessment
    assert (lost.data.reason, lost.data.since) == (Reason.NO_DATA, about(since))
    (after,) = moments[1].assessments
    assert after.budgets[0].counts.unknown_seconds == pytest.approx(until - since, abs=2 * MINUTES)


async def test_a_moment_in_the_silence_says_since_when():
    source = a_source()
    since = NOW - 3 * HOURS + 20 * MINUTES
    source.silent = lambda t: t > since
    (_, moment) = await replayed(source, an_slo(), start=NOW - 4 * HOURS, step=4 * HOURS)
    (seen,) = moment.assessments
    assert (seen.verdict.state, seen.data.reason, seen.data.since) == (State.UNKNOWN, Reason.NO_DATA, about(since))


async def test_nothing_later_than_the_replayed_moment_is_asked_for():
    source = a_source()
    replay = Replay(source, [an_slo()], start=NOW - 3 * HOURS, end=NOW, patience=LoopClock())
    for at in (NOW - 3 * HOURS, NOW - HOURS, NOW):
        source.asked.clear()
        await replay.advance(at)
        assert source.asked
        assert [asked for asked in source.asked if asked.at is None or asked.at > at] == []


async def test_the_time_between_two_moments_costs_few_queries():
    source = a_source()
    replay = Replay(source, [an_slo()], start=NOW - DAY, end=NOW, patience=LoopClock())
    await replay.advance(NOW - DAY)
    before = replay.queries
    await replay.advance(NOW)
    assert replay.queries - before <= 6 * 4  # for each of six strides: a probe, the slices, the last minute, the head


async def test_a_source_that_comes_back_soon_leaves_no_trace():
    source, failures = a_source(), [SourceUnreachable("refused")] * len(RETRY_AFTER_SECONDS)
    whole = source.query_range

    async def flaky(expression, **span):
        if failures:
            raise failures.pop()
        return await whole(expression, **span)

    source.query_range = flaky
    moments = await replayed(source, an_slo(), start=NOW - 2 * HOURS)
    assert failures == []
    assert [m.assessments[0].budgets[0].counts.coverage for m in moments] == pytest.approx([1, 1, 1], abs=1e-3)


async def test_a_source_that_stays_away_ends_the_replay_instead_of_leaving_a_hole():
    source = a_source()
    replay = Replay(source, [an_slo()], start=NOW - 2 * HOURS, end=NOW, patience=LoopClock())
    await replay.advance(NOW - 2 * HOURS)
    source.fail(SourceUnreachable("source replay: the connection is refused"))
    with pytest.raises(SourceUnreachable, match="the connection is refused"):
        await replay.advance(NOW)


async def test_a_query_that_takes_too_long_is_not_repeated_but_asked_for_less():
    source, lengths = a_source(), []
    whole = source.query_range

    async def slow(expression, *, start, end, step):
        lengths.append(round((end - start) / step) + 1)
        if lengths[-1] > 60:
            raise QueryTimedOut("no answer within 10 s")
        return await whole(expression, start=start, end=end, step=step)

    source.query_range = slow
    (_, moment) = await replayed(source, an_slo(), start=NOW - 4 * HOURS, step=4 * HOURS)
    assert moment.assessments[0].budgets[0].counts.coverage == pytest.approx(1, abs=1e-3)
    assert max(lengths) > 60 >= lengths[-1]


async def test_an_slo_whose_query_is_refused_is_unknown_and_the_others_are_replayed():
    source = a_source()
    source.fail(QueryRejected("source replay refuses the query: parse error"), on="broken")
    broken = an_slo(uid=Uid("b"), name="broken", indicator=RatioIndicator(total="broken_total", bad="errors_total"))
    moments = await replayed(source, broken, an_slo(), start=NOW - 2 * HOURS)
    for moment in moments:
        refused, fine = moment.assessments
        assert (refused.verdict.state, refused.data.reason) == (State.UNKNOWN, Reason.QUERY_FAILED)
        assert fine.verdict.state is State.HEALTHY


async def test_excluded_time_is_not_counted():
    began = NOW - 2 * HOURS
    errors = burst(began, began + 1200, 5.0)
    settings = {"start": NOW - 4 * HOURS, "step": 4 * HOURS, "end": NOW}
    excluded = {Uid("uid-1"): (Interval(began, began + 1200),)}
    slo = an_slo(windows=(DAY_WINDOW,))
    with_trouble = await replayed(a_source(errors=errors), slo, **settings)
    without = await replayed(a_source(errors=errors), slo, **settings, exclusions=excluded)
    assert with_trouble[-1].assessments[0].budgets[0].counts.bad == pytest.approx(6000, rel=1e-3)
    (seen,) = without[-1].assessments
    assert seen.budgets[0].counts.bad == pytest.approx(0, abs=1)
    assert seen.budgets[0].counts.excluded_seconds == 1200


async def test_a_period_of_the_calendar_begins_exactly_where_it_does():
    """It began days before the first moment, within an hour that the ledger holds as one column."""
    week = CalendarPeriods(unit=CalendarUnit.WEEK, zone=ZoneInfo("Asia/Kathmandu"))
    began = week.period_at(NOW).start
    assert began % HOURS != 0
    errors = burst(began - 600, began, 5.0)
    slo = an_slo(windows=(CalendarWindow(name="week", periods=week),))
    for moment in await replayed(a_source(errors=errors), slo, start=NOW - 4 * HOURS, step=4 * HOURS):
        (seen,) = moment.assessments
        assert seen.budgets[0].counts.bad == pytest.approx(0, abs=1)
        assert seen.budgets[0].counts.good == pytest.approx(10 * (moment.at - began), rel=1e-3)


async def test_several_slos_keep_their_order_and_their_own_changes():
    began = NOW - 3 * HOURS
    source = a_source()
    source.counters["other_errors_total"] = burst(began, began + 600, 5.0)
    other = an_slo(
        uid=Uid("uid-2"), name="other", indicator=RatioIndicator(total="requests_total", bad="other_errors_total")
    )
    moments = await replayed(source, an_slo(), other, start=NOW - 4 * HOURS, step=4 * HOURS)
    assert [a.slo.name for a in moments[-1].assessments] == ["checkout", "other"]
    assert {change.assessment.slo.name for moment in moments for change in moment.changes} == {"other"}


async def test_data_begins_where_the_first_samples_are():
    source = a_source()
    begins = NOW - 9 * DAY - 5 * HOURS - 7 * MINUTES
    source.silent = lambda t: t < begins
    found = await data_begins(source, [an_slo()], start=NOW - 30 * DAY, end=NOW)
    assert found == about(begins)
    assert len(source.asked) <= 3
    assert await data_begins(source, [an_slo()], start=NOW - DAY, end=NOW) == NOW - DAY


async def test_of_several_slos_the_oldest_data_counts_and_one_that_cannot_be_asked_does_not():
    source = a_source()
    source.fail(QueryRejected("too many samples"), on="broken")
    broken = an_slo(uid=Uid("b"), indicator=RatioIndicator(total="broken_total", bad="errors_total"))
    nothing = an_slo(uid=Uid("n"), indicator=RatioIndicator(total="nothing_total", bad="errors_total"))
    found = await data_begins(source, [broken, nothing, an_slo()], start=NOW - HOURS, end=NOW)
    assert found == NOW - HOURS
    assert await data_begins(source, [broken, nothing], start=NOW - HOURS, end=NOW) is None


async def test_nothing_is_known_only_where_no_window_holds_anything():
    source = a_source()
    source.silent = lambda t: t < NOW - HOURS
    before, within, silent_again = await replayed(source, an_slo(), start=NOW - 2 * HOURS, step=HOURS + 30 * MINUTES,
                                                  end=NOW + HOURS)  # fmt: skip
    assert nothing_known(before.assessments)
    assert not nothing_known(within.assessments)
    assert not nothing_known(silent_again.assessments)


async def test_replayed_time_is_told_to_whoever_asks_the_source():
    inner = FakeMetricsSource()
    clock = ReplayClock(NOW - DAY)
    source = ReplayedSource(inner, clock, patience=LoopClock())
    answer = await source.query("time()", at=None)
    assert [sample.value for sample in answer.samples] == [NOW - DAY]
    assert inner.asked == []
    await source.query("up", at=None)
    assert [asked.at for asked in inner.asked] == [NOW - DAY]


async def test_the_replayed_clock_stands_still_until_it_is_advanced_and_never_goes_back():
    clock = ReplayClock(NOW)
    sleeper = asyncio.create_task(clock.sleep(120))
    for at in (NOW, NOW + 60):
        clock.advance(at)
        await asyncio.sleep(1)
        assert (clock.monotonic(), clock.now().timestamp(), sleeper.done()) == (at, at, False)
    clock.advance(NOW + 120)
    await sleeper
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(NOW)


async def test_a_record_is_the_status_that_the_operator_would_have_written():
    source = a_source()
    source.silent = lambda t: t > NOW - HOURS
    recorder = Recorder()
    before, after = [
        recorder.row(moment.assessments[0])
        for moment in await replayed(source, an_slo(), start=NOW - 2 * HOURS, step=2 * HOURS)
    ]
    assert (before["type"], before["time"], before["slo"]) == ("row", "2026-03-01T10:00:00Z", "shop/checkout")
    assert (before["state"], before["reason"], before["windows"][0]["sli"]) == ("Healthy", "WithinBudget", 99.5)
    assert before["burnRates"]["1h"] == pytest.approx(0.5)
    assert (after["state"], after["reason"]) == ("Unknown", "NoData")
    assert after["lastKnown"]["state"] == "Healthy"
    assert not {"conditions", "observedGeneration", "evaluatedAt"} & (before.keys() | after.keys())


async def test_a_change_tells_when_from_what_to_what_and_why():
    began = NOW - HOURS
    moments = await replayed(a_source(errors=burst(began, NOW, 1.0)), an_slo(), start=NOW - 2 * HOURS, step=2 * HOURS)
    first = Recorder().change(moments[1].changes[0])
    assert first["time"] in ("2026-03-01T11:05:00Z", "2026-03-01T11:04:00Z")
    assert {name: first[name] for name in ("type", "slo", "from", "to", "reason")} == {
        "type": "change",
        "slo": "shop/checkout",
        "from": "Healthy",
        "to": "AtRisk",
        "reason": "LowBudget",
    }
    assert "of the 1h budget left, under 25 %" in first["message"]


async def test_a_snapshot_has_the_conditions_without_what_only_a_cluster_knows():
    (moment,) = await replayed(a_source(), an_slo(evaluation=Evaluation()), start=NOW, step=HOURS)
    snapshot = Recorder().snapshot(moment.assessments[0])
    assert (snapshot["slo"], snapshot["target"], snapshot["state"]) == ("shop/checkout", 99.0, "Healthy")
    by_type = {condition["type"]: condition for condition in snapshot["conditions"]}
    assert by_type["DataAvailable"]["status"] == "True"
    assert by_type.keys() >= {"Ready", "DataAvailable", "BudgetHealthy"}
    assert "ClockSkew" not in by_type
    assert {name for condition in by_type.values() for name in condition} == {"type", "status", "reason", "message"}


def test_states_are_looked_at_as_closely_as_the_page_says():
    """docs/how-to/replay.md: every minute up to three days, every ten minutes of 30 days."""
    assert 3 * DAY / LOOKS == MINUTES
    assert 30 * DAY / LOOKS == 10 * MINUTES
    assert LOOKS <= ALL_LOOKS
