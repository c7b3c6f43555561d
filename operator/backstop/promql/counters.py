"""What counters counted in a slice of time, as PromQL.

A counter's steps between two evaluations add up exactly: `x - x offset L` of adjoining slices telescopes, so nothing is
extrapolated and nothing is counted twice. Nearly always every series makes such a plain step, and one short question
tells it: `plain` is finite then. Where a series began, ended or was reset, `plain` is infinite, and the slice has to be
asked about in `detail`, which looks at all samples in it. (Not NaN: some servers take that for no sample at all.)

- from the last sample before the slice to the last one inside it, so that a scrape that failed and a target that left
  hide nothing;
- after a reset what was reached since counts, and what was counted before it;
- the first value of a series counts only with proof that the counter began inside the slice (semantics E4). Else it is
  a baseline.

Proof is one of two. The process started inside the slice. Or its target was scraped one slice ago, and since then
*exposes* at least as many more samples as Prometheus met new series: a relabelling, a renamed job, a second Prometheus
with another external label and one that starts empty all bring new series of which the target exposes none. (Prometheus
tells both numbers of every scrape.) A series that was seen within half an hour, with no more than its value now, has
only come back, unless its process is younger than that. Reading all this is dear, so it is asked in detail only.

Slices of a quarter of an hour and more serve backfill. Two values an hour apart do not show a reset in between, so
`resets` looks for one; where there was one `increase` counts, whose extrapolation touches good and total alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backstop.domain.duration import format_duration

FINE_SECONDS: Final = 600.0  # up to this length a slice is short enough for its ends to show a reset: minutes, heads
# A first scrape comes up to one scrape interval after the process began; a minute covers the usual intervals.
BIRTH_SLACK_SECONDS: Final = 60.0
RETURN_SECONDS: Final = 1800.0  # what was seen so long ago and comes back is not born
SCRAPES_BRIDGED: Final = 4  # before a slice: its last sample is found even if a scrape failed and one was late

Value = Callable[[str], str]  # from an expression of counters or native histograms to one of numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Three sums over the series of a slice: those known before, those that began (`rest`), and of these the proven."""

    steady: str
    rest: str
    proven: str


