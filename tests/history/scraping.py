"""Simulates processes that count events, and a Prometheus that scrapes them: what it stores, and what truly happened.

Nothing of Backstop's is used here. All randomness comes from the generator that is passed in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tests.history.series import NAME, Floats, Integers, Mask, Series

OTHER_METRICS: Final = 30  # that a real process exposes beside those of the scenario; they are counted, not stored
LOOKBACK_SECONDS: Final = 300.0  # how long Prometheus takes a sample for the present one
PROOF_SECONDS: Final = 5.0  # beside one scrape interval, between the start of a process and its first scrape

Span = tuple[float, float]  # unix seconds
Events = Callable[[Floats, np.random.Generator], Integers]  # bounds of n intervals to the events in each


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Events of one kind. `happen` draws how many fall into each of adjoining intervals."""

    good: bool
    happen: Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A counter, or with `buckets` a native histogram, that a process shows.

    It appears with the first event of any kind in `appears_with`; empty: at once, with zero.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()  # what a counter counts
    appears_with: tuple[str, ...] = ()
    buckets: Mapping[int, str] = field(
        default_factory=dict
    )  # of a native histogram: index to the kind that falls there


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that is scraped, and the processes that answer there one after the other."""

    job: str
    instance: str
    lives: Sequence[Span]
    known: Span  # when service discovery lists it
    tells_start: bool = True  # exposes process_start_time_seconds

    @property
    def labels(self) -> dict[str, str]:
        return {"job": self.job, "instance": self.instance}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraping:
    """How a Prometheus scrapes."""

    interval: float  # seconds
    jitter: float = 0.5  # seconds around the regular instant, at most
    outages: Sequence[Span] = ()  # Prometheus was down
    failing: float = 0.0  # share of scrapes that fail
    markers: bool = True  # stores staleness markers, as it does for what it scrapes; remote writers may not


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What happened between scrapes: a row per interval, by its end."""

    times: Integers  # unix milliseconds of the scrape that ends the interval; of a last one, of the end of the process
    good: Floats
    bad: Floats
    attributable: Mask  # seen by two scrapes, or by one with proof that counting began after the one before


def scrape(
    target: Target,
    kinds: Mapping[str, Kind],
    exposed: Sequence[Exposed],
    how: Scraping,
    rng: np.random.Generator,
) -> tuple[list[Series], Truth]:
    """Return what is stored of a target, and the truth about it."""
    instants = _instants(target, how, rng)
    seconds = instants / 1000
    answered = np.zeros(len(instants), dtype=bool)
    counted = {kind: np.zeros(len(instants), dtype=np.int64) for kind in kinds}  # since its process began
    first_event = {kind: np.full(len(instants), np.nan) for kind in kinds}
    started = np.full(len(instants), np.nan)
    succeeds = rng.random(len(instants)) >= how.failing
    truths = []
    for begin, end in target.lives:
        here = np.flatnonzero((seconds > begin) & (seconds < end) & succeeds)
        answered[here], started[here] = True, begin
        bounds = np.array([begin, *seconds[here], end])
        happened = {name: kind.happen(bounds, rng) for name, kind in kinds.items()}
        for name, events in happened.items():
            counted[name][here] = np.cumsum(events)[:-1]
            some = np.flatnonzero(events)
            if len(some):
                first_event[name][here] = (bounds[some[0]] + bounds[some[0] + 1]) / 2
        truths.append(_truth(target, kinds, happened, bounds, how))
    found = _Found(target, how, instants, answered)
    stored = [found.series(one, counted, first_event, started) for one in exposed]
    return [*(s for s, _ in stored), *found.about_the_scrape(started, [present for _, present in stored])], _all(truths)


