"""What deserves a second look in a valid AlertPolicy, though it is accepted (semantics K10, E3)."""

from collections.abc import Iterator
from typing import Final

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.alert_policy import AlertPolicySpec
from backstop.api.v1alpha1.alert_policy_rules import AlertRule
from backstop.api.v1alpha1.alert_policy_when import BurnRate, Query
from backstop.domain.alert_policy import OnEmpty, Severity
from backstop.domain.duration import format_duration, parse_duration
from backstop.promql.emptiness import what_drops
from backstop.promql.lint import lint_instant_vector

_PAGES: Final = (Severity.P0, Severity.P1)
_TOO_SHORT_SECONDS: Final = 300.0  # of a long window that gets people out of bed
_USUAL_RATIO: Final = 12  # long by short window, in the SRE workbook's tiers
_LEAST_RATIO: Final = 4
_MOST_RATIO: Final = 40


def warnings_of(spec: AlertPolicySpec, *, at: Location) -> Iterator[Problem]:
    """Yield the warnings of a valid spec."""
    for location, text in _warnings(spec):
        yield Problem(location=(*at, *location), text=text)


def _warnings(spec: AlertPolicySpec) -> Iterator[tuple[Location, str]]:
    silent = not spec.preset_notify and not any(tier.notify for tier in spec.tiers or ())
    if spec.preset is not None and silent:
        yield ("preset",), "tells nobody; write for example presetNotify: [oncall]"
    for index, rule in enumerate(spec.alert_rules or ()):
        if rule.enabled:
            yield from ((("rules", index, *location), text) for location, text in _of_rule(rule))


def _of_rule(rule: AlertRule) -> Iterator[tuple[Location, str]]:
    if not rule.notify:
        yield (), f"rule {rule.name} tells nobody; write for example notify: [oncall]"
    if (burn_rate := rule.when.burn_rate) is not None and rule.severity in _PAGES:
        yield from ((("when", "burnRate", name), text) for name, text in _of_windows(burn_rate, rule.severity))
    if (query := rule.when.query) is not None and query.expr is not None:
        yield from ((("when", "query", "expr"), text) for text in _of_query(query, query.expr))


def _of_windows(burn_rate: BurnRate, severity: Severity) -> Iterator[tuple[str, str]]:
    long, short = parse_duration(burn_rate.long), parse_duration(burn_rate.short)
    if long <= _TOO_SHORT_SECONDS:
        yield (
            "long",
            f"is {burn_rate.long}: {severity} for what may be over already; write for example long: 1h, short: 5m",
        )
    elif not _LEAST_RATIO * short <= long <= _MOST_RATIO * short:
        usual = format_duration(round(long / _USUAL_RATIO / 60) * 60 or 60)
        effect = (
            "so the rule fires long after it is over"
            if long < _LEAST_RATIO * short
            else "so single errors stop and start it"
        )
        yield "short", f"is {burn_rate.short} beside long: {burn_rate.long}, {effect}; write for example short: {usual}"


def _of_query(query: Query, expression: str) -> Iterator[str]:
    finding = lint_instant_vector(expression)
    dropping = what_drops(expression)
    if dropping is None:
        yield from finding.warnings
    elif query.on_empty is OnEmpty.UNKNOWN:
        yield (
            f"is empty when all is well, since {dropping} drops series, and onEmpty: Unknown takes that for lost data;"
            " move the comparison to op and value, or write onEmpty: Clear"
        )
