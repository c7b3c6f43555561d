"""How many status writes SLOs cause at which nothing happens (semantics K14), in an hour of simulated time."""

import asyncio
from typing import Any, Final

import looptime

from backstop.api.to_domain import to_domain
from backstop.domain.status_change import WriteLimits
from backstop.engine.engine import Engine
from backstop.engine.publisher import StatusPublisher
from backstop.engine.sources import SourceBinding
from backstop.engine.witnesses import Witnesses
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.fakes.clock import START, LoopClock
from tests.fakes.counters import CounterSource
from tests.fakes.status import RecordingStatusWriter, SettableLeadership
from tests.fakes.telemetry import RecordingTelemetry

WRITES: Final = Figure(
    name="status_writes_idle",
    what="Status writes of 200 idle SLOs in an hour",
    unit="writes",
    target=200 * 60 / 8,  # a heartbeat of ten minutes, spread by a fifth: none sooner than after eight
)
FIGURES: Final = (WRITES,)
_SETTLING_SECONDS: Final = 1200
_BORN: Final = START.timestamp() - 40 * 86_400


def measure(*, slos: int = 200, seconds: int = 3600) -> list[Measured]:
    """Run the engine with `slos` SLOs until they have settled, then count its writes over `seconds`."""
    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(start=0)) as runner:
        writes = runner.run(_run(slos, seconds))
    setup = (
        f"{slos} SLOs with steady traffic and 30 days of history, {seconds / 60:g} minutes of simulated time after"
        f" {_SETTLING_SECONDS // 60} minutes to settle, real engine and publisher, writes counted by a stand-in for"
        f" the API server; heartbeat {WriteLimits().heartbeat / 60:g} minutes"
    )
    return [WRITES.measured(writes, setup)]


async def _run(slos: int, seconds: int) -> int:
    clock = LoopClock()
    writer = RecordingStatusWriter()
    engine = _engine(clock, writer)
    running = asyncio.create_task(engine.run())
    for number in range(slos):
        engine.on_object("SLO", _with_shared_counters(fleet.resource(number)))
    await asyncio.sleep(_SETTLING_SECONDS)
    settled = len(writer.writes)
    if {status["state"] for _, status in writer.writes[-slos:]} != {"Healthy"}:
        raise AssertionError("the SLOs are not idle, so what they write says nothing")
    await asyncio.sleep(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return len(writer.writes) - settled


def _engine(clock: LoopClock, writer: RecordingStatusWriter) -> Engine:
    telemetry = RecordingTelemetry()
    publisher = StatusPublisher(
        writer=writer,
        clock=clock,
        leadership=SettableLeadership(),
        telemetry=telemetry,
        limits=WriteLimits(),
        writes_per_second=50,
    )
    engine = Engine(
        parse=to_domain, clock=clock, telemetry=telemetry, publisher=publisher, witnesses=Witnesses(None, clock)
    )
    source = CounterSource(clock)
    source.counters = {"requests_total": lambda at: (at - _BORN) * 20, "errors_total": lambda at: (at - _BORN) * 0.004}
    engine.set_sources({"default": SourceBinding(source=source)})
    return engine


def _with_shared_counters(resource: dict[str, Any]) -> dict[str, Any]:
    ratio = {"total": "requests_total", "bad": "errors_total"}
    return resource | {"spec": resource["spec"] | {"indicator": {"ratio": ratio}}}
