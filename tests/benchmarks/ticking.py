"""What a whole tick of 10,000 SLOs costs: planning, questions, answers, ledger, assessment."""

import asyncio
import time
from typing import Final

from backstop.engine.tracked import Tracked
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.instant_source import InstantSource
from tests.benchmarks.set_clock import SetClock
from tests.benchmarks.timing import Timing
from tests.engine.harness import Harness

TICK: Final = Figure(
    name="tick_10k_s",
    what="One evaluation of all of 10,000 SLOs, due every 30 s",
    unit="s of CPU",
    target=15,  # half of one core, the rest is for watching and writing
)
FIGURES: Final = (TICK,)
_INTERVAL: Final = 30.0


def measure(*, slos: int = 10_000, ticks: int = 6) -> list[Measured]:
    """Evaluate `slos` ratio SLOs of a 30-day window `ticks` times, 30 s of simulated time apart."""
    timing, queries = asyncio.run(_tick(slos, ticks))
    setup = (
        f"{slos:,} ratio SLOs of {1 + fleet.ALL_WINDOWS - len(fleet.WINDOWS)} windows on full rows, every second tick"
        f" seals a minute; the source answers at once from memory, {queries / ticks:.0f} queries a tick; HTTP, JSON,"
        f" the metrics registry and statuses are not in it; {timing.spread(1)}"
    )
    return [TICK.measured(timing.median, setup)]


async def _tick(slos: int, ticks: int) -> tuple[Timing, int]:
    clock = SetClock(float(fleet.NOW))
    source = InstantSource(clock)
    evaluator = Harness(source, clock).evaluator
    tracked = [Tracked(slo=fleet.slo(number)) for number in range(slos)]
    [each async for each in evaluator.evaluate(tracked)]  # the probe and the rows, once in the life of an SLO
    for one in tracked:
        one.backfilled_seconds = one.history_seconds()
    fleet.fill(evaluator._standard, [one.row for one in tracked], evaluator._standard.newest(tracked[0].row))
    asked = source.queries
    seconds = []
    for _ in range(ticks):
        clock.unix += _INTERVAL
        started = time.process_time()
        assessed = [each async for each in evaluator.evaluate(tracked)]
        seconds.append(time.process_time() - started)
        if len(assessed) != slos or not all(each.data.available for each in assessed):
            raise AssertionError("a tick left SLOs out, so its time says nothing")
    return Timing(seconds=tuple(seconds)), source.queries - asked