@dataclass(frozen=True, slots=True)
class Count:
    """PromQL that counts events. Where `plain` is not finite and there is a `detail`, that has to be asked instead.

    Details are long and rarely asked for: they are written when they are.
    """

    plain: str
    detail: Callable[[], Detail] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterSlice:
    """A slice of `seconds`, and how to count in it.

    `scrape_seconds` is the scrape interval, as far as it is known. `targets` are matchers in braces for the series
    about scrape targets. `by` is the grouping of the sums, `""` or `" by (…) "`.
    """

    seconds: float
    scrape_seconds: float = 0.0
    targets: str = ""
    by: str = ""

    def count(self, selector: str, value: Value | None = None) -> Count:
        """Return what the series of a selector counted: counters, or with `value` a number of native histograms."""
        return self._fine(selector, value) if self.seconds <= FINE_SECONDS else self._coarse(selector, value or str)

    @property
    def _span(self) -> str:
        return format_duration(self.seconds)

    @property
    def _bridge(self) -> str:
        return format_duration(max(BIRTH_SLACK_SECONDS, SCRAPES_BRIDGED * self.scrape_seconds))

    def _fine(self, selector: str, value: Value | None) -> Count:
        steps = self._steps(selector, value or str)
        there, was = selector, f"({selector} offset {self._span})"
        if value is not None:  # any number of a histogram tells that it is there
            there, was = observation_counts(there), observation_counts(was)
        return Count(
            f"sum{self.by}({steps} or {_endless(there)} or {_endless(was)})",
            lambda: self._fine_detail(selector, value),
        )

    def _steps(self, selector: str, of: Value) -> str:
        return f"(({of(selector)} - {of(f'({selector} offset {self._span})')}) >= 0)"

    def _fine_detail(self, selector: str, value: Value | None) -> Detail:
        of = value or str
        last, known = f"last_over_time({selector}[{self._span}])", self._known_before(selector)
        fell = f"({of(last)} < {of(known)})"
        if value is None:  # the highest value of the slice is what was reached before the reset
            fell = f"({fell} + clamp_min(max_over_time({selector}[{self._span}]) - {known}, 0))"
        return Detail(
            # A series without a sample in the slice, of a target that is scraped rarely, stands still.
            steady=f"sum{self.by}({fell} or ({of(last)} - {of(known)}) or {self._steps(selector, of)})",
            rest=f"sum{self.by}({of(last)} unless {known})",
            proven=f"sum{self.by}({self._proven(selector, of, last, f'({of(last)} unless {known})')})",
        )

    def _coarse(self, selector: str, of: Value) -> Count:
        # A reset just before the slice shows in its first sample.
        resets = f"resets({selector}[{format_duration(self.seconds + BIRTH_SLACK_SECONDS + self.scrape_seconds)}])"
        steps = f"({of(selector)} - {of(f'({selector} offset {self._span})')} + 1 / ({resets} == bool 0) - 1)"
        return Count(
            f"sum{self.by}({steps} or {_endless(resets)})",
            lambda: self._coarse_detail(selector, of, resets),
        )

    def _coarse_detail(self, selector: str, of: Value, resets: str) -> Detail:
        last, known = f"last_over_time({selector}[{self._span}])", self._known_before(selector)
        born = self._proven(selector, of, last, f"({of(last)} unless {known} unless ({resets} > 0))")
        exact = f"({of(last)} - {of(known)} unless ({resets} > 0))"
        return Detail(
            steady=f"sum{self.by}({exact} or ({of(f'increase({selector}[{self._span}])')} unless {born}))",
            rest=f"sum{self.by}({of(last)} unless {known})",
            proven=f"sum{self.by}({born})",
        )

    def _known_before(self, selector: str) -> str:
        """The last sample before the slice, though its series may have ended for a scrape or two."""
        return f"({selector} offset {self._span} or last_over_time({selector}[{self._bridge}] offset {self._span}))"

    def _proven(self, selector: str, of: Value, last: str, born: str) -> str:
        """Those of the series that began of which it is proven that their counter began as well."""
        scraped = f"(up{self.targets} offset {self._span}) == 1"
        # Of several servers that scrape the same target none may take the samples of another for its growth.
        most = "max by (job, instance) "
        exposed = f"scrape_samples_scraped{self.targets}"
        added = f"sum_over_time(scrape_series_added{self.targets}[{self._span}])"
        grown = f"{most}({exposed}) - {most}({exposed} offset {self._span}) >= ({most}({added}) > 0)"
        seen = f"last_over_time({selector}[{format_duration(RETURN_SECONDS)}] offset {self._span})"
        returned = f"({of(seen)} <= {of(last)} unless on (job, instance) {self._started_within(RETURN_SECONDS)})"
        started = self._started_within(max(BIRTH_SLACK_SECONDS, self.scrape_seconds))
        proof = f"((({scraped}) and on (job, instance) ({grown})) or {started})"
        return f"({born} unless {returned} and on (job, instance) {proof})"

    def _started_within(self, seconds: float) -> str:
        """The processes that started inside the slice or so many seconds before it."""
        return f"(process_start_time_seconds{self.targets} > time() - {self.seconds + seconds:g})"


def _endless(series: str) -> str:
    """Return infinity for every series."""
    return f"(0 * {series} + Inf)"


def bucket_counts(threshold: str) -> Value:
    """Return how many observations of a native histogram lie at or below a threshold in seconds."""

    def value(histogram: str) -> str:
        count = f"histogram_count({histogram})"
        # A share times its whole is off in the last bit, and a counter must not fall by it. Of no observation the share
        # is NaN: the comparison drops it.
        share = f"round(histogram_fraction(0, {threshold}, {histogram}) * {count}, 0.001)"
        return f"({share} >= 0 or 0 * {count})"

    return value


def observation_counts(histogram: str) -> str:
    """Return how many observations a native histogram has."""
    return f"histogram_count({histogram})"
