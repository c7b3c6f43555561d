"""What has to be known of an SLO's series before counting: scrape interval, kind of histogram, bucket bounds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from backstop.domain.slo import (
    SLO,
    BooleanIndicator,
    LatencyIndicator,
    QueryIndicator,
    RatioIndicator,
    ThresholdIndicator,
)
from backstop.engine.planner import Answer
from backstop.engine.readings import leaf_indicator
from backstop.promql.compile import seconds_per_sample, selectors
from backstop.promql.confine import confine
from backstop.promql.inject import inject_matchers
from backstop.promql.parse import substitute_window

_ANY_SPAN_SECONDS: Final = 300.0  # only to make an expression parse
_SHORTEST_SCRAPE: Final = 1.0
_LONGEST_SCRAPE: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a probe found. `scrape_seconds` is None when no sample was there to estimate from."""

    scrape_seconds: float | None
    native: bool
    bucket_problem: str | None


def probe_terms(slo: SLO, enforced: Mapping[str, str]) -> dict[str, str]:
    """Return the terms to ask of an SLO that is no composite; `list_` terms may return many series."""
    terms: dict[str, str] = {}
    match confine(leaf_indicator(slo), enforced):
        case RatioIndicator(total=total):
            terms["scrape"] = seconds_per_sample(total)
        case BooleanIndicator(metric=metric):
            terms["scrape"] = seconds_per_sample(metric)
        case ThresholdIndicator(query=query):
            terms |= _scrape_of(selectors(query))
        case QueryIndicator(total=total):
            query = substitute_window(total, _ANY_SPAN_SECONDS)
            terms |= _scrape_of(selectors(inject_matchers(query, enforced) if enforced else query))
        case LatencyIndicator(histogram=histogram, selector=selector):
            terms["list_buckets"] = f"count by (le) ({histogram}_bucket{selector})"
            terms["native"] = f"count(histogram_count({histogram}{selector}))"
            classic, plain = f"{histogram}_count{selector}", f"{histogram}{selector}"
            terms["scrape"] = f"({seconds_per_sample(classic)}) or ({seconds_per_sample(plain)})"
    return terms


def read_probe(slo: SLO, answer: Answer) -> Probe:
    """Return what the answer tells."""
    told = (sample.value for sample in answer.get("scrape", ()))
    found = min((value for value in told if math.isfinite(value)), default=None)
    scrape = None if found is None else min(max(found, _SHORTEST_SCRAPE), _LONGEST_SCRAPE)
    native, problem = False, None
    if isinstance(slo.indicator, LatencyIndicator):
        labels = (_bound(sample.labels.get("le", "")) for sample in answer.get("list_buckets", ()))
        bounds = sorted({bound for bound in labels if bound is not None})
        has_native = bool(answer.get("native"))
        if _is_bound(slo.indicator.threshold_seconds, bounds):
            native = False
        elif has_native:
            native = True
        elif bounds:
            problem = _nearest(slo.indicator.threshold_seconds, bounds)
    return Probe(scrape_seconds=scrape, native=native, bucket_problem=problem)


def _scrape_of(found: list[str]) -> dict[str, str]:
    return {"scrape": seconds_per_sample(found[0])} if found else {}


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None  # a series without a usable le is not a bucket


def _is_bound(threshold: Decimal, bounds: list[float]) -> bool:
    return any(math.isclose(bound, float(threshold), rel_tol=1e-9) for bound in bounds)


def _nearest(threshold: Decimal, bounds: list[float]) -> str:
    finite = [bound for bound in bounds if math.isfinite(bound)]
    below = [f"{bound:g}s" for bound in finite if bound < threshold][-1:]
    above = [f"{bound:g}s" for bound in finite if bound > threshold][:1]
    return (
        f"spec.indicator.latency.threshold: {threshold.normalize():f}s is not a bucket bound of this classic histogram;"
        f" use {' or '.join(below + above) or 'a histogram with buckets'}"
    )
