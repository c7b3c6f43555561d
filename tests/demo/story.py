"""The story that the demo tells and its checks: healthy, burning, recovered, and the numbers agree."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.demo.agreement import Tally, disagreement
from tests.demo.prometheus import query_number
from tests.demo.reading import Reading, read_slos
from tests.demo.shop import Shop
from tests.demo.table import Table

AVAILABILITY, LATENCY = "checkout-availability", "checkout-latency"
RATE, LOAD_SECONDS = (
    40,
    290,
)  # all load lies within the 5m window, so that counts since the start are counts of the window
# Just enough to overspend both budgets: 5 % against the 1 % that may fail, 25 % against the 5 % that may be slow.
TROUBLE = {"failureRatio": 0.05, "slowRatio": 0.25, "latencySeconds": 0.7}
REPAIRED = {"failureRatio": 0.0, "slowRatio": 1.0, "latencySeconds": 0.0}
HEALTHY_FOR_SECONDS = 30.0  # of good traffic before the trouble, so that its budget is worth something
POLL_SECONDS = 1.0
TOTALS = {  # counts since the application started; good and bad of each SLO, straight from the scraped counters
    AVAILABILITY: (
        'sum(http_requests_total{service="checkout",code!~"5.."})',
        'sum(http_requests_total{service="checkout",code=~"5.."})',
    ),
    LATENCY: (
        'sum(http_request_duration_seconds_bucket{service="checkout",le="0.5"})',
        (
            'sum(http_request_duration_seconds_count{service="checkout"}'
            ' - on (pod) http_request_duration_seconds_bucket{service="checkout",le="0.5"})'
        ),
    ),
}


@dataclass(slots=True)
class Story:
    """One run: what happened when, and what was not as it should be."""

    cluster: Cluster
    shop: Shop
    table: Table
    started: float = field(default_factory=time.monotonic)
    events: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _states: dict[str, str] = field(default_factory=dict)
    _since: dict[str, str] = field(default_factory=dict)  # when the present state was first seen, RFC 3339

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def tell(self) -> None:
        """Play the story. A check that fails is recorded, and ends it. Raises ClusterError when the cluster is lost."""
        try:
            self._tell()
        except ClusterError as error:
            self.failures.append(error.message)
        finally:
            self._stop_load()

    def _stop_load(self) -> None:
        try:
            self.shop.stop_load()
        except ClusterError as error:  # the load ends by itself in time; a person should know that it still runs
            self.failures.append(f"the load could not be stopped: {error.message}")

    def _tell(self) -> None:
        self.note(f"load: {RATE} requests a second; SLOs applied")
        self.follow("waiting for the first numbers", 90, lambda now: all(_is(r, "Healthy") for r in now.values()))
        self.note("both SLOs are Healthy")
        healthy_until = self.elapsed + HEALTHY_FOR_SECONDS
        before = self.follow("all is well", HEALTHY_FOR_SECONDS + 30, lambda _now: self.elapsed >= healthy_until)
        self.shop.behave(**TROUBLE)
        self.note("trouble: 5 % of the requests fail, 25 % take 0.7 s")
        burnt = self.follow("the application fails", 90, lambda now: all(_is(r, "Exhausted") for r in now.values()))
        for name, reading in burnt.items():
            self.expect(f"{name}: the budget fell", holds=_below(reading, before[name]))
        self.shop.behave(**REPAIRED)
        self.note("repaired: every request succeeds at once")
        healed = self.follow(
            "the application is repaired", 220, lambda now: all(_is(r, "Healthy") for r in now.values())
        )
        self.note("both SLOs are Healthy again")
        for name, reading in healed.items():
            self.expect(f"{name}: the budget recovered", holds=_below(burnt[name], reading))
        self.shop.stop_load()
        self.note("load stopped; comparing the numbers")
        self.compare()

    def compare(self) -> None:
        """Wait until what was scraped last is evaluated, then compare the three counts."""
        counted = self.shop.counted()
        own = {
            AVAILABILITY: Tally("the application", counted.good, counted.bad),
            LATENCY: Tally("the application", counted.fast, counted.slow),
        }

        def settled(now: Mapping[str, Reading]) -> bool:
            return all(disagreement(_tally(now[name]), own[name]) is None for name in own)

        try:
            now = self.follow("the last events are scraped and evaluated", 30, settled)
        except ClusterError:
            now = read_slos(self.cluster, self.shop.namespace)
        for name, mine in own.items():
            backstop, scraped = _tally(now[name]), self._promql(name)
            self.note(
                f"{name}: SLI {backstop.sli_percent:.3f} % by Backstop, {scraped.sli_percent:.3f} % by PromQL,"
                f" {mine.sli_percent:.3f} % by the application's own count ({mine.good + mine.bad:.0f} requests)"
            )
            for other in (mine, scraped):
                words = disagreement(backstop, other)
                self.expect(f"{name}: {words}", holds=words is None)

    def follow(self, act: str, seconds: float, until: Callable[[Mapping[str, Reading]], bool]) -> Mapping[str, Reading]:
        """Show the table until the condition holds; return the readings then. Raises ClusterError after `seconds`."""
        deadline = time.monotonic() + seconds
        seen = "nothing"
        while True:
            try:
                now = read_slos(self.cluster, self.shop.namespace)
            except ClusterError as error:  # a short outage of the API server is part of life; the deadline judges
                seen = error.message
            else:
                self._remember(now)
                shown = [replace(reading, since=self._since[name]) for name, reading in now.items()]
                self.table.show(shown, elapsed=self.elapsed, act=act)
                if {AVAILABILITY, LATENCY} <= now.keys() and until(now):
                    return now
                seen = ", ".join(f"{r.name} {r.state} ({r.reason})" for r in now.values()) or "no SLO"
            if time.monotonic() >= deadline:
                raise ClusterError(f"{act}: not within {seconds:.0f} s; last seen: {seen}")
            time.sleep(POLL_SECONDS)

    def _remember(self, now: Mapping[str, Reading]) -> None:
        for name, reading in now.items():
            if self._states.get(name) != reading.state:
                self._states[name] = reading.state
                # The state's own time: the condition stays False while Exhausted becomes AtRisk.
                self._since[name] = datetime.now(UTC).isoformat()
                self.events.append((self.elapsed, f"{name} is {reading.state} ({reading.reason})"))

    def expect(self, what: str, *, holds: bool) -> None:
        if not holds:
            self.failures.append(what)

    def note(self, text: str) -> None:
        self.events.append((self.elapsed, text))
        self.table.say(f"{self.elapsed:5.0f}s  {text}")

    def _promql(self, name: str) -> Tally:
        good, bad = (query_number(self.cluster, expression) or 0.0 for expression in TOTALS[name])
        return Tally("PromQL", good, bad)


def _is(reading: Reading, state: str) -> bool:
    return reading.state == state


def _below(lower: Reading, upper: Reading) -> bool:
    return lower.remaining is not None and upper.remaining is not None and lower.remaining < upper.remaining


def _tally(reading: Reading) -> Tally:
    return Tally("Backstop", reading.good or 0.0, reading.bad or 0.0)