@dataclass(frozen=True, slots=True)
class _Found:
    """The scrapes of a target: which there were, and which were answered."""

    target: Target
    how: Scraping
    instants: Integers
    answered: Mask

    def series(
        self, one: Exposed, counted: Mapping[str, Integers], first_event: Mapping[str, Floats], started: Floats
    ) -> tuple[Series, Mask]:
        """Return the series of what a process exposes, and at which scrapes it was there."""
        begun = started
        present = self.answered.copy()
        if one.appears_with:
            begun = np.fmin.reduce([first_event[kind] for kind in one.appears_with])
            present &= np.sum([counted[kind] for kind in one.appears_with], axis=0) > 0
        labels = {NAME: one.name, **self.target.labels, **one.labels}
        kinds = tuple(one.buckets[index] for index in sorted(one.buckets)) or one.kinds
        values = np.sum([counted[kind] for kind in kinds], axis=0).astype(float)
        kept, times, values = self._kept(present, values)
        counts = np.stack([counted[kind] for kind in kinds], axis=1)[np.minimum(kept, len(self.instants) - 1)]
        return (
            Series(
                labels=labels,
                times=times,
                values=values,
                begun=begun[np.minimum(kept, len(self.instants) - 1)],
                buckets=tuple(sorted(one.buckets)),
                counts=counts if one.buckets else np.zeros((0, 0), dtype=np.int64),
            ),
            present,
        )

    def about_the_scrape(self, started: Floats, present: Sequence[Mask]) -> list[Series]:
        """Return what Prometheus adds to every scrape, and the start of the process."""
        shown = np.sum(present, axis=0) + OTHER_METRICS
        scraped = np.where(self.answered, shown, 0)
        everywhere = np.ones(len(self.instants), dtype=bool)
        about = {"up": self.answered, "scrape_samples_scraped": scraped, "scrape_series_added": self._added(present)}
        stored = [(name, everywhere, values.astype(float)) for name, values in about.items()]
        if self.target.tells_start:
            stored.append(("process_start_time_seconds", self.answered, started))
        series = []
        for name, there, values in stored:
            _, times, kept = self._kept(there, values)
            series.append(Series(labels={NAME: name, **self.target.labels}, times=times, values=kept))
        return series

    def _added(self, present: Sequence[Mask]) -> Integers:
        """Return how many series each scrape had that the answered one before had not."""
        added = np.zeros(len(self.instants), dtype=np.int64)
        ok = np.flatnonzero(self.answered)
        if not len(ok):
            return added
        fresh = np.array([True, *(self._runs[ok[1:]] != self._runs[ok[:-1]])])  # Prometheus remembers nothing
        for there in present:
            seen = there[ok]
            added[ok] += seen & (fresh | np.array([True, *~seen[:-1]]))
        added[ok[fresh]] += OTHER_METRICS
        return added

    @property
    def _runs(self) -> Integers:
        """Which run of Prometheus made each scrape."""
        ends = np.array(sorted(end for _, end in self.how.outages))
        return np.searchsorted(ends, self.instants / 1000, side="right")

    def _kept(self, present: Mask, values: Floats) -> tuple[Integers, Integers, Floats]:
        """Return which scrapes stored something of a series (one past the last: the end of the target), and what."""
        times, there = self.instants, present
        if self.target.known[1] < np.inf:
            times = np.append(times, times[-1] + round(self.how.interval * 1000))
            there, values = np.append(there, [False]), np.append(values, np.nan)
        ended = np.zeros(len(times), dtype=bool)
        if self.how.markers:
            ended[1:] = there[:-1] & ~there[1:] & (np.diff(times) <= LOOKBACK_SECONDS * 1000)
        kept = np.flatnonzero(there | ended)
        return kept, times[kept], np.where(ended, np.nan, values)[kept]


def _instants(target: Target, how: Scraping, rng: np.random.Generator) -> Integers:
    """Return the milliseconds at which a target is scraped; its place in the interval is its own, as in Prometheus."""
    begin, end = target.known
    end = min(end, max(last for _, last in target.lives))
    regular = np.arange(begin + rng.random() * how.interval, end - how.jitter, how.interval)
    regular += rng.uniform(-how.jitter, how.jitter, len(regular))
    for down, back in how.outages:
        regular = regular[(regular < down) | (regular >= back)]
    return np.round(regular * 1000).astype(np.int64)


def _truth(
    target: Target, kinds: Mapping[str, Kind], happened: Mapping[str, Integers], bounds: Floats, how: Scraping
) -> Truth:
    seen = np.diff(bounds) <= LOOKBACK_SECONDS
    seen[0] = target.tells_start and bounds[1] - bounds[0] <= how.interval + PROOF_SECONDS
    seen[-1] = False  # after the last scrape of the process nobody looked
    sides = {
        good: np.sum([events for name, events in happened.items() if kinds[name].good is good], axis=0, dtype=float)
        for good in (True, False)
    }
    nothing = np.zeros(len(seen))
    return Truth(
        times=np.round(bounds[1:] * 1000).astype(np.int64),
        good=sides[True] + nothing,
        bad=sides[False] + nothing,
        attributable=seen,
    )


def _all(truths: Sequence[Truth]) -> Truth:
    return Truth(
        times=np.concatenate([t.times for t in truths]),
        good=np.concatenate([t.good for t in truths]),
        bad=np.concatenate([t.bad for t in truths]),
        attributable=np.concatenate([t.attributable for t in truths]),
    )
