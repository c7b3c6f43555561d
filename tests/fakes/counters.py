"""A source in which every metric is a known function of time, so that whole days of evaluation cost milliseconds.

It answers the very queries that the engine plans, by taking the fused expression apart again.
"""

import re
from collections.abc import Callable

from backstop.domain.duration import parse_duration
from backstop.engine.planner import MARKER
from backstop.ports.clock import Clock
from backstop.ports.metrics import Sample
from tests.fakes.metrics_source import FakeMetricsSource

_TERM = re.compile(
    r'label_replace\((?P<term>.*?), "' + MARKER + r'", "(?P<mark>\d+:[\d/]*(?P<name>\w+))", "", ""\)', re.DOTALL
)
_SPAN = re.compile(r"offset (\w+)\)|\[(\w+)\]")
SCRAPE_SECONDS = 15

Cumulative = Callable[[float], float]  # unix seconds to the value of the counter


class CounterSource(FakeMetricsSource):
    """`counters` maps metric names to what they have counted at an instant; an unknown name does not exist."""

    def __init__(self, clock: Clock, name: str = "default", **settings: float) -> None:
        super().__init__(name, **settings)  # type: ignore[arg-type]
        self._clock = clock
        self.counters: dict[str, Cumulative] = {}
        self.silent: Callable[[float], bool] = lambda _: False  # instants without samples (Prometheus did not scrape)
        self.answer_by(self._answer)

    def _answer(self, expression: str, at: float | None) -> list[Sample] | None:
        if expression == "time()":
            return [Sample({}, self._clock.now().timestamp())]
        assert at is not None
        samples = []
        for found in _TERM.finditer(expression):
            value = self._value(found["term"], found["name"], at)
            if value is not None:
                samples.append(Sample({MARKER: found["mark"]}, value))
        return samples

    def _value(self, term: str, name: str, at: float) -> float | None:
        metric = next((m for m in sorted(self.counters, key=len, reverse=True) if m in term), None)
        if metric is None or self.silent(at):
            return None
        if name.startswith(("rest_", "proven_")):
            return None  # these counters are never born nor reset
        if name == "newest":
            return at - 1
        if name == "scrape":
            return SCRAPE_SECONDS
        span = _SPAN.search(term)
        assert span is not None, term
        before = at - parse_duration(span[1] or span[2])
        return self.counters[metric](at) - self.counters[metric](before)
