"""How often a quiet service in order would wake somebody, and how soon one that is down does. `python -m` this: tables.

Simulated are requests at random times (Poisson) and the fast tier of the Google SRE Workbook, burn rate 14.4 over 1h
and 5m, evaluated every 30 s with the operator's own guard. A page is the moment at which the rule begins to fire.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from backstop.domain.low_traffic import Proof, prove_exceeded
from backstop.domain.slo import Evaluation
from tests.benchmarks.figures import Figure, Measured

Floats = npt.NDArray[np.float64]

GUARDED: Final = Figure(
    name="low_traffic_false_pages",
    what="False pages of a quiet service in order: 2 requests an hour, 0.05 % errors, target 99.9 %",
    unit="a month",
    target=0.01,  # one in eight years for each such service; with a hundred of them, one a month
)
UNGUARDED: Final = Figure(
    name="low_traffic_pages_unguarded", what="The same without the guard, for comparison", unit="a month", target=None
)
DOWN: Final = Figure(
    name="low_traffic_outage_minutes",
    what="A total outage of that service: time until half of them have paged",
    unit="minutes",
    target=None,
)
FIGURES: Final = (GUARDED, UNGUARDED, DOWN)

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
MONTH: Final = 30 * DAY
LONG, SHORT, TICK = HOUR, 300.0, 30.0
RETRY_SECONDS: Final = 2.0
SEED: Final = 20_260_101
_REQUESTS_AT_ONCE: Final = 1_000_000

# How a rule treats few events. None: as if they were many.
NO_GUARD: Final = None
GUARD: Final = Evaluation()
GUARD_AND_TEN: Final = Evaluation(minimum_events=10)
GUARDS: Final = (NO_GUARD, GUARD, GUARD_AND_TEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service, and how it is used. `attempts`: how often a client tries a call that keeps failing."""

    calls_per_hour: float
    error_ratio: float
    attempts: int = 1
    target_percent: float = 99.9
    factor: float = 14.4

    @property
    def threshold_ratio(self) -> float:
        return self.factor * (100 - self.target_percent) / 100


QUIET: Final = Service(calls_per_hour=2, error_ratio=0.0005)
IN_ORDER: Final = (
    ("2 requests an hour, 0.05 % fail", QUIET, 300_000),
    ("the same, a failed call is tried three times", replace(QUIET, attempts=3), 20_000),
    ("20 requests an hour, 0.05 % fail", replace(QUIET, calls_per_hour=20), 20_000),
    ("200 requests an hour, 0.05 % fail", replace(QUIET, calls_per_hour=200), 2_000),
    (
        "2 requests an hour, 5 % fail, target 90 %, burn rate 8",
        Service(calls_per_hour=2, error_ratio=0.05, target_percent=90, factor=8),
        10_000,
    ),
)
BROKEN: Final = (
    ("2 requests an hour, all fail", QUIET, 1.0),
    ("2 requests an hour, half fail", QUIET, 0.5),
    ("20 requests an hour, all fail", replace(QUIET, calls_per_hour=20), 1.0),
    ("20 requests an hour, a tenth fails", replace(QUIET, calls_per_hour=20), 0.1),
    ("200 requests an hour, all fail", replace(QUIET, calls_per_hour=200), 1.0),
    ("200 requests an hour, a twentieth fails", replace(QUIET, calls_per_hour=200), 0.05),
)
OUTAGES: Final = 2000


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests in order of time, in seconds."""

    good: Floats
    bad: Floats


def measure(*, months: int = 100_000, outages: int = OUTAGES) -> list[Measured]:
    """Simulate the quiet service in order and down."""
    unguarded, guarded = false_pages(QUIET, months, (NO_GUARD, GUARD))
    without, with_guard = (quantile(each, 0.5) for each in detection(QUIET, 1.0, outages, (NO_GUARD, GUARD)))
    rule = "burn rate 14.4 over 1h and 5m, every 30 s, requests at random times, errors independent"
    simulated = f"{months:,} simulated months of 30 days (seed {SEED})"
    return [
        GUARDED.measured(guarded / months, f"{guarded} pages in {simulated}; {rule}; confidence {GUARD.confidence}"),
        UNGUARDED.measured(unguarded / months, f"{unguarded:,} pages in the same months"),
        DOWN.measured(
            with_guard, f"median of {outages:,} simulated outages; without the guard {without:.3g}, as one error pages"
        ),
    ]


def false_pages(service: Service, months: float, guards: Sequence[Evaluation | None]) -> list[int]:
    """Return how often each kind of guard pages in so many months in which the service is in order."""
    rng = np.random.default_rng(SEED)
    pages = [0] * len(guards)
    most = max(_REQUESTS_AT_ONCE / service.calls_per_hour * HOUR, MONTH)
    left = months * MONTH
    while left > 0:
        seconds = min(left, most)
        seen = Seen.of(traffic(rng, service, 0.0, seconds, service.error_ratio), service)
        pages = [count + len(seen.pages(guard)) for count, guard in zip(pages, guards, strict=True)]
        left -= seconds
    return pages


def detection(service: Service, error_ratio: float, outages: int, guards: Sequence[Evaluation | None]) -> list[Floats]:
    """Return, for each kind of guard, the minutes from the beginning of each outage of a day to its first page.

    Infinite: none within the day.
    """
    rng = np.random.default_rng(SEED)
    parts = []
    for day in range(outages):  # a day in order, a day of outage, and so on
        start = 2 * day * DAY
        parts.append(traffic(rng, service, start, start + DAY, service.error_ratio))
        parts.append(traffic(rng, service, start + DAY, start + 2 * DAY, error_ratio))
    whole = Traffic(np.concatenate([part.good for part in parts]), np.concatenate([part.bad for part in parts]))
    seen = Seen.of(whole, service)
    begins = (2 * np.arange(outages) + 1) * DAY
    minutes = []
    for guard in guards:
        firing = np.append(seen.firing(guard), np.inf)
        first = firing[np.searchsorted(firing, begins)]
        minutes.append(np.where(first <= begins + DAY, (first - begins) / MINUTE, np.inf))
    return minutes


def traffic(rng: np.random.Generator, service: Service, start: float, end: float, error_ratio: float) -> Traffic:
    """Return the requests of a stretch of time. Calls come at random; a failed one is tried again, in vain."""
    calls = rng.poisson(service.calls_per_hour * (end - start) / HOUR)
    gaps = np.cumsum(rng.standard_exponential(calls + 1))  # sums of these are sorted uniform numbers, and cheaper
    at = start + (end - start) * gaps[:-1] / gaps[-1]
    failed = rng.random(calls) < error_ratio
    tries = at[failed][:, None] + RETRY_SECONDS * np.arange(service.attempts)
    return Traffic(good=at[~failed], bad=np.sort(tries.ravel()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the rule sees at each tick at which its short window burns; at no other can it fire."""

    ticks: Floats
    good: Floats  # in the long window
    bad: Floats
    all_bad_seconds: Floats
    threshold_ratio: float

    @classmethod
    def of(cls, requests: Traffic, service: Service) -> "Seen":
        first = np.ceil(requests.bad / TICK)[:, None] + np.arange(SHORT / TICK)
        ticks = np.unique(first) * TICK
        short_good, short_bad = (_within(each, ticks, SHORT) for each in (requests.good, requests.bad))
        ticks = ticks[(short_bad > 0) & (short_bad >= service.threshold_ratio * (short_bad + short_good))]
        return cls(
            ticks=ticks,
            good=_within(requests.good, ticks, LONG),
            bad=_within(requests.bad, ticks, LONG),
            all_bad_seconds=_all_bad(requests, ticks),
            threshold_ratio=service.threshold_ratio,
        )

    def firing(self, guard: Evaluation | None) -> Floats:
        """Return the ticks at which the rule fires."""
        if guard is None:
            return self.ticks[self.bad >= self.threshold_ratio * (self.bad + self.good)]

        @cache
        def proven(good: float, bad: float, seconds: float) -> bool:
            found = prove_exceeded(
                good=good, bad=bad, threshold_ratio=self.threshold_ratio, all_bad_seconds=seconds, evaluation=guard
            )
            return found.proof is Proof.PROVEN

        lasting = np.minimum(self.all_bad_seconds, guard.all_bad_for_seconds)  # more does not matter: more is cached
        rows = zip(self.good.tolist(), self.bad.tolist(), lasting.tolist(), strict=True)
        return self.ticks[np.fromiter((proven(*row) for row in rows), dtype=bool, count=len(self.ticks))]

    def pages(self, guard: Evaluation | None) -> Floats:
        """Return the ticks at which it begins to fire."""
        firing = self.firing(guard)
        return firing[np.diff(firing, prepend=-np.inf) > TICK]


