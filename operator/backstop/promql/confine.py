"""Limits an indicator to a tenant, once per indicator and not once per query (semantics K6).

Free queries are the exception: their text is only PromQL after `$window` is replaced, so each of them is limited then.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from backstop.domain.slo import (
    BooleanIndicator,
    LatencyIndicator,
    LeafIndicator,
    QueryIndicator,
    RatioIndicator,
    ThresholdIndicator,
)
from backstop.promql.compile import SliceTerms, slice_terms
from backstop.promql.counters import Count
from backstop.promql.inject import inject_matchers

_CACHED: Final = 16_384


def confined_terms(
    indicator: LeafIndicator,
    matchers: Mapping[str, str],
    *,
    seconds: float,
    native: bool = False,
    scrape_seconds: float = 0.0,
    group_by: tuple[str, ...] = (),
) -> SliceTerms:
    """Return the terms of a slice with `matchers` in every selector. Raises PromQLError where that cannot be done."""
    if not matchers:
        return slice_terms(indicator, seconds=seconds, native=native, scrape_seconds=scrape_seconds, group_by=group_by)
    targets = inject_matchers("up", matchers).removeprefix("up")
    terms = slice_terms(
        confine(indicator, matchers),
        seconds=seconds,
        native=native,
        scrape_seconds=scrape_seconds,
        targets=targets,
        group_by=group_by,
    )
    if not isinstance(indicator, QueryIndicator):
        return terms
    return SliceTerms(
        total=Count(inject_matchers(terms.total.plain, matchers)),
        part=Count(inject_matchers(terms.part.plain, matchers)),
        part_is_good=terms.part_is_good,
        newest=terms.newest and inject_matchers(terms.newest, matchers),
    )


def confine(indicator: LeafIndicator, matchers: Mapping[str, str]) -> LeafIndicator:
    """Return the indicator with `matchers` in every selector; free queries come back as they are.

    Raises PromQLError for an expression that cannot be limited.
    """
    return _confine(indicator, tuple(sorted(matchers.items()))) if matchers else indicator


@lru_cache(maxsize=_CACHED)
def _confine(indicator: LeafIndicator, pairs: tuple[tuple[str, str], ...]) -> LeafIndicator:
    matchers = dict(pairs)
    match indicator:
        case RatioIndicator():
            return replace(
                indicator,
                total=inject_matchers(indicator.total, matchers),
                good=indicator.good and inject_matchers(indicator.good, matchers),
                bad=indicator.bad and inject_matchers(indicator.bad, matchers),
            )
        case LatencyIndicator(histogram=name, selector=selector):
            limited = inject_matchers(f"{name}{selector}", matchers)
            return replace(indicator, selector=limited.removeprefix(name))
        case BooleanIndicator(metric=metric):
            return replace(indicator, metric=inject_matchers(metric, matchers))
        case ThresholdIndicator(query=query):
            return replace(indicator, query=inject_matchers(query, matchers))
        case QueryIndicator():
            return indicator
