"""How many samples a Prometheus reads for an SLO, by its own counter: for Backstop, and for recording rules.

A real Prometheus gets the history of 50 services written. Backstop's evaluator then asks it at the instants of real
ticks, 30 s apart, that lie in that history, so the minutes cost seconds. What the server read is the growth of
`prometheus_engine_query_samples_total` while that went on; nobody else asks it anything.
"""

import asyncio
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.slo import SLO
from backstop.engine.tracked import Tracked
from backstop.ports.metrics import InstantAnswer, MetricsSource, Sample
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.set_clock import SetClock
from tests.engine.harness import Harness
from tests.prometheus_server import PrometheusServer

RATIO: Final = Figure(
    name="samples_ratio",
    what="Samples that Prometheus reads for an SLO, against the samples scraped for its series",
    unit="per sample scraped",
    target=2,
)
BASELINE: Final = Figure(
    name="rules_baseline_reads",
    what="Samples read for one SLO of the same kind by 30-day recording rules, for comparison",
    unit="samples a minute",
    target=None,
)
FIGURES: Final = (RATIO, BASELINE)

SCRAPE: Final = 5  # seconds
INTERVAL: Final = 30  # seconds between ticks, and between evaluations of the rules
PODS: Final = 2  # per service; each is a target and has two series, one per code
SERIES: Final = 2 * PODS
RULE_RANGES: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
DAY: Final = 86_400
_COUNTER: Final = "prometheus_engine_query_samples_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How much is written and how long it is watched."""

    slos: int
    warm_minutes: int  # history of the services before the first tick
    minutes: int  # under measurement
    rule_days: float  # raw history of the service that the rules look at
    recorded_days: float  # of the recorded 5-minute ratio

    @property
    def start(self) -> int:
        """The instant of the first tick, unix seconds on a minute; the last tick is now or a little before."""
        return int(time.time()) // 60 * 60 - (self.minutes + 2) * 60


def measure(
    *,
    slos: int = 50,
    warm_minutes: int = 40,
    minutes: int = 30,
    rule_days: float = 3.0,
    recorded_days: float = 30.0,
) -> list[Measured]:
    """Read `minutes` of ticks, with and without the series that prove births, then the rules at the same instants."""
    scene = Scene(
        slos=slos, warm_minutes=warm_minutes, minutes=minutes, rule_days=rule_days, recorded_days=recorded_days
    )
    with tempfile.TemporaryDirectory(prefix="backstop-bench-") as folder:
        server = PrometheusServer(Path(folder))
        server.start()
        try:
            return _measure(server, scene)
        finally:
            server.stop(how=signal.SIGKILL)


def _measure(server: PrometheusServer, scene: Scene) -> list[Measured]:
    start = scene.start
    _write_services(server, scene, start)
    counters = asyncio.run(_ticks(server, scene, start))
    _write_targets(server, scene, start)
    whole = asyncio.run(_ticks(server, scene, start))
    rules = _rules(server, scene, start)
    scraped = SERIES * 60 / SCRAPE
    ticks = (
        f"{scene.slos} ratio SLOs (30d window) of {SERIES} series each, scraped every {SCRAPE} s, {scene.slos * PODS}"
        f" targets; {scene.minutes} minutes of ticks every {INTERVAL} s at instants of a written history, probes"
        f" included, {_COUNTER} of a real Prometheus before and after"
    )
    return [
        RATIO.measured(
            whole.steady / scraped,
            f"{whole.steady:,.0f} read and {scraped:g} scraped per SLO and minute; {counters.steady:,.0f} without the"
            f" series up and process_start_time_seconds on the server, which prove births; no series begins or restarts"
            f" meanwhile; reading the history once at first sight cost {whole.first:,.0f} an SLO; {ticks}",
        ),
        BASELINE.measured(
            rules,
            f"rates over {', '.join(RULE_RANGES)} on {scene.rule_days:g} days of raw history and avg_over_time over"
            f" {scene.recorded_days:g} days of the recorded 5m ratio, every {INTERVAL} s; {rules / scraped:,.0f} read"
            f" per sample scraped, {rules / whole.steady:,.0f} times Backstop's, in the same run; one SLO measured, as"
            f" all are alike",
        ),
    ]


# --- what is written ---------------------------------------------------------------------------------------------


