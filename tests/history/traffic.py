"""When events happen: rates that change over time, and single events at known instants."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from tests.history.scraping import Events, Span
from tests.history.series import Floats, Integers

DAY: Final = 86_400.0

Rate = Callable[[Floats], Floats]  # unix seconds to mean events per second


def at_rate(rate: Rate) -> Events:
    """Return events of a Poisson process; between two scrapes its rate is that at the middle."""

    def happen(bounds: Floats, rng: np.random.Generator) -> Integers:
        middles = (bounds[1:] + bounds[:-1]) / 2
        return rng.poisson(rate(middles) * np.diff(bounds))

    return happen


def at_instants(instants: Sequence[float]) -> Events:
    """Return events at exactly these unix seconds, in the process that lives then."""

    def happen(bounds: Floats, _: np.random.Generator) -> Integers:
        return np.histogram(instants, bounds)[0]

    return happen


def steady(per_second: float) -> Rate:
    return lambda at: np.full(len(at), per_second)


def daily(mean: float) -> Rate:
    """Return a rate with a quiet night: three tenths of the mean at four o'clock, seventeen tenths at sixteen."""
    return lambda at: mean * (1 - 0.7 * np.cos(2 * np.pi * (at / DAY - 4 / 24)))


def stepped(low: float, high: float, *, every: float, lasts: float) -> Rate:
    """Return a rate that jumps to `high` for `lasts` seconds in every `every`."""
    return lambda at: np.where(at % every < lasts, high, low)


def during(spans: Sequence[Span], inside: Rate, outside: Rate) -> Rate:
    """Return `inside` within any of the spans, else `outside`."""

    def rate(at: Floats) -> Floats:
        within = np.zeros(len(at), dtype=bool)
        for begin, end in spans:
            within |= (at >= begin) & (at < end)
        return np.where(within, inside(at), outside(at))

    return rate


def times(rate: Rate, share: float) -> Rate:
    """Return a share of a rate."""
    return lambda at: share * rate(at)
