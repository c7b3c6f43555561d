"""A history with the SLO that reads it and the oracle that knows its numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from backstop.domain.slo import LatencyIndicator, RatioIndicator
from tests.history.files import make_blocks
from tests.history.oracle import Steps, counted, happened
from tests.history.scraping import Exposed, Kind, Scraping, Span, Target, Truth, scrape
from tests.history.series import NAME, Series
from tests.history.traffic import DAY

# In the past, and each in one block of its own: histories as text, and those that need the writer (files.py).
TEXT_START: Final = 1_737_417_600.0  # 2025-01-21
STREAM_START: Final = 1_742_688_000.0  # 2025-03-23
DAYS: Final = 31  # a window of 30 days begins after the history does


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`total` and `part` are the labels (whole values) that the indicator's series have."""

    name: str
    what: str  # for the table in the documentation
    start: float
    end: float
    interval: float  # of scrapes, seconds
    series: Sequence[Series]
    truths: Sequence[Truth]
    indicator: RatioIndicator | LatencyIndicator
    total: Mapping[str, str]
    part: Mapping[str, str]
    part_is_good: bool = False
    upto_bucket: int | None = None  # of a native histogram: the bucket that ends at the threshold

    @property
    def as_text(self) -> bool:
        """True when OpenMetrics text can hold it."""
        return not any(one.buckets or one.ends for one in self.series)

    @cached_property
    def total_steps(self) -> Steps:
        """What brute force counts."""
        return counted(self.series, _having(self.total), interval=self.interval)

    @cached_property
    def part_steps(self) -> Steps:
        return counted(self.series, _having(self.part), interval=self.interval, upto_bucket=self.upto_bucket)

    @cached_property
    def truth(self) -> tuple[Steps, Steps]:
        """The good and the bad events that truly happened where somebody looked."""
        return happened(self.truths)

    def brute_force(self, start: float, end: float) -> tuple[float, float]:
        """Return total and bad events of the samples after `start` and up to `end`."""
        total, part = self.total_steps.between(start, end), self.part_steps.between(start, end)
        return total, total - part if self.part_is_good else part


def _having(labels: Mapping[str, str]) -> Callable[[Mapping[str, str]], bool]:
    return lambda found: all(found.get(name) == value for name, value in labels.items())


def store(scenarios: Sequence[Scenario], data: Path) -> None:
    """Store histories as blocks, those that text can hold as text; the two kinds lie apart in time."""
    for as_text in (True, False):
        make_blocks([one for scenario in scenarios if scenario.as_text is as_text for one in scenario.series], data)


# --- services that count requests --------------------------------------------------------------------------------


def requests(
    name: str,
    what: str,
    *,
    targets: Sequence[Target],
    how: Scraping,
    kinds: Mapping[str, Kind],
    exposed: Sequence[Exposed] | None = None,
    start: float = TEXT_START,
    end: float | None = None,
    seed: int,
) -> Scenario:
    """Return a service whose `NAME_requests_total` has a series per kind of event, labelled with its `code`.

    Kinds are named by their code; good ones are exposed from the start of a process, bad ones with their first event.
    """
    metric = f"{name}_requests_total"
    if exposed is None:
        exposed = [
            Exposed(name=metric, labels={"code": code}, kinds=(code,), appears_with=() if kind.good else (code,))
            for code, kind in kinds.items()
        ]
    series, truths = scrape_all(targets, kinds, exposed, how, seed)
    return Scenario(
        name=name,
        what=what,
        start=start,
        end=end if end is not None else start + DAYS * DAY,
        interval=how.interval,
        series=series,
        truths=truths,
        indicator=RatioIndicator(total=metric, bad=f'{metric}{{code="500"}}'),
        total={NAME: metric},
        part={NAME: metric, "code": "500"},
    )


def latency(
    name: str,
    what: str,
    *,
    targets: Sequence[Target],
    how: Scraping,
    kinds: Mapping[float, Kind],
    threshold: str,
    native: bool,
    start: float,
    seed: int,
) -> Scenario:
    """Return a service with a histogram of durations; `kinds` are named by the bound of the bucket they fall into."""
    metric = f"{name}_seconds"
    named = {f"{bound:g}": kind for bound, kind in kinds.items()}
    everything = tuple(named)
    limit = float(threshold)
    if native:
        top = 2 * max(bound for bound in kinds if bound < np.inf)  # where what is slower than all bounds falls
        buckets = {round(np.log2(min(bound, top))): f"{bound:g}" for bound in kinds}
        exposed = [Exposed(name=metric, appears_with=everything, buckets=buckets)]
    else:
        bounds = sorted(bound for bound in kinds)
        exposed = [
            Exposed(
                name=f"{metric}_bucket",
                labels={"le": _le(bound)},
                kinds=tuple(f"{b:g}" for b in bounds if b <= bound),
                appears_with=everything,
            )
            for bound in bounds
        ] + [Exposed(name=f"{metric}_count", kinds=everything, appears_with=everything)]
    series, truths = scrape_all(targets, named, exposed, how, seed)
    return Scenario(
        name=name,
        what=what,
        start=start,
        end=start + DAYS * DAY,
        interval=how.interval,
        series=series,
        truths=truths,
        indicator=LatencyIndicator(histogram=metric, selector="{}", threshold_seconds=Decimal(threshold)),
        total={NAME: metric if native else f"{metric}_count"},
        part={NAME: metric} if native else {NAME: f"{metric}_bucket", "le": _le(limit)},
        part_is_good=True,
        upto_bucket=round(np.log2(limit)) if native else None,
    )


def scrape_all(
    targets: Sequence[Target], kinds: Mapping[str, Kind], exposed: Sequence[Exposed], how: Scraping, seed: int
) -> tuple[list[Series], list[Truth]]:
    """Scrape every target; each has its own randomness, so that one more changes nothing for the others."""
    series: list[Series] = []
    truths = []
    for number, target in enumerate(targets):
        found, truth = scrape(target, kinds, exposed, how, np.random.default_rng([seed, number]))
        series += [one for one in found if len(one.times)]
        truths.append(truth)
    return series, truths


def pods(name: str, count: int, *, start: float, lives: Sequence[Span] | None = None) -> list[Target]:
    """Return targets that are there all the time."""
    whole = [(start - DAY, start + DAYS * DAY)]
    return [
        Target(job=name, instance=f"{name}-{number}:8080", lives=lives or whole, known=(start, np.inf))
        for number in range(count)
    ]


def _le(bound: float) -> str:
    return "+Inf" if np.isinf(bound) else f"{bound!r}"  # 1.0, as Prometheus 3 writes it (K20)