def _write_services(server: PrometheusServer, scene: Scene, start: int) -> None:
    """Write the counters of every service; the first one's reach back as far as the rules look."""
    end = start + (scene.minutes + 1) * 60
    for number in range(scene.slos):
        slo = fleet.slo(number)
        seconds = scene.warm_minutes * 60 if number else max(scene.rule_days * DAY, scene.warm_minutes * 60)
        times = range(end - scene.minutes * 60 - int(seconds), end + 1, SCRAPE)
        for target in _targets(slo):
            for code, step in (("200", 50.0), ("500", 0.5)):
                labels = {**target, "service": slo.name, "code": code}
                server.write("http_requests_total", labels, [(at, step * n) for n, at in enumerate(times)])


def _write_targets(server: PrometheusServer, scene: Scene, start: int) -> None:
    """Write what every scrape adds for its target."""
    times = range(start - scene.warm_minutes * 60, start + (scene.minutes + 1) * 60 + 1, SCRAPE)
    for number in range(scene.slos):
        for target in _targets(fleet.slo(number)):
            server.write("up", target, [(at, 1.0) for at in times])
            server.write("process_start_time_seconds", target, [(at, start - 10.0 * DAY) for at in times])


def _targets(slo: SLO) -> Iterator[dict[str, str]]:
    for pod in range(PODS):
        yield {"job": slo.name, "instance": f"{slo.name}-{pod}:8080"}


# --- what is read ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Samples per SLO."""

    first: float  # at first sight: probe and history
    steady: float  # per minute, from then on


class _AtSetTime:
    """The source, but that its clock is the one that is set."""

    def __init__(self, inner: MetricsSource, clock: SetClock) -> None:
        self._inner = inner
        self._clock = clock
        self.name = inner.name
        self.timeout_seconds = inner.timeout_seconds
        self.concurrency = inner.concurrency
        self.query_range = inner.query_range
        self.close = inner.close

    async def query(self, expression: str, *, at: float | None) -> InstantAnswer:
        if at is None:  # `time()`, which reads no sample
            return InstantAnswer((Sample({}, self._clock.unix),))
        return await self._inner.query(expression, at=at)


async def _ticks(server: PrometheusServer, scene: Scene, start: int) -> Reads:
    clock = SetClock(float(start))
    source = _AtSetTime(connect(Source(name="default", url=server.url)), clock)
    tracked = [Tracked(slo=fleet.slo(number)) for number in range(scene.slos)]
    try:
        async with Harness.running(source, clock) as harness:
            before = _samples(server)
            await _tick(harness, tracked)
            settled = _samples(server)
            while clock.unix < start + scene.minutes * 60:
                clock.unix += INTERVAL
                await _tick(harness, tracked)
            after = _samples(server)
    finally:
        await source.close()
    return Reads(first=(settled - before) / scene.slos, steady=(after - settled) / scene.slos / scene.minutes)


async def _tick(harness: Harness, tracked: list[Tracked]) -> None:
    assessed = [each async for each in harness.evaluator.evaluate(tracked)]
    await harness.evaluator.history.idle()
    if len(assessed) != len(tracked) or not all(each.data.available for each in assessed):
        raise AssertionError(f"not every SLO was read: {assessed[:1]}")


def _rules(server: PrometheusServer, scene: Scene, start: int) -> float:
    """Return the samples per minute of one SLO's rules. Some evaluations stand for all: each reads about the same."""
    service = fleet.slo(0).name
    end = start + scene.minutes * 60
    times = range(end - int(scene.recorded_days * DAY), end + 1, INTERVAL)
    server.write("slo:sli_error:ratio_rate5m", {"service": service}, [(at, 0.01) for at in times])
    total = f'http_requests_total{{service="{service}"}}'
    bad = f'http_requests_total{{service="{service}",code=~"5.."}}'
    rules = [f"sum(rate({bad}[{span}])) / sum(rate({total}[{span}]))" for span in RULE_RANGES]
    rules.append(f'avg_over_time(slo:sli_error:ratio_rate5m{{service="{service}"}}[{scene.recorded_days * DAY:.0f}s])')
    evaluations = range(end - 3 * INTERVAL, end + 1, INTERVAL)
    before = _samples(server)
    for at in evaluations:
        for rule in rules:
            if server.value(rule, at) is None:
                raise AssertionError(f"the rule {rule} found nothing")
    return (_samples(server) - before) / len(evaluations) * 60 / INTERVAL


def _samples(server: PrometheusServer) -> float:
    text = requests.get(f"{server.url}/metrics", timeout=60).text
    return float(next(line for line in text.splitlines() if line.startswith(f"{_COUNTER} ")).split()[1])
