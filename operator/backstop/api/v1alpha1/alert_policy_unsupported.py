"""What of the AlertPolicy this version understands but does not do yet. It is refused, never ignored."""

from collections.abc import Iterator

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.alert_policy import AlertPolicySpec
from backstop.api.v1alpha1.alert_policy_rules import AlertRule
from backstop.api.v1alpha1.alert_policy_when import When

_LEAVE_OUT = "leave it out"


def not_supported_yet(spec: AlertPolicySpec, *, at: Location) -> Iterator[Problem]:
    """Yield a problem per field of a valid spec that this version does not implement."""
    for location, fix in _fields(spec):
        text = f"is not supported yet; {fix}"
        yield Problem(location=(*at, *location), text=text, not_supported_yet=True)


def _fields(spec: AlertPolicySpec) -> Iterator[tuple[Location, str]]:
    for index, rule in enumerate(spec.alert_rules or ()):
        yield from ((("rules", index, *location), fix) for location, fix in _of_rule(rule))
    if (escalation := spec.escalation) is not None:
        if escalation.levels is not None:
            yield ("escalation", "levels"), "leave it out, and name the channels in notify"
        if escalation.repeat is not None:
            yield ("escalation", "repeat"), _LEAVE_OUT
        if escalation.chains is not None:
            yield ("escalation", "chains"), _LEAVE_OUT
    if spec.active_times is not None:
        yield ("activeTimes",), _LEAVE_OUT


def _of_rule(rule: AlertRule) -> Iterator[tuple[Location, str]]:
    yield from ((("when", *location), fix) for location, fix in _of_condition(rule.when))
    if rule.escalation is not None:
        yield ("escalation",), "leave it out, and name the channels in notify"
    if rule.run is not None:
        yield ("run",), _LEAVE_OUT
    if rule.freeze_deploys is not None:
        yield ("freezeDeploys",), _LEAVE_OUT


def _of_condition(when: When) -> Iterator[tuple[Location, str]]:
    if when.release_regression is not None:
        yield ("releaseRegression",), "write for example burnRate: {long: 1h, short: 5m, budgetPercent: 2}"
    if when.query is not None and when.query.named is not None:
        yield ("query", "named"), "write the query in expr"
    for name, runs in (("consecutiveFailures", when.consecutive_failures), ("noSuccess", when.no_success)):
        if runs is not None and runs.runbook is not None:
            yield (name, "runbook"), "write cronJob or jobs"
        if runs is not None and runs.query is not None:
            yield (name, "query"), "write cronJob or jobs"
