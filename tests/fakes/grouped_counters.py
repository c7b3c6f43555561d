"""A source whose counters have labels: each set of values is a known function of time, or does not exist just then."""

import re
from collections.abc import Callable, Iterator, Mapping

from backstop.domain.duration import parse_duration
from backstop.engine.planner import MARKER
from backstop.ports.clock import Clock
from backstop.ports.metrics import Sample
from tests.fakes.counters import SCRAPE_SECONDS
from tests.fakes.metrics_source import FakeMetricsSource

_TERM = re.compile(
    r"label_replace\(topk\((?P<most>\d+), (?P<term>.*?)\), \""
    + MARKER
    + r'", "(?P<mark>\d+:[\d/]*(?P<name>\w+))", "", ""\)',
    re.DOTALL,
)
_BY = re.compile(r"sum by \((?P<labels>[^)]*)\)")
_SPAN = re.compile(r"offset (\w+)\)|\[(\w+)\]")

Cumulative = Callable[[float], float | None]  # unix seconds to the value; None: the series does not exist then


class GroupedSource(FakeMetricsSource):
    """`counters` maps a metric to its series: values of labels by name, as a tuple of pairs, to what they counted.

    Series are never born nor reset here: one that appears has stood still before, unseen.
    """

    def __init__(self, clock: Clock, name: str = "default") -> None:
        super().__init__(name)
        self._clock = clock
        self.counters: dict[str, dict[tuple[tuple[str, str], ...], Cumulative]] = {}
        self.silent: Callable[[float], bool] = lambda _: False  # instants without any sample
        self.answer_by(self._answer)

    def put(self, metric: str, counted: Cumulative, **labels: str) -> None:
        """Set a series."""
        self.counters.setdefault(metric, {})[tuple(sorted(labels.items()))] = counted

    def _answer(self, expression: str, at: float | None) -> list[Sample] | None:
        if expression == "time()":
            return [Sample({}, self._clock.now().timestamp())]
        assert at is not None
        samples: list[Sample] = []
        for found in _TERM.finditer(expression):
            values = list(self._values(found["term"], found["name"], at))
            values.sort(key=lambda pair: -pair[1])
            samples += [
                Sample({**labels, MARKER: found["mark"]}, value) for labels, value in values[: int(found["most"])]
            ]
        return samples

    def _values(self, term: str, name: str, at: float) -> Iterator[tuple[Mapping[str, str], float]]:
        metric = next((m for m in sorted(self.counters, key=len, reverse=True) if m in term), None)
        if metric is None or self.silent(at) or name.startswith(("steady_", "rest_", "proven_")):
            return
        series = self.counters[metric]
        if name in ("newest", "scrape"):
            if any(counted(at) is not None for counted in series.values()):
                yield {}, at - 1 if name == "newest" else SCRAPE_SECONDS
            return
        span = _SPAN.search(term)
        assert span is not None, term
        before = at - parse_duration(span[1] or span[2])
        by = _BY.search(term)
        wanted = [label.strip() for label in by["labels"].split(",")] if by else []
        sums: dict[tuple[tuple[str, str], ...], float] = {}
        for labels, counted in series.items():
            now = counted(at)
            if now is not None:
                key = tuple((label, value) for label, value in labels if label in wanted)
                sums[key] = sums.get(key, 0.0) + now - (counted(before) or 0.0)
        yield from ((dict(key), value) for key, value in sums.items())
