"""The tail of the binomial distribution: how likely so many of so many events are bad by chance.

Exact to rounding, without scipy: the first term by the saddle-point form, which keeps all digits where differences of
log-factorials lose them (they are 2e10 for 1e9 trials), the others by their ratio to the one before. All terms are
positive, so nothing cancels.

Source of the first term: Catherine Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000).
"""

import math
from typing import Final

import numpy as np

_FIRST_BLOCK: Final = 64  # terms added at once; each block is twice the one before
_MOST_TERMS: Final = 2**18  # some ms; never needed up to 1e9 trials, where nine standard deviations are 142,000
_NEGLIGIBLE: Final = 2.0**-56  # of the sum so far: less than rounding
_SERIES_FROM: Final = 16  # Stirling's series below is exact to 1e-16 from here on
_NEAR: Final = 0.1  # of the sum of both: closer than this the logarithm in the deviance would cancel


def upper_tail(successes: int, *, trials: int, probability: float) -> float:
    """Return P(X ≥ successes) for X of `trials` independent trials, each a success with `probability`.

    Relative error under 1e-11 up to 1e9 trials. Beyond that the far end of the sum is replaced by a
    geometric series that is never smaller. Results under 1e-308 lose digits and end at 0. Raises ValueError for
    negative counts and for a probability outside of 0 to 1, both excluded.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability {probability} must be above 0 and below 1")
    if successes < 0 or trials < 0:
        raise ValueError(f"successes {successes} and trials {trials} must not be negative")
    if successes == 0:
        return 1.0
    if successes > trials:
        return 0.0
    if successes + 1 > (trials + 1) * probability:  # from here on every term is smaller than the one before
        return min(1.0, _falling_tail(successes, trials, probability, 1 - probability))
    failures = trials - successes + 1  # more successes are fewer failures: P(X ≥ k) = 1 − P(failures ≥ n − k + 1)
    return max(0.0, 1.0 - _falling_tail(failures, trials, 1 - probability, probability))


def _falling_tail(k: int, n: int, p: float, q: float) -> float:
    """Return the sum of the terms from `k` to `n`, where each is smaller than the one before. p + q = 1."""
    total = term = 1.0  # in units of the first term
    at, size = k, _FIRST_BLOCK
    while at < n:
        steps = np.arange(at, min(at + size, n), dtype=np.float64)
        terms = term * np.cumprod((n - steps) / (steps + 1) * (p / q))
        total += float(terms.sum())
        term, at, size = float(terms[-1]), at + len(steps), 2 * size
        # The ratio r of one term to the next keeps falling, so the rest is at most term × (r + r² + …).
        rest = term * (n - at) * p / (at + 1 - (n + 1) * p)
        if rest <= total * _NEGLIGIBLE or at - k >= _MOST_TERMS:
            total += rest
            break
    return _term(k, n, p, q) * total


def _term(k: int, n: int, p: float, q: float) -> float:
    """Return P(X = k) for 1 ≤ k ≤ n."""
    if k == n:
        return math.exp(n * (math.log(p) if p < q else math.log1p(-q)))
    exponent = _stirling_error(n) - _stirling_error(k) - _stirling_error(n - k)
    exponent -= _deviance(k, n * p) + _deviance(n - k, n * q)
    return math.exp(exponent) * math.sqrt(n / (2 * math.pi * k * (n - k)))


def _stirling_error(n: int) -> float:
    """Return ln(n!) − ln(√(2πn) (n/e)ⁿ) for n ≥ 1."""
    if n < _SERIES_FROM:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    square = n * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n


def _deviance(x: float, mean: float) -> float:
    """Return x ln(x ÷ mean) + mean − x, without cancellation where x is near the mean."""
    if abs(x - mean) >= _NEAR * (x + mean):
        return x * math.log(x / mean) + mean - x
    v = (x - mean) / (x + mean)  # ln(x ÷ mean) = 2 (v + v³/3 + v⁵/5 + …)
    total, power, j = (x - mean) * v, 2 * x * v, 1
    while True:
        power *= v * v
        longer = total + power / (2 * j + 1)
        if longer == total:
            return total
        total, j = longer, j + 1
