import asyncio
from contextlib import asynccontextmanager

import pytest

from backstop.domain.slo import Evaluation, Uid
from backstop.engine.scheduler import Scheduler, interval_of, next_due
from backstop.engine.tracked import Tracked, Traits
from tests.builders import a_slo
from tests.engine.test_publisher import an_assessment
from tests.fakes.clock import LoopClock
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime


class Evaluator:
    """Notes what it is asked, and takes its time."""

    def __init__(self, takes=0.0):
        self.takes = takes
        self.slow: dict[str, float] = {}  # further seconds by SLO name
        self.calls: list[tuple[float, tuple[str, ...]]] = []
        self.running = self.most_running = 0

    async def evaluate(self, due):
        self.calls.append((asyncio.get_running_loop().time(), tuple(sorted(t.slo.name for t in due))))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.takes + max(self.slow.get(t.slo.name, 0.0) for t in due))
        finally:
            self.running -= 1
        for each in due:
            yield an_assessment(slo=each.slo)


def tracked(name, *, source="default", interval=30.0, **changes):
    slo = a_slo(uid=Uid(name), name=name, source=source, evaluation=Evaluation(interval_seconds=interval))
    return Tracked(slo=slo, **changes)


@asynccontextmanager
async def scheduling(slos, **evaluators):
    telemetry, assessed = RecordingTelemetry(), []
    scheduler = Scheduler(
        clock=LoopClock(),
        telemetry=telemetry,
        tracked=lambda: [(t.slo.source, t) for t in slos],
        evaluator_of=evaluators.__getitem__,
        assessed=lambda a: assessed.append((asyncio.get_running_loop().time(), a.slo.name)),
        failed=lambda t: telemetry.counts.update([f"failed {t.slo.name}"]),
    )
    task = asyncio.create_task(scheduler.run())
    try:
        yield telemetry, assessed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_ticks_are_aligned_so_that_equal_intervals_meet():
    assert [next_due(now, 30) for now in (0, 29.9, 30, 31)] == [30, 30, 60, 60]


async def test_slos_of_one_interval_travel_together():
    evaluator = Evaluator()
    async with scheduling([tracked("a"), tracked("b"), tracked("c", interval=60)], default=evaluator):
        await asyncio.sleep(95)
    assert [names for _, names in evaluator.calls] == [("a", "b", "c"), ("a", "b"), ("a", "b", "c"), ("a", "b")]


async def test_a_slow_source_delays_itself_only():
    slow, quick = Evaluator(takes=100), Evaluator()
    slos = [tracked("s", source="slow", interval=10), tracked("q", source="quick", interval=10)]
    async with scheduling(slos, slow=slow, quick=quick) as (telemetry, _):
        await asyncio.sleep(95)
    assert len(quick.calls) == 10
    assert len(slow.calls) == 1
    assert telemetry.counts["dropped slow"] == 9  # late work is dropped and counted, never queued


async def test_an_slo_whose_query_fails_gets_ticks_of_its_own_and_rarer_ones():
    evaluator = Evaluator()
    evaluator.slow["lame"] = 50
    slos = [tracked("lame", interval=10, alone=True), tracked("fine", interval=10)]
    async with scheduling(slos, default=evaluator) as (_, assessed):
        await asyncio.sleep(95)
    assert [name for _, name in assessed].count("fine") == 10
    assert [at for at, names in evaluator.calls if names == ("lame",)] == pytest.approx([0, 80], abs=1.1)


async def test_many_failing_queries_do_not_take_all_places_of_a_source():
    evaluator = Evaluator(takes=9)
    slos = [tracked(f"lame{n}", interval=10, alone=True) for n in range(20)] + [tracked("fine", interval=10)]
    async with scheduling(slos, default=evaluator):
        await asyncio.sleep(40)
    assert evaluator.most_running <= 3


@pytest.mark.parametrize(
    ("burn", "lost", "expected"),
    [
        pytest.param(9.9, None, 30, id="below the attention limit"),
        pytest.param(10, None, 2, id="burning fast"),
        pytest.param(50, "NoData", 30, id="numbers that are not trusted ask for no attention"),
    ],
)
def test_what_burns_is_looked_at_more_often(burn, lost, expected):
    one = tracked("a", traits=Traits(scrape_seconds=1.0))
    one.assessment = an_assessment(burn={"5m": burn}, lost=lost)
    assert interval_of(one) == expected


def test_attention_is_never_faster_than_the_samples_come():
    one = tracked("a", traits=Traits(scrape_seconds=15.0))
    one.assessment = an_assessment(burn={"5m": 100})
    assert interval_of(one) == 15


async def test_a_failing_evaluator_ends_the_engine_instead_of_limping():
    class Broken:
        async def evaluate(self, due):
            raise RuntimeError("bug")
            yield

    scheduler = Scheduler(
        clock=LoopClock(),
        telemetry=RecordingTelemetry(),
        tracked=lambda: [("default", tracked("a"))],
        evaluator_of=lambda _: Broken(),
        assessed=lambda _: None,
        failed=lambda _: None,
    )
    with pytest.raises(ExceptionGroup) as caught:
        await scheduler.run()
    assert caught.group_contains(RuntimeError, match="bug")
