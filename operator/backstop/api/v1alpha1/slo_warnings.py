"""What deserves a second look in a valid SLO, though it is accepted."""

from collections.abc import Callable, Iterator

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.promql.lint import Finding, lint_instant_vector, lint_window_query


def warnings_of(spec: SLOSpec, *, at: Location) -> Iterator[Problem]:
    """Yield the warnings of a valid spec."""
    for location, text, lint in _expressions(spec):
        for warning in lint(text).warnings:
            yield Problem(location=(*at, *location), text=warning)


def _expressions(spec: SLOSpec) -> Iterator[tuple[Location, str, Callable[[str], Finding]]]:
    if spec.indicator.threshold is not None:
        yield ("indicator", "threshold", "query"), spec.indicator.threshold.query, lint_instant_vector
    if (query := spec.indicator.query) is not None:
        for name, text in (("total", query.total), ("good", query.good), ("bad", query.bad)):
            if text is not None:
                yield ("indicator", "query", name), text, lint_window_query
