"""What the ledger should say, by brute force: a truth for every minute, and what a row should know of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from hypothesis import strategies as st

from backstop.domain.ledger import MINUTE
from backstop.domain.ring import Tier

SMALL = (Tier(step=60, slots=11), Tier(step=300, slots=8), Tier(step=900, slots=10))  # 10 m, 35 m, 135 m
NOW = 1_700_000_100 // 900 * 900
Values = tuple[float, float, float]


BEGINNING = (NOW - 6 * 3600) // MINUTE


def drawn(seed: int, minute: int) -> Values:
    dice = random.Random(seed * 1_000_003 + minute)
    return float(dice.randrange(900)), float(dice.randrange(9)), dice.choice((0.0, 0.0, 60.0))


class Truth:
    """What happened in each minute: good and bad events, and how much of it nobody saw."""

    def __init__(self, minute: Callable[[int], Values]) -> None:
        self.minute = cache(minute)
        self._sums: list[Values] = [(0.0, 0.0, 0.0)]

    @classmethod
    def random(cls, seed: int) -> "Truth":
        return cls(lambda minute: drawn(seed, minute) if drawn(seed, minute)[2] == 0 else (0.0, 0.0, 60.0))

    def flattened(self, minutes: range, each: Values) -> "Truth":
        """The same, but for some minutes that were only seen together."""
        return Truth(lambda minute: each if minute in minutes else self.minute(minute))

    def silent(self, minutes: range, seed: int) -> "Truth":
        """Another truth with the same gaps, without events in some minutes: of a group that appears after them."""

        def of(minute: int) -> Values:
            unknown = self.minute(minute)[2]
            heard = minute not in minutes and unknown == 0
            return (*drawn(seed, minute)[:2], 0.0) if heard else (0.0, 0.0, unknown)

        return Truth(of)

    def since_beginning(self, instant: float) -> Values:
        """Everything up to an instant; a minute that is cut counts in part."""
        whole = int(instant // MINUTE) - BEGINNING
        while len(self._sums) <= whole:
            self._sums.append(_plus(self._sums[-1], self.minute(BEGINNING + len(self._sums) - 1)))
        share = instant / MINUTE - (BEGINNING + whole)
        return _plus(self._sums[whole], self.minute(BEGINNING + whole), share) if share else self._sums[whole]

    def total(self, start: float, end: float) -> Values:
        return _plus(self.since_beginning(end), self.since_beginning(start), -1.0)


def _plus(left: Values, right: Values, share: float = 1.0) -> Values:
    return left[0] + right[0] * share, left[1] + right[1] * share, left[2] + right[2] * share


@dataclass
class Row:
    """What a row of the ledger should know."""

    truth: Truth
    newest: int
    lowest: dict[int, int | None]  # by step: the lowest boundary that was ever put into that tier
    marks: dict[float, Values] = field(default_factory=dict)
    head: tuple[float, Values] | None = None

    def flatten(self, start: int, end: int) -> None:
        """Nobody saw this stretch but as a whole."""
        minutes = range(start // MINUTE, end // MINUTE)
        was = good, bad, unknown = self.truth.total(start, end)
        seen = unknown < (end - start) / 2  # a slice is known or unknown, as a whole
        each = (good / len(minutes), bad / len(minutes), 0.0) if seen else (0.0, 0.0, float(MINUTE))
        self.truth = self.truth.flattened(minutes, each)
        changed = _plus(self.truth.total(start, end), was, -1.0)
        self.marks = {at: _plus(values, changed) if at >= end else values for at, values in self.marks.items()}

    def instants(self) -> st.SearchStrategy[float]:
        """Any instant in or near what is held."""
        oldest = min(low for low in self.lowest.values() if low is not None)
        whole = st.integers(oldest // MINUTE - 2, self.newest // MINUTE + 2).map(lambda minute: float(minute * MINUTE))
        return whole | st.floats(min_value=oldest - 90, max_value=self.newest + 90)

    def bounds(self, tier: Tier) -> tuple[int, int] | None:
        low = self.lowest[tier.step]
        if low is None:
            return None
        newest = self.newest // tier.step * tier.step
        return max(low, newest - tier.span), newest

    def reached(self, boundary: int, *, finest: int, tiers: tuple[Tier, ...]) -> None:
        """A slice begins or ends here: every tier that has this boundary and room for it holds it from now on."""
        for tier in tiers[finest:]:
            if boundary % tier.step == 0:
                low, newest = self.lowest[tier.step], self.newest // tier.step * tier.step
                if boundary >= newest - tier.span:
                    self.lowest[tier.step] = boundary if low is None else min(low, boundary)

    def at(self, instant: float, tiers: tuple[Tier, ...]) -> Values:
        """The values since long ago, up to an instant."""
        if instant in self.marks:
            return self.marks[instant]
        if (held := self.between_columns(instant, tiers)) is not None:
            return held
        if instant >= self.newest:
            return self._after(instant)
        oldest = min(bounds[0] for tier in tiers if (bounds := self.bounds(tier)) and bounds[0] > instant)
        good, bad, unknown = self.since(oldest)
        return good, bad, unknown - (oldest - instant)

    def between_columns(self, instant: float, tiers: tuple[Tier, ...]) -> Values | None:
        """The values at an instant inside the history, as fine as the finest tier that reaches it."""
        for tier in tiers:
            bounds = self.bounds(tier)
            below = instant // tier.step * tier.step
            if bounds is not None and bounds[0] <= below and below + tier.step <= bounds[1]:
                share = (instant - below) / tier.step
                return _plus(self.since(below), self.truth.total(below, below + tier.step), share)
        return None

    def since(self, instant: float) -> Values:
        return self.truth.since_beginning(instant)

    def _after(self, instant: float) -> Values:
        end, (good, bad, unknown) = self.head or (float(self.newest), (0.0, 0.0, 0.0))
        share = min((instant - self.newest) / (end - self.newest), 1.0) if end > self.newest else 0.0
        before = self.since(self.newest)
        later = max(instant - max(end, self.newest), 0.0)
        return before[0] + good * share, before[1] + bad * share, before[2] + unknown * share + later

    def window(self, start: float, end: float, tiers: tuple[Tier, ...]) -> Values:
        good, bad, unknown = np.subtract(self.at(end, tiers), self.at(start, tiers))
        return float(good), float(bad), float(np.clip(unknown, 0.0, end - start))
