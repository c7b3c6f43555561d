"""From an indicator to PromQL: the increments of one slice of time.

Every expression is evaluated at the end of the slice and speaks of the `seconds` before it. What counters counted is
told in `counters.py`.
"""

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
from backstop.promql.counters import FINE_SECONDS, Count, CounterSlice, bucket_counts, observation_counts
from backstop.promql.parse import PromQLError, parse, substitute_window

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
    counters = CounterSlice(seconds=seconds, scrape_seconds=scrape_seconds, targets=targets, by=by)
    match indicator:
        case RatioIndicator():
            return SliceTerms(
                total=counters.count(indicator.total),
                part=counters.count(_part(indicator)),
                part_is_good=indicator.good is not None,
                newest=newest_sample([indicator.total]),
            )
        case LatencyIndicator(histogram=name, selector=matchers) if native:
            histogram = f"{name}{matchers}"
            return SliceTerms(
                total=counters.count(histogram, observation_counts),
                part=counters.count(histogram, bucket_counts(f"{indicator.threshold_seconds.normalize():f}")),
                part_is_good=True,
                newest=newest_sample([histogram]),
            )
        case LatencyIndicator():
            total = f"{indicator.histogram}_count{indicator.selector}"
            return SliceTerms(
                total=counters.count(total),
                part=counters.count(bucket_selector(indicator)),
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


def _span(seconds: float, scrape_seconds: float) -> tuple[float, str]:
    """Return how long an increase has to look back to see steps, and what to multiply it by to get that of a slice.

    `increase` needs two samples, and a slice may hold fewer. Looking back over several scrapes spreads an event over
    neighbouring slices; their sum stays.
    """
    span = max(seconds, SCRAPES_PER_INCREASE * scrape_seconds)
    return span, "" if span == seconds else f" * {seconds / span:.9g}"


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
