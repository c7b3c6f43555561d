"""How much memory the operator holds with 10,000 SLOs. `python -m` this: the process that is measured.

That process has every module of `backstop run` loaded and the real engine, publisher and metrics registry in it. What
talks to others is replaced: the source answers from memory, statuses are counted instead of sent, nobody watches.
"""

import argparse
import asyncio
import importlib
import json
import resource
from typing import Any, Final

from backstop.adapters.clock import SystemClock
from backstop.adapters.telemetry.prometheus import PrometheusTelemetry
from backstop.api.to_domain import to_domain
from backstop.domain.status_change import WriteLimits
from backstop.engine.engine import Engine
from backstop.engine.publisher import StatusPublisher
from backstop.engine.sources import SourceBinding
from backstop.engine.witnesses import Witnesses
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.instant_source import InstantSource
from tests.benchmarks.processes import resident_bytes, run_module
from tests.benchmarks.set_clock import SetClock
from tests.fakes.status import SettableLeadership

RSS: Final = Figure(name="rss_10k_mib", what="Resident memory with 10,000 SLOs", unit="MiB", target=500)
FIGURES: Final = (RSS,)
_TICKS: Final = 3
_INTERVAL: Final = 30.0
_BLOCK: Final = 500  # rows filled at a time, so that filling leaves no great hole behind
_WRITING_SECONDS: Final = 60.0


def measure(*, slos: int = 10_000) -> list[Measured]:
    """Hold `slos` SLOs in a fresh process and read its resident memory after some ticks."""
    seen = run_module("tests.benchmarks.memory", slos=slos)
    mib = {name: value / 2**20 for name, value in seen.items()}
    setup = (
        f"a process with the modules, engine, status publisher and metrics registry of `backstop run`, {slos:,} ratio"
        f" SLOs of one 30d window on full ledger rows, after {_TICKS} ticks with every status written once; source and"
        f" API server are in-memory stand-ins, kopf does not watch; {mib['start']:.0f} MiB are there before the first"
        f" SLO, {mib['ledger']:.0f} MiB are ledger, the peak was {mib['peak']:.0f} MiB"
    )
    return [RSS.measured(mib["end"], setup)]


class _CountingWriter:
    """Takes statuses and keeps nothing of them. `enough` is set after `expected` of them."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self.enough = asyncio.Event()

    async def apply_status(self, *_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            self.enough.set()

    async def emit_event(self, *_: Any, **__: Any) -> None:
        """Take the Event."""


async def _hold(slos: int) -> dict[str, int]:
    start = resident_bytes()
    clock = SetClock(float(fleet.NOW))
    telemetry = PrometheusTelemetry()
    writer = _CountingWriter(slos)
    publisher = StatusPublisher(
        writer=writer,
        clock=SystemClock(),  # it naps between its rounds, and nobody moves the other clock meanwhile
        leadership=SettableLeadership(),
        telemetry=telemetry,
        limits=WriteLimits(),
        writes_per_second=1e9,
    )
    engine = Engine(
        parse=to_domain, clock=clock, telemetry=telemetry, publisher=publisher, witnesses=Witnesses(None, clock)
    )
    engine.set_sources({"default": SourceBinding(source=InstantSource(clock))})
    for number in range(slos):
        engine.on_object("SLO", fleet.resource(number))
    await _tick(engine)
    ledger_bytes = _remember(engine)
    writing = asyncio.create_task(publisher.run())
    for _ in range(_TICKS):
        clock.unix += _INTERVAL
        await _tick(engine)
    await asyncio.wait_for(writer.enough.wait(), _WRITING_SECONDS)
    telemetry.render()  # a scrape
    end = resident_bytes()
    writing.cancel()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"start": start, "end": end, "peak": peak, "ledger": ledger_bytes}


def _remember(engine: Engine) -> int:
    """Put 35 days of history into every row, as if it had been read; return the bytes that takes."""
    evaluator = engine._evaluators["default"]
    ledger, tracked = evaluator._standard, list(engine._tracked.values())
    for one in tracked:
        one.backfilled_seconds = one.history_seconds()
    evaluator.history._jobs = asyncio.Queue()  # nobody works on them here, and what they would read is there now
    for position in range(0, len(tracked), _BLOCK):
        rows = [one.row for one in tracked[position : position + _BLOCK]]
        fleet.fill(ledger, rows, ledger.newest(rows[0]))
    return ledger.bytes_per_row() * len(tracked)


async def _tick(engine: Engine) -> None:
    async with asyncio.TaskGroup() as ticks:
        engine.scheduler.start_due(ticks)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slos", type=int, required=True)
    importlib.import_module("backstop.bootstrap.operator")  # the libraries of the real process take memory too
    print(json.dumps(asyncio.run(_hold(parser.parse_args().slos))))


if __name__ == "__main__":
    _main()
