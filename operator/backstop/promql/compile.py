"""From an indicator to PromQL: the increments of one slice of time.

Every expression is evaluated at the end of the slice and speaks of the `seconds` before it. For counters the steps
between two evaluations add up exactly: `x - x offset L` of adjoining slices telescopes, so nothing is extrapolated and
nothing is counted twice. Series that made no such step are the rest, and nearly always there are none:

- after a reset (the counter is below its value one slice ago) what was reached since then counts;
- at a birth (no value one slice ago) the first value counts only with proof that the counter began inside the slice:
  the target was up and scraped without that series one slice ago, or its process started inside the slice
  (semantics E4). Otherwise it is a baseline.

Telling these apart means reading `up` and `process_start_time_seconds` of all targets of the server, so it is asked in
a second question, and only where the rest is not empty.

Slices of a quarter of an hour and more serve backfill only. There `increase` sees resets and vanished series that two
values an hour apart cannot show; its extrapolation touches good and total alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import promql_parser as promql

from backstop.domain.duration import format_duration
from backstop.domain.slo import (
    BooleanIndicator,
    Comparison,
    LatencyIndicator,
    LeafIndicator,
    QueryIndicator,
    RatioIndicator,
    ThresholdIndicator,
)
from backstop.promql.parse import PromQLError, parse, substitute_window

FINE_SECONDS: Final = 600.0  # up to this length a slice is counted by differences: minutes, and every head
# A first scrape comes up to one scrape interval after the process began; a minute covers the usual intervals.
BIRTH_SLACK_SECONDS: Final = 60
ESTIMATE_SPANS: Final = (10, 60, 300)  # seconds
SCRAPES_PER_INCREASE: Final = 4  # the rule of thumb for ranges: two samples even if one scrape is lost and one late
SUBQUERY_SECONDS: Final = 15.0  # a threshold query is looked at four times a minute
SUBQUERY_STEPS: Final = 60  # and sixty times in a longer backfill slice

_OPERATORS: Final = {
    Comparison.LT: "<",
    Comparison.LTE: "<=",
    Comparison.GT: ">",
    Comparison.GTE: ">=",
    Comparison.EQ: "==",
    Comparison.NE: "!=",
}


@dataclass(frozen=True, slots=True)
class Count:
    """PromQL that counts events. With a `rest` above zero, `proven` has to be asked too and adds to `steady`."""

    steady: str
    rest: str | None = None
    proven: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceTerms:
    """The PromQL of one slice. `part` is the good or the bad events; `newest` the unix time of the newest sample."""

    total: Count
    part: Count
    part_is_good: bool
    newest: str | None


def slice_terms(
    indicator: LeafIndicator,
    *,
    seconds: float,
    native: bool = False,
    scrape_seconds: float = 0.0,
    targets: str = "",
    group_by: tuple[str, ...] = (),
) -> SliceTerms:
    """Return the terms of a slice of `seconds`. `native` reads a latency indicator from a native histogram.

    `scrape_seconds` is the scrape interval, as far as it is known. `targets` are matchers in braces for the series
    about scrape targets that prove births. With `group_by` there is a series per set of values of these labels; free
    queries and thresholds are then expected to bring these labels themselves.
    """
    by = f" by ({', '.join(group_by)}) " if group_by else ""
    match indicator:
        case RatioIndicator():
            count = _counter_terms(seconds, targets, by)
            return SliceTerms(
                total=count(indicator.total),
                part=count(_part(indicator)),
                part_is_good=indicator.good is not None,
                newest=newest_sample([indicator.total]),
            )
        case LatencyIndicator() if native:
            return _native_latency(indicator, seconds, scrape_seconds, by)
        case LatencyIndicator():
            count = _counter_terms(seconds, targets, by)
            total = f"{indicator.histogram}_count{indicator.selector}"
            return SliceTerms(
                total=count(total),
                part=count(bucket_selector(indicator)),
                part_is_good=True,
                newest=newest_sample([total]),
            )
        case BooleanIndicator():
            span = format_duration(seconds)
            return SliceTerms(
                # A slice between two scrapes holds no moment, and is known all the same.
                total=Count(
                    f"(sum{by}(count_over_time({indicator.metric}[{span}])) or 0 * count{by}({indicator.metric}))"
                ),
                part=Count(
                    f"(sum{by}(sum_over_time({indicator.metric}[{span}])) or 0 * count{by}({indicator.metric}))"
                ),
                part_is_good=True,
                newest=newest_sample([indicator.metric]),
            )
        case ThresholdIndicator():
            return _threshold(indicator, seconds)
        case QueryIndicator():
            return SliceTerms(
                total=Count(_query(indicator.total, seconds, scrape_seconds)),
                part=Count(_query(_part(indicator), seconds, scrape_seconds)),
                part_is_good=indicator.good is not None,
                newest=newest_sample(selectors(substitute_window(indicator.total, seconds))),
            )


def bucket_selector(indicator: LatencyIndicator) -> str:
    """Return the selector of the bucket at the threshold; Prometheus 3 writes `1.0` where others write `1` (K20)."""
    bound = f"{indicator.threshold_seconds.normalize():f}"
    spellings = sorted({bound, bound if "." in bound else f"{bound}.0"} | _scientific(indicator.threshold_seconds))
    matcher = 'le=~"' + "|".join(s.replace(".", r"\\.").replace("+", r"\\+") for s in spellings) + '"'
    inner = indicator.selector.strip()[1:-1].strip().rstrip(",")
    return f"{indicator.histogram}_bucket{{{inner + ',' if inner else ''}{matcher}}}"


def selectors(expression: str) -> list[str]:
    """Return the plain instant selectors of an expression, each once; those moved by offset or @ are left out.

    None are returned for what only the server can read (a function newer than our parser): its freshness is not known.
    """
    found: dict[str, None] = {}

    def visit(node: promql.Expr) -> bool:
        selector = node.vector_selector if isinstance(node, promql.MatrixSelector) else node
        if isinstance(selector, promql.VectorSelector) and selector.offset is None and selector.at is None:
            found[selector.prettify()] = None
        return True

    try:
        tree = parse(expression)
    except PromQLError:
        return []
    promql.walk(tree, pre_visit=visit)
    return list(found)


def newest_sample(of: list[str]) -> str | None:
    """Return PromQL for the time of the newest sample; of several selectors the one that lags most counts."""
    if not of:
        return None
    if len(of) == 1:
        return f"max(timestamp({of[0]}))"
    ages = " or ".join(f'label_replace(max(timestamp({s})), "i", "{i}", "", "")' for i, s in enumerate(of))
    return f"min({ages})"


def seconds_per_sample(of: str) -> str:
    """Return PromQL for the scrape interval behind a selector, in seconds; no series where nothing can be told.

    Span ÷ samples overestimates it for a series younger than the span, so the least of several spans is taken.
    """
    spans = " or ".join(
        f'label_replace({seconds} / (max(count_over_time({of}[{seconds}s])) >= 2), "i", "{seconds}", "", "")'
        for seconds in ESTIMATE_SPANS
    )
    return f"min({spans})"


def _part(indicator: RatioIndicator | QueryIndicator) -> str:
    part = indicator.good if indicator.good is not None else indicator.bad
    if part is None:
        raise ValueError("an indicator has either good or bad events; api/to_domain.py sees to that")
    return part


def _counter_terms(seconds: float, targets: str, by: str) -> Callable[[str], Count]:
    span = format_duration(seconds)
    if seconds > FINE_SECONDS:
        return lambda selector: Count(f"sum{by}(increase({selector}[{span}]))")
    started = f"process_start_time_seconds{targets} > (time() - {seconds + BIRTH_SLACK_SECONDS:g})"
    scraped = f"(up{targets} offset {span}) == 1"

    def count(selector: str) -> Count:
        before = f"({selector} offset {span})"
        steps = f"(({selector} - {before}) >= 0)"
        return Count(
            steady=f"sum{by}({steps})",
            rest=f"sum{by}({selector} unless {steps})",
            proven=(
                f"sum{by}(({selector} < {before})"
                f" or (({selector} unless {before}) and on (job, instance) (({scraped}) or ({started}))))"
            ),
        )

    return count


def _span(seconds: float, scrape_seconds: float) -> tuple[float, str]:
    """Return how long an increase has to look back to see steps, and what to multiply it by to get that of a slice.

    `increase` needs two samples, and a slice may hold fewer. Looking back over several scrapes spreads an event over
    neighbouring slices; their sum stays.
    """
    span = max(seconds, SCRAPES_PER_INCREASE * scrape_seconds)
    return span, "" if span == seconds else f" * {seconds / span:.9g}"


def _native_latency(indicator: LatencyIndicator, seconds: float, scrape_seconds: float, by: str) -> SliceTerms:
    # Steps of whole histograms: `increase` knows their resets bucket by bucket, differences of fractions would not.
    selector = f"{indicator.histogram}{indicator.selector}"
    span, scale = _span(seconds, scrape_seconds)
    steps = f"increase({selector}[{format_duration(span)}])"
    threshold = f"{indicator.threshold_seconds.normalize():f}"
    return SliceTerms(
        total=Count(f"sum{by}(histogram_count({steps})){scale}"),
        # The fraction of an empty histogram is NaN: the comparison drops it, since none of no requests is none.
        part=Count(f"sum{by}((histogram_fraction(0, {threshold}, {steps}) >= 0) * histogram_count({steps})){scale}"),
        part_is_good=True,
        newest=newest_sample([selector]),
    )


def _threshold(indicator: ThresholdIndicator, seconds: float) -> SliceTerms:
    step = max(SUBQUERY_SECONDS, seconds / SUBQUERY_STEPS) if seconds > FINE_SECONDS else SUBQUERY_SECONDS
    span = f"[{format_duration(seconds)}:{format_duration(step)}]"
    moments = f"(({indicator.query}) == ({indicator.query}))"  # NaN is the only value that does not equal itself
    good = f"({moments} {_OPERATORS[indicator.op]} {indicator.value!r})"
    return SliceTerms(
        total=Count(f"count_over_time({moments}{span})"),
        # `0 * count` stands for a series that was never good; the total says whether it was there at all.
        part=Count(f"(count_over_time({good}{span}) or 0 * count_over_time({moments}{span}))"),
        part_is_good=True,
        newest=newest_sample(selectors(indicator.query)),
    )


def _query(expression: str, seconds: float, scrape_seconds: float) -> str:
    span, scale = _span(seconds, scrape_seconds)
    text = substitute_window(expression, span)
    if _is_rate(text):
        return f"({text}) * {seconds:g}"
    return f"({text}){scale}" if scale else text


def _is_rate(expression: str) -> bool:
    """True when the value is per second: a rate at the top, or one that is only summed up (semantics B6)."""
    try:
        node = parse(expression)
    except PromQLError:
        return False  # only the server can read it; what it calls a rate we cannot know
    while isinstance(node, promql.AggregateExpr | promql.ParenExpr):
        node = node.expr
    return isinstance(node, promql.Call) and node.func.name in {"rate", "irate"}


def _scientific(value: Decimal) -> set[str]:
    """The spelling of very small and very large bounds, as Go's %g writes them."""
    text = f"{float(value):g}"
    return {text} if "e" in text else set()
