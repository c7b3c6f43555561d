"""A replay against counters whose truth is known: the numbers of the operator, at moments of the past."""

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.interval import Interval
from backstop.domain.slo import Evaluation, RatioIndicator, RollingWindow
from backstop.engine.replay import Replay
from backstop.engine.replay_begin import data_begins
from backstop.engine.replay_records import Recorder
from backstop.engine.replay_time import ReplayClock, ReplayedSource
from backstop.engine.tracked import Tracked
from backstop.vocabulary import Reason, State
from tests.builders import HOUR, a_slo
from tests.engine.harness import Harness
from tests.fakes.clock import START, LoopClock
from tests.fakes.counters import CounterSource

pytestmark = pytest.mark.looptime

NOW = START.timestamp()
DAY, HOURS = 86_400, 3600
BORN = NOW - 40 * DAY
INDICATOR = RatioIndicator(total="requests_total", bad="errors_total")
DAY_WINDOW = RollingWindow(name="1d", seconds=DAY)


def rate(per_second, since=BORN):
    return lambda t: max(t - since, 0.0) * per_second


def burst(start, end, per_second):
    """Return a counter that counts between two instants."""
    return lambda t: min(max(t - start, 0.0), end - start) * per_second


def a_source(clock, errors=rate(0.05), requests=rate(10)):
    source = CounterSource(clock)
    source.counters = {"requests_total": requests, "errors_total": errors}
    return source


def an_slo(**changes):
    return a_slo(**({"indicator": INDICATOR, "windows": (DAY_WINDOW, HOUR)} | changes))


async def replayed(source, *slos, start, end, step, **settings):
    """Return the moments of a replay."""
    moments = []
    replay = Replay(source, slos, start=start, end=end, patience=LoopClock(), **settings)
    at = start
    while at <= end:
        moments.append(await replay.advance(at))
        at += step
    return moments


async def test_the_numbers_of_any_moment_are_those_of_the_counters():
    source = a_source(LoopClock())
    moments = await replayed(source, an_slo(), start=NOW - 3 * DAY, end=NOW, step=6 * HOURS)
    assert len(moments) == 13
    for moment in moments:
        (seen,) = moment.assessments
        assert seen.at == moment.at
        for budget in seen.budgets:
            assert budget.sli_percent == pytest.approx(99.5, rel=1e-6)
            assert budget.counts.coverage == pytest.approx(1, abs=1e-3)
            assert budget.counts.events == pytest.approx(10 * budget.counts.seconds, rel=1e-3)


async def test_a_replay_says_at_each_moment_what_the_operator_said_then():
    """The operator lives through a day of trouble; afterwards the day is replayed."""
    clock = LoopClock()
    source = a_source(clock, errors=burst(NOW + 2 * HOURS, NOW + 3 * HOURS, 1.0))
    lived = []
    async with Harness.running(source, clock) as harness:
        tracked = Tracked(slo=an_slo())
        for _ in range(13):
            lived.append((await harness.settle_tracked(tracked))[0])
            for _ in range(60):
                await clock.sleep(30)
                await harness.evaluator.evaluate([tracked])
    moments = await replayed(a_source(clock, errors=burst(NOW + 2 * HOURS, NOW + 3 * HOURS, 1.0)), an_slo(),
                             start=lived[0].at, end=lived[-1].at, step=30 * 60)  # fmt: skip
    assert len(moments) == len(lived)
    for then, moment in zip(lived, moments, strict=True):
        (now,) = moment.assessments
        assert now.at == then.at
        assert now.verdict == then.verdict
        assert now.burn_rates == pytest.approx(then.burn_rates, rel=1e-6)
        for a, b in zip(now.budgets, then.budgets, strict=True):
            assert a.remaining_percent == pytest.approx(b.remaining_percent, rel=1e-6)
            assert a.counts.coverage == pytest.approx(b.counts.coverage, abs=1e-6)


async def test_changes_between_two_moments_are_found_to_the_minute():
    began = NOW - 2 * DAY + 37 * 60
    source = a_source(LoopClock(), errors=burst(began, began + 600, 1.0))
    moments = await replayed(source, an_slo(windows=(HOUR,)), start=NOW - 3 * DAY, end=NOW, step=12 * HOURS)
    changes = [change for moment in moments for change in moment.changes]
    # 36,000 requests an hour at 99 % allow 360 bad ones; less than a quarter is left from 270 on. The error of a minute
    # leaves the window after an hour.
    assert [(str(c.before), str(c.after), pytest.approx(c.assessment.at, abs=61)) for c in changes] == [
        ("Healthy", "AtRisk", began + 270),
        ("AtRisk", "Exhausted", began + 360),
        ("Exhausted", "AtRisk", began + 3600 + 240),
        ("AtRisk", "Healthy", began + 3600 + 330),
    ]