def _within(at: Floats, ticks: Floats, window: float) -> Floats:
    """Return how many requests each window before a tick holds, its end included."""
    until = np.searchsorted(at, ticks, side="right")
    return (until - np.searchsorted(at, ticks - window, side="right")).astype(float)


def _all_bad(requests: Traffic, ticks: Floats) -> Floats:
    """Return the time from the first bad request after the last good one to the latest, in whole minutes.

    What backstop.domain.low_traffic.all_bad_seconds finds in minute slices, for many ticks at once.
    """
    before = np.concatenate([[-np.inf], requests.good])
    last_good = before[np.searchsorted(requests.good, ticks, side="right")]
    first = np.searchsorted(requests.bad, last_good, side="right")
    latest = np.searchsorted(requests.bad, ticks, side="right") - 1
    since = requests.bad[np.minimum(first, latest)]  # with a good request after the latest bad one there is no run
    return (np.ceil(requests.bad[latest] / MINUTE) - np.ceil(since / MINUTE)) * MINUTE


def pages_table() -> Iterator[str]:
    """Yield the lines of the table of false pages that docs/explanation/low-traffic.md shows."""
    yield "| a service in order | no guard | guard | guard, `minimumEvents: 10` | simulated |"
    yield "|---|---|---|---|---|"
    for name, service, months in IN_ORDER:
        cells = [_rate(pages / months) for pages in false_pages(service, months, GUARDS)]
        yield _row(name, *cells, f"{months:,} months")


def outages_table() -> Iterator[str]:
    """Yield the lines of the table of outages: median, and what 95 % stay under."""
    yield "| what is broken | no guard | guard | guard, `minimumEvents: 10` |"
    yield "|---|---|---|---|"
    for name, service, error_ratio in BROKEN:
        yield _row(name, *(_minutes(each) for each in detection(service, error_ratio, OUTAGES, GUARDS)))


def _rate(value: float) -> str:
    """Two significant digits, never as a power of ten."""
    return np.format_float_positional(float(f"{value:.2g}"), trim="-")


def quantile(minutes: Floats, share: float) -> float:
    """Return the time that no less than this share of outages stay under."""
    return float(np.quantile(minutes, share, method="higher"))


def _minutes(found: Floats) -> str:
    shown = (quantile(found, share) for share in (0.5, 0.95))
    return " / ".join(f"{value:.0f}" if np.isfinite(value) else "over 1,440" for value in shown)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _main(tables: Iterable[Iterator[str]]) -> None:
    for table in tables:
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    _main((pages_table(), outages_table()))
