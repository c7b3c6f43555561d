"""What can be counted from raw samples, by brute force: the oracle that Backstop's numbers are held against.

It reads every sample of every series, one after the other, and knows neither PromQL nor slices. A counter's step is
what it grew since the sample before; a counter that fell was reset, and counts what it reached since. The first value
of a counter counts only with proof (semantics E4): it began after the scrape of its target before this one, or its
process started less than a scrape interval ago. A step across a time that nobody watched belongs to no instant and
counts nowhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.history.scraping import LOOKBACK_SECONDS, PROOF_SECONDS, Truth
from tests.history.series import NAME, Floats, Integers, Mask, Series

Labels = Mapping[str, str]
Chosen = Callable[[Labels], bool]
_LOOKBACK_MS: Final = round(LOOKBACK_SECONDS * 1000)


@dataclass(frozen=True, slots=True)
class Steps:
    """Events by the instant of the sample that showed them; cumulative, so that a window is a difference."""

    times: Integers  # unix milliseconds, ascending
    cumulative: Floats

    def between(self, start: float, end: float) -> float:
        """Return the events of the samples after `start` and up to `end`, unix seconds."""
        return self._until(end) - self._until(start)

    def _until(self, at: float) -> float:
        index = int(np.searchsorted(self.times, round(at * 1000), side="right"))
        return float(self.cumulative[index - 1]) if index else 0.0


def counted(series: Iterable[Series], chosen: Chosen, *, interval: float, upto_bucket: int | None = None) -> Steps:
    """Return what the chosen counters of a history counted; of native histograms what lies in buckets up to one.

    `interval` is the scrape interval in seconds.
    """
    stored = list(series)
    targets = _Targets(stored)
    found = [
        _steps(one, targets, interval, upto_bucket) for one in stored if one.begun is not None and chosen(one.labels)
    ]
    return _in_order([times for times, _ in found], [steps for _, steps in found])


def happened(truths: Sequence[Truth]) -> tuple[Steps, Steps]:
    """Return the good and the bad events that two scrapes saw, or one with proof, by the instant of the scrape."""
    good, bad = (
        _in_order([t.times for t in truths], [getattr(t, side) * t.attributable for t in truths])
        for side in ("good", "bad")
    )
    return good, bad


def _in_order(times: Sequence[Integers], amounts: Sequence[Floats]) -> Steps:
    if not times:
        return Steps(np.zeros(0, dtype=np.int64), np.zeros(0))
    joined = np.concatenate(times)
    order = np.argsort(joined, kind="stable")
    return Steps(joined[order], np.cumsum(np.concatenate(amounts)[order]))


class _Targets:
    """When each target was scraped with success, and when the processes there started.

    Several servers may scrape a target and tell it by an external label: a series belongs to what is told with the most
    of its own labels.
    """

    def __init__(self, stored: Sequence[Series]) -> None:
        self._ups = [one for one in stored if one.labels[NAME] == "up"]
        self._starts = [one for one in stored if one.labels[NAME] == "process_start_time_seconds"]

    def scrape_before(self, one: Series, times: Integers) -> Integers:
        """Return the instant of the successful scrape before each of these; far in the past where there was none."""
        told = [up.times[up.values == 1] for up in _about(one, self._ups)]
        scrapes = np.sort(np.concatenate([[np.iinfo(np.int64).min // 2], *told]))
        return scrapes[np.searchsorted(scrapes, times, side="left") - 1]

    def start_before(self, one: Series, times: Integers) -> Floats:
        """Return when the process that answered at each of these instants started; NaN where it does not tell."""
        started = np.full(len(times), np.nan)
        for told in _about(one, self._starts):
            index = np.searchsorted(told.times, times)
            here = np.append(told.times, -1)[index] == times
            started[here] = told.values[index[here]]
        return started


def _about(one: Series, told: Sequence[Series]) -> list[Series]:
    fits = [each for each in told if all(one.labels.get(k) == v for k, v in each.labels.items() if k != NAME)]
    most = max((len(each.labels) for each in fits), default=0)
    return [each for each in fits if len(each.labels) == most]


def _steps(one: Series, targets: _Targets, interval: float, upto_bucket: int | None) -> tuple[Integers, Floats]:
    real = ~np.isnan(one.values)
    times = one.times[real]
    begun = np.zeros(0) if one.begun is None else one.begun[real]
    if one.buckets:
        kept = [i for i, index in enumerate(one.buckets) if upto_bucket is None or index <= upto_bucket]
        values = one.counts[real][:, kept].sum(axis=1).astype(float)
        whole = one.counts[real]
        fell = (np.diff(whole, axis=0) < 0).any(axis=1)
    else:
        values = one.values[real]
        fell = np.diff(values) < 0
    if not len(times):
        return times, values
    scraped = targets.scrape_before(one, times)
    grown = np.where(fell, values[1:], np.diff(values))
    watched = (np.diff(times) <= _LOOKBACK_MS) & (scraped[1:] <= times[:-1])
    proven = _proven(times, begun, scraped, targets.start_before(one, times), interval)
    steps = np.where(proven, values, 0.0)
    steps[1:] = np.where(watched, grown, steps[1:])
    return times, steps


def _proven(times: Integers, begun: Floats, scraped: Integers, started: Floats, interval: float) -> Mask:
    """Tell for each sample, if it were the first of its counter, whether all of it was counted since the last look."""
    seconds = times / 1000
    looked = (times - scraped <= _LOOKBACK_MS) & (begun > scraped / 1000)
    with np.errstate(invalid="ignore"):
        young = seconds - started <= interval + PROOF_SECONDS
    proven: Mask = looked | young
    return proven
