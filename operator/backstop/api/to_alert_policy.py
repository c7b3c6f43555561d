"""The only way from a raw object to `backstop.domain.alert_policy.AlertPolicy`.

Whatever the object is, the outcome is a domain object or problems that name a path and a fix.
"""

from collections.abc import Mapping
from typing import Any, Final

from backstop.api.field_types import kind_of
from backstop.api.objects import Checked, combined, header_problems, identity_problems, name_problems, read_spec
from backstop.api.problems import Problem
from backstop.api.v1alpha1 import alert_policy_when as when_models
from backstop.api.v1alpha1.alert_policy import AlertPolicySpec, TierOverride
from backstop.api.v1alpha1.alert_policy_escalation import BySeverity, Escalation
from backstop.api.v1alpha1.alert_policy_rules import AlertRule
from backstop.api.v1alpha1.alert_policy_unsupported import not_supported_yet
from backstop.api.v1alpha1.alert_policy_warnings import warnings_of
from backstop.domain import alert_policy as domain
from backstop.domain.duration import parse_duration
from backstop.domain.errors import SpecError
from backstop.domain.maintenance import SLOSelector
from backstop.domain.slo import Uid
from backstop.promql.parse import without_comments

KIND: Final = "AlertPolicy"


def check_alert_policy(body: object) -> Checked[AlertPolicySpec]:
    """Read an AlertPolicy as people write it: a namespace may be missing. Raises nothing."""
    if not isinstance(body, Mapping):
        return Checked(spec=None, problems=(Problem(location=(), text=f"an object is a map, not {kind_of(body)}"),))
    problems = [*header_problems(body, kind=KIND), *name_problems(body.get("metadata"))]
    spec, found = read_spec(body, AlertPolicySpec, least="preset: google-sre, or rules")
    problems += found
    if spec is None:
        return Checked(spec=None, problems=tuple(problems))
    problems += not_supported_yet(spec, at=("spec",))
    return Checked(spec=spec, problems=tuple(problems), warnings=tuple(warnings_of(spec, at=("spec",))))


def to_alert_policy(body: object) -> domain.AlertPolicy:
    """Return the policy of an object as the API server holds it. Raises SpecError as `to_domain` does for an SLO."""
    checked = check_alert_policy(body)
    problems = [*checked.problems, *identity_problems(body)]
    if checked.spec is None or problems or not isinstance(body, Mapping):
        raise combined(problems)
    return _policy(body["metadata"], checked.spec)


def _policy(metadata: Mapping[str, Any], spec: AlertPolicySpec) -> domain.AlertPolicy:
    return domain.AlertPolicy(
        uid=Uid(metadata["uid"]),
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        slos=None
        if spec.slos is None
        else SLOSelector(names=frozenset(spec.slos.names or ()), labels=dict(spec.slos.match_labels or {})),
        rules=tuple(_rule(rule) for rule in spec.alert_rules or ()),
        preset=None if spec.preset is None else str(spec.preset),
        preset_notify=tuple(spec.preset_notify or ()),
        overrides=tuple(_override(tier) for tier in spec.tiers or ()),
        inhibit=spec.inhibit,
        incident_by=spec.incident_by,
        deadlines=_deadlines(spec.escalation),
        reopen_within_seconds=parse_duration(spec.reopen_within),
    )


def _override(tier: TierOverride) -> domain.TierOverride:
    return domain.TierOverride(
        name=str(tier.name), enabled=tier.enabled, severity=tier.severity, notify=tuple(tier.notify or ())
    )


def _deadlines(escalation: Escalation | None) -> domain.Deadlines:
    if escalation is None:
        return domain.Deadlines()
    return domain.Deadlines(
        acknowledge=_by_severity(escalation.acknowledge_within),
        resolve=_by_severity(escalation.resolve_within),
        update=_by_severity(escalation.update_every),
    )


def _by_severity(given: BySeverity | None) -> dict[domain.Severity, float]:
    if given is None:
        return {}
    written = {
        domain.Severity.P0: given.p0,
        domain.Severity.P1: given.p1,
        domain.Severity.P2: given.p2,
        domain.Severity.P3: given.p3,
    }
    return {severity: parse_duration(text) for severity, text in written.items() if text is not None}


def _rule(rule: AlertRule) -> domain.Rule:
    return domain.Rule(
        name=rule.name,
        severity=rule.severity,
        when=_when(rule.when),
        enabled=rule.enabled,
        notify=tuple(rule.notify or ()),
        keep_firing_seconds=parse_duration(rule.keep_firing_for),
        acknowledge_within_seconds=_seconds(rule.acknowledge_within),
        resolve_within_seconds=_seconds(rule.resolve_within),
    )


def _seconds(text: str | None) -> float | None:
    return None if text is None else parse_duration(text)


def _when(when: when_models.When) -> domain.When:
    """Convert the one condition."""
    if when.burn_rate is not None:
        return _burn_rate(when.burn_rate)
    if (remaining := when.budget_remaining_below) is not None:
        return domain.BudgetRemainingBelow(percent=remaining.percent, window=remaining.window)
    if (soon := when.exhausts_within) is not None:
        return domain.ExhaustsWithin(
            duration_seconds=parse_duration(soon.duration),
            lookback_seconds=parse_duration(soon.lookback),
            window=soon.window,
        )
    if when.no_data is not None:
        return domain.NoData(for_seconds=parse_duration(when.no_data.for_))
    if when.query is not None:
        return _query(when.query)
    if (node := when.node_condition) is not None:
        return domain.NodeCondition(
            type=node.type,
            statuses=frozenset(str(status) for status in node.status),
            for_seconds=parse_duration(node.for_),
            selector=dict(node.selector or {}),
        )
    if (failures := when.consecutive_failures) is not None:
        return domain.ConsecutiveFailures(
            of=_runs(failures), count=failures.count, within_seconds=parse_duration(failures.within)
        )
    if (lacking := when.no_success) is not None:
        return domain.NoSuccess(of=_runs(lacking), within_seconds=parse_duration(lacking.within))
    raise SpecError("spec.rules", "has no condition that is supported yet", not_supported_yet=True)


def _burn_rate(given: when_models.BurnRate) -> domain.BurnRate:
    return domain.BurnRate(
        long_seconds=parse_duration(given.long),
        short_seconds=parse_duration(given.short),
        budget_percent=given.budget_percent,
        factor=given.factor,
        window=given.window,
    )


def _query(given: when_models.Query) -> domain.Query:
    """Convert a query. Comments are dropped: the text will stand inside of longer queries."""
    if given.expr is None or given.op is None or given.value is None:
        raise SpecError("spec.rules", "has a query without expr, op and value")
    return domain.Query(
        expression=without_comments(given.expr),
        op=given.op,
        value=given.value,
        source=given.source,
        for_seconds=parse_duration(given.for_),
        interval_seconds=parse_duration(given.interval),
        on_empty=given.on_empty,
        target_label=given.target_label,
    )


def _runs(given: when_models.ConsecutiveFailures | when_models.NoSuccess) -> domain.Runs:
    return domain.Runs(cron_job=given.cron_job, jobs=None if given.jobs is None else dict(given.jobs.selector))
