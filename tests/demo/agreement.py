"""Whether three counts of the same events agree: Backstop's, PromQL's on the same Prometheus, the application's own."""

from dataclasses import dataclass

TOLERANCE = 0.01  # relative, for the SLI and for the much smaller share of bad events


@dataclass(frozen=True, slots=True)
class Tally:
    """Good and bad events, as one witness counts them."""

    witness: str
    good: float
    bad: float

    @property
    def sli_percent(self) -> float:
        """Raises ZeroDivisionError without events: a tally of nothing agrees with nothing."""
        return 100 * self.good / (self.good + self.bad)

    @property
    def bad_ratio(self) -> float:
        return self.bad / (self.good + self.bad)


def disagreement(one: Tally, other: Tally) -> str | None:
    """Return in words how two tallies differ by more than the tolerance, None when they agree."""
    pairs = (("SLI", one.sli_percent, other.sli_percent), ("share of bad events", one.bad_ratio, other.bad_ratio))
    for what, a, b in pairs:
        if abs(a - b) > TOLERANCE * max(abs(a), abs(b)):
            return f"{what}: {one.witness} says {a:.5g}, {other.witness} says {b:.5g}, more than 1 % apart"
    return None
