"""The numbers in the status of an SLO: windows, groups, and how much of the past is known."""

from typing import Any, Final

from backstop.domain.assessment import Assessment, GroupAssessment
from backstop.domain.budget import Budget
from backstop.domain.duration import format_duration
from backstop.domain.label_value import shown_value
from backstop.engine.conditions import ConditionNow, rfc3339_of
from backstop.vocabulary import Condition, Reason

_SLACK_SECONDS: Final = 3600.0  # the resolution of the past
_SLACK_SHARE: Final = 0.01


def window_numbers(budget: Budget, assessment: Assessment) -> dict[str, Any]:
    """Return one entry of `status.windows`."""
    counts = budget.counts
    window: dict[str, Any] = {
        "name": counts.name,
        **_counts(budget),
        "coverage": round(counts.coverage, 4),
        "since": rfc3339_of(max(assessment.at - counts.seconds, assessment.history.start)),
    }
    if counts.excluded_seconds > 0:
        window["excludedSeconds"] = round(counts.excluded_seconds)
    if budget.exhausts_in_seconds is not None:
        window["exhaustsAt"] = rfc3339_of(assessment.at + budget.exhausts_in_seconds)
    if budget.ends_at is not None:
        window["resetsAt"] = rfc3339_of(budget.ends_at)
    if budget.total is not None and budget.consumed is not None and budget.remaining is not None:
        window["budget"] = {
            "unit": str(budget.unit),
            "total": round(budget.total, 3),
            "consumed": round(budget.consumed, 3),
            "remaining": round(budget.remaining, 3),
            "forecast": budget.forecast,
        }
    return window


def group_numbers(group: GroupAssessment) -> dict[str, Any]:
    """Return one entry of `status.groups`: the primary window of a set of labels."""
    labels = {label: shown_value(value) for label, value in group.labels.items()}
    entry = {"labels": labels, "state": str(group.verdict.state), **_counts(group.budgets[0])}
    if "1h" in group.burn_rates:
        entry["burnRate1h"] = round(group.burn_rates["1h"], 3)
    return entry


def _counts(budget: Budget) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "goodEvents": round(budget.counts.good, 1),
        "badEvents": round(budget.counts.bad, 1),
    }
    if budget.sli_percent is not None:
        numbers["sli"] = round(budget.sli_percent, 6)
    if budget.consumed_percent is not None and budget.remaining_percent is not None:
        numbers["consumedPercent"] = round(budget.consumed_percent, 2)
        numbers["remainingPercent"] = round(budget.remaining_percent, 2)
    return numbers


def history_condition(assessment: Assessment) -> ConditionNow:
    """Tell whether the windows reach back further than what is held of the past (semantics K17, K18)."""
    history, kind = assessment.history, Condition.HISTORY_INCOMPLETE
    longest = max((budget.counts for budget in assessment.budgets), key=lambda counts: counts.seconds)
    if not history.complete:
        known = format_duration(round(longest.known_seconds))
        message = f"the past is being read from the source; {known} of window {longest.name} are known so far"
        return ConditionNow(type=kind, status=None, reason=Reason.HISTORY_BEING_READ, message=message)
    needed = assessment.at - longest.seconds
    slack = max(_SLACK_SECONDS, _SLACK_SHARE * longest.seconds)
    if history.known_from is None or history.known_from > needed + slack:
        since = "no data" if history.known_from is None else f"no data before {rfc3339_of(history.known_from)}"
        message = (
            f"the source has {since}, and window {longest.name} begins {rfc3339_of(needed)}: its coverage is"
            f" {longest.coverage:.0%}; keep more in the source (its retention), or wait"
        )
        return ConditionNow(type=kind, status=True, reason=Reason.NO_OLDER_DATA, message=message)
    if history.lost_edges:
        edges = ", ".join(rfc3339_of(edge) for edge in history.lost_edges[:3])
        message = f"what was counted up to {edges} is known to a coarse slice only, and spread evenly"
        return ConditionNow(type=kind, status=True, reason=Reason.RESOLUTION_LOST, message=message)
    return ConditionNow(
        type=kind, status=False, reason=Reason.HISTORY_READ, message="every window is covered from its start"
    )
