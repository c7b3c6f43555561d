"""What happens to series while the counters behind them go on: relabellings, a second Prometheus, a gap in storage.

Each change takes the series of a history and returns those that are stored with it. Nothing truly began or ended: the
oracle, which knows when counters began, finds the same events before and after, less those that nobody could attribute.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from tests.history.series import NAME, Floats, Mask, Series

Change = Callable[[Sequence[Series]], list[Series]]

SCRAPE_REPORT: Final = ("up", "scrape_samples_scraped", "scrape_series_added")


def relabelled(at: float, labels: dict[str, str], *, target: bool, markers: bool = True) -> Change:
    """From unix time `at` on the counters have these labels too; with `target` whatever is stored of the target."""

    def change(series: Sequence[Series]) -> list[Series]:
        changed = []
        for one in _rescraped(series, at):
            if one.begun is None and not target:
                changed.append(one)
                continue
            after = one.times >= at * 1000
            before = _only(one, ~after)
            if markers and after.any():
                before = _ended(before, one, first=int(np.flatnonzero(after)[0]))
            changed += [before, replace(_only(one, after), labels={**one.labels, **labels})]
        return [one for one in changed if len(one.times)]

    return change


def emptied(at: float) -> Change:
    """Prometheus lost what it had stored before `at`."""
    return lambda series: [_only(one, one.times >= at * 1000) for one in _rescraped(series, at)]


def twin(at: float, labels: dict[str, str]) -> Change:
    """From `at` on a second Prometheus, whose series have these labels too, scrapes the same targets."""

    def change(series: Sequence[Series]) -> list[Series]:
        second = [_only(one, one.times >= at * 1000) for one in _rescraped(series, at)]
        return [*series, *(replace(one, labels={**one.labels, **labels}, times=one.times + 3000) for one in second)]

    return change


def withheld(at: float, until: float) -> Change:
    """The samples of the counters are not there between two times, though the target was scraped: late remote write."""

    def change(series: Sequence[Series]) -> list[Series]:
        return [
            one if one.begun is None else _only(one, (one.times < at * 1000) | (one.times >= until * 1000))
            for one in series
        ]

    return change


def hidden(at: float, until: float) -> Change:
    """The process does not show its counters between two times, and then shows them again: an exporter that flaps."""

    def change(series: Sequence[Series]) -> list[Series]:
        counters = sum(one.begun is not None for one in series)
        stored = []
        for one in withheld(at, until)(series):
            inside = (one.times >= at * 1000) & (one.times < until * 1000)
            if one.labels[NAME] == "scrape_samples_scraped":
                stored.append(replace(one, values=one.values - counters * inside))
            elif one.labels[NAME] == "scrape_series_added":
                back = np.arange(len(one.times)) == np.searchsorted(one.times, until * 1000)
                stored.append(replace(one, values=one.values + counters * back))
            elif one.begun is not None:
                full = next(other for other in series if other.labels == one.labels)
                gone = int(np.searchsorted(full.times, at * 1000))
                early = _ended(_only(one, one.times < at * 1000), full, first=gone)
                late = _only(one, one.times >= until * 1000)
                stored.append(_joined(early, late))
            else:
                stored.append(one)
        return stored

    return change


def _rescraped(series: Sequence[Series], at: float) -> list[Series]:
    """A Prometheus whose scraping was set up anew at `at` finds all series of its next scrape new."""
    exposed = {_target(one): one for one in series if one.labels[NAME] == "scrape_samples_scraped"}
    changed = []
    for one in series:
        if one.labels[NAME] == "scrape_series_added":
            first = np.arange(len(one.times)) == np.searchsorted(one.times, at * 1000)
            changed.append(replace(one, values=np.where(first, exposed[_target(one)].values, one.values)))
        else:
            changed.append(one)
    return changed


def _target(one: Series) -> tuple[str, str]:
    return one.labels["job"], one.labels["instance"]


def _only(one: Series, kept: Mask) -> Series:
    begun: Floats | None = None if one.begun is None else one.begun[kept]
    counts = one.counts[kept] if one.buckets else one.counts
    return replace(one, times=one.times[kept], values=one.values[kept], begun=begun, counts=counts)


def _ended(before: Series, whole: Series, *, first: int) -> Series:
    """Return a series that ends with a marker at a sample of the whole one."""
    marker = replace(_only(whole, np.arange(len(whole.times)) == first), values=np.array([np.nan]))
    return _joined(before, marker)


def _joined(one: Series, other: Series) -> Series:
    return replace(
        one,
        times=np.concatenate([one.times, other.times]),
        values=np.concatenate([one.values, other.values]),
        begun=None if one.begun is None or other.begun is None else np.concatenate([one.begun, other.begun]),
        counts=np.concatenate([one.counts, other.counts]) if one.buckets else one.counts,
    )
