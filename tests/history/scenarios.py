"""The histories of 31 days that replays are held against, in the order of the table in the documentation.

Every one is the same at each run: its seed stands here.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from tests.history.scenario import DAYS, STREAM_START, TEXT_START, Scenario, latency, pods, requests
from tests.history.scraping import Exposed, Kind, Scraping, Target
from tests.history.traffic import DAY, at_instants, at_rate, daily, during, steady, stepped, times

HOUR: Final = 3600.0
END: Final = TEXT_START + DAYS * DAY


def availability() -> Scenario:
    traffic = daily(4.0)
    incidents = [(END - 2.2 * HOUR, END - 1.9 * HOUR), (END - 18 * DAY, END - 18 * DAY + 40 * 60)]
    errors = during(incidents, times(traffic, 0.2), times(traffic, 0.003))
    return requests(
        "availability",
        "two pods, daily traffic, two incidents, scraped every 15 s",
        targets=pods("availability", 2, start=TEXT_START),
        how=Scraping(interval=15, markers=False),
        kinds={
            "200": Kind(good=True, happen=at_rate(times(traffic, 0.95))),
            "404": Kind(good=True, happen=at_rate(times(traffic, 0.05))),
            "500": Kind(good=False, happen=at_rate(errors)),
        },
        seed=1,
    )


def latency_classic() -> Scenario:
    return latency(
        "latency_classic",
        "classic histogram, threshold 0.5 s",
        targets=pods("latency_classic", 2, start=TEXT_START),
        how=Scraping(interval=30, markers=False),
        kinds=_durations(),
        threshold="0.5",
        native=False,
        start=TEXT_START,
        seed=2,
    )


def latency_native() -> Scenario:
    return latency(
        "latency_native",
        "native histogram, threshold 0.5 s, a bucket boundary",
        targets=pods("latency_native", 2, start=STREAM_START),
        how=Scraping(interval=30),
        kinds=_durations(),
        threshold="0.5",
        native=True,
        start=STREAM_START,
        seed=3,
    )


def _durations() -> dict[float, Kind]:
    traffic = daily(3.0)
    shares = {0.125: 0.70, 0.25: 0.24, 0.5: 0.05, 1.0: 0.008, np.inf: 0.002}
    return {bound: Kind(good=bound <= 0.5, happen=at_rate(times(traffic, share))) for bound, share in shares.items()}


def sparse() -> Scenario:
    rng = np.random.default_rng(4)
    errors = np.sort(rng.uniform(TEXT_START + HOUR, END - 60, 45))
    kinds = {"200": Kind(good=True, happen=at_rate(steady(2 / HOUR)))} | {
        f"error {number}": Kind(good=False, happen=at_instants([at])) for number, at in enumerate(errors)
    }
    metric = "sparse_requests_total"
    return requests(
        "sparse",
        "two requests an hour, each error the first event of a new series",
        targets=pods("sparse", 1, start=TEXT_START),
        how=Scraping(interval=30, markers=False),
        kinds=kinds,
        exposed=[
            Exposed(name=metric, labels={"code": "200"}, kinds=("200",)),
            *(
                Exposed(name=metric, labels={"code": "500", "path": f"/{n}"}, kinds=(error,), appears_with=(error,))
                for n, error in enumerate(name for name in kinds if name != "200")
            ),
        ],
        seed=4,
    )


def steps() -> Scenario:
    traffic = stepped(0.01, 100.0, every=7 * HOUR, lasts=40 * 60)
    return requests(
        "steps",
        "traffic that jumps by a factor of 10,000, with 5 % errors below and 0.1 % above",
        targets=pods("steps", 2, start=TEXT_START),
        how=Scraping(interval=30, markers=False),
        kinds={
            "200": Kind(good=True, happen=at_rate(traffic)),
            "500": Kind(good=False, happen=at_rate(lambda at: np.where(traffic(at) > 1, 0.1, 0.0005))),
        },
        seed=5,
    )


def silence() -> Scenario:
    quiet = [(TEXT_START + hours * HOUR, TEXT_START + hours * HOUR + 900) for hours in range(5, DAYS * 24, 6)]
    busy = during(quiet, steady(0.0), steady(2.0))
    return requests(
        "silence",
        "15 minutes without a request, four times a day",
        targets=pods("silence", 1, start=TEXT_START),
        how=Scraping(interval=30, markers=False),
        kinds=_plain(busy),
        seed=6,
    )


def resets() -> Scenario:
    rng = np.random.default_rng(7)
    begins = TEXT_START - HOUR + np.arange(DAYS * 24 + 1) * HOUR + rng.uniform(0, 600, DAYS * 24 + 1)
    ends = [*(begins[1:] - rng.uniform(1, 8, DAYS * 24)), END]  # it takes some seconds to start again
    return requests(
        "resets",
        "the process restarts every hour at the same address",
        targets=pods("resets", 1, start=TEXT_START, lives=list(zip(begins, ends, strict=True))),
        how=Scraping(interval=30, markers=False),
        kinds=_plain(steady(2.0)),
        seed=7,
    )


OUTAGES: Final = tuple((END - days * DAY, END - days * DAY + 2 * HOUR) for days in (20.43, 0.8))


def outage() -> Scenario:
    return requests(
        "outage",
        "Prometheus was down for two hours, twice",
        targets=pods("outage", 2, start=TEXT_START),
        how=Scraping(interval=30, markers=False, outages=OUTAGES),
        kinds=_plain(steady(2.0)),
        seed=8,
    )


def slow_scrapes() -> Scenario:
    return requests(
        "slow_scrapes",
        "scraped every two minutes, a pod replaced each day",
        targets=_replaced("slow_scrapes", start=TEXT_START, every=DAY, overlap=300),
        how=Scraping(interval=120, jitter=2, markers=False),
        kinds=_plain(steady(1.0)),
        seed=9,
    )


def churn() -> Scenario:
    return requests(
        "churn",
        "pods replaced every three hours, 0.2 % of scrapes fail, series end with markers",
        targets=[
            *_replaced("churn", start=STREAM_START, every=3 * HOUR, overlap=90),
            *_replaced("churn_too", start=STREAM_START + 1234, every=3 * HOUR, overlap=90),
        ],
        how=Scraping(interval=15, failing=0.002),
        kinds=_plain(steady(1.0)),
        start=STREAM_START,
        seed=10,
    )


def _plain(traffic: Callable[[np.ndarray], np.ndarray]) -> dict[str, Kind]:  # type: ignore[type-arg]
    return {
        "200": Kind(good=True, happen=at_rate(traffic)),
        "500": Kind(good=False, happen=at_rate(times(traffic, 0.01))),
    }


def _replaced(name: str, *, start: float, every: float, overlap: float) -> list[Target]:
    """Return pods one after the other; the next one starts before the last one ends, and is scraped some seconds on."""
    targets = []
    begin = start
    while begin < start + DAYS * DAY - overlap:
        end = min(begin + every + overlap, start + DAYS * DAY)
        targets.append(
            Target(job=name, instance=f"{name}-{begin:.0f}:8080", lives=[(begin, end)], known=(begin + 2, end))
        )
        begin += every
    return targets


ALL: Final[tuple[Callable[[], Scenario], ...]] = (
    availability,
    latency_classic,
    latency_native,
    sparse,
    steps,
    silence,
    resets,
    outage,
    slow_scrapes,
    churn,
)


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Return all of them; making them takes some seconds."""
    return tuple(make() for make in ALL)
