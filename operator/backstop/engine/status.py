"""Builds `.status` of an SLO: is it fine, why not, what happens next. Pure: the time is an argument."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backstop.domain.assessment import Assessment
from backstop.domain.duration import format_duration
from backstop.domain.errors import SpecError
from backstop.domain.health import HealthVerdict
from backstop.domain.verdict import FAULT_OF_THE_SPEC
from backstop.engine.conditions import MAX_MESSAGE, ConditionNow, rfc3339, rfc3339_of, stamped
from backstop.engine.source_clock import MAX_SKEW_SECONDS
from backstop.engine.status_numbers import group_numbers, history_condition, window_numbers
from backstop.vocabulary import SHOWN_GROUPS, Condition, Reason, State


def assessed_status(
    assessment: Assessment, *, generation: int, previous: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Return the status after an evaluation."""
    verdict, witness = assessment.verdict, assessment.witness
    conditions = [
        _ready(assessment),
        _data_available(assessment),
        _now(Condition.BUDGET_HEALTHY, verdict.reason, verdict.message, status=verdict.healthy),
        history_condition(assessment),
        _clock_skew(assessment),
    ]
    if witness is not None:
        healthy = {HealthVerdict.HEALTHY: True, HealthVerdict.BAD: False}.get(witness.verdict)
        conditions.append(_now(Condition.WORKLOAD_HEALTHY, witness.reason, witness.message, status=healthy))
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "state": str(assessment.verdict.state),
        **_why(conditions),
        "evaluatedAt": rfc3339(datetime.fromtimestamp(assessment.at, UTC)),
        "windows": [window_numbers(budget, assessment) for budget in assessment.budgets],
        "scrapeInterval": format_duration(round(assessment.scrape_interval_seconds, 1)),
        "conditions": stamped(conditions, generation=generation, previous=previous, now=now),
    }
    if assessment.groups:
        status["groupCount"] = len(assessment.groups)
        status["groups"] = [group_numbers(group) for group in assessment.groups[:SHOWN_GROUPS]]
    if assessment.burn_rates:
        # Absent rather than empty: server-side apply turns a map that loses its last owned key into null.
        status["burnRates"] = {name: round(rate, 3) for name, rate in assessment.burn_rates.items()}
    if assessment.verdict.state is State.UNKNOWN:
        _keep_last_known(status, previous)
    return status


def waiting_status(*, generation: int, previous: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Return the status of an object that is understood and will be evaluated within seconds."""
    waiting = Reason.WAITING_FOR_FIRST_EVALUATION
    conditions = [
        _now(Condition.READY, waiting, "understood; the first evaluation is under way", status=None),
        _now(Condition.DATA_AVAILABLE, Reason.NOT_FETCHED, "not asked yet", status=None),
        _now(Condition.BUDGET_HEALTHY, Reason.DATA_UNKNOWN, "not judged yet", status=None),
    ]
    return {
        "observedGeneration": generation,
        "state": str(State.UNKNOWN),
        **_why(conditions),
        "conditions": stamped(conditions, generation=generation, previous=previous, now=now),
    }


def refused_status(
    problem: SpecError, reason: Reason, *, generation: int, previous: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Return the status of an object that cannot be evaluated as it stands."""
    message = str(problem)
    conditions = [
        _now(Condition.READY, reason, message, status=False),
        _now(Condition.DATA_AVAILABLE, Reason.NOT_FETCHED, "not asked: the object is refused", status=None),
        _now(Condition.BUDGET_HEALTHY, Reason.DATA_UNKNOWN, "not judged: the object is refused", status=None),
    ]
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "state": str(State.UNKNOWN),
        **_why(conditions),
        "conditions": stamped(conditions, generation=generation, previous=previous, now=now),
    }
    _keep_last_known(status, previous)
    return status


def _why(conditions: list[ConditionNow]) -> dict[str, str]:
    """The reason and message of the state: those of the first condition that is not well, else of the budget."""
    by_type = {condition.type: condition for condition in conditions}
    deciding = (Condition.READY, Condition.DATA_AVAILABLE, Condition.BUDGET_HEALTHY)
    chosen = next((by_type[kind] for kind in deciding if by_type[kind].status is not True), by_type[deciding[-1]])
    return {"reason": str(chosen.reason), "message": chosen.message[:MAX_MESSAGE]}


def _now(kind: Condition, reason: Reason, message: str, *, status: bool | None) -> ConditionNow:
    return ConditionNow(type=kind, status=status, reason=reason, message=message)


def _ready(assessment: Assessment) -> ConditionNow:
    if not assessment.data.available and assessment.data.reason in FAULT_OF_THE_SPEC:
        return _now(Condition.READY, assessment.data.reason, assessment.data.message, status=False)
    message = f"evaluated over {', '.join(budget.counts.name for budget in assessment.budgets)}"
    if assessment.changed_at is None:
        return _now(Condition.READY, Reason.EVALUATED, message, status=True)
    changed = f"what is counted was changed {rfc3339_of(assessment.changed_at)}, and the past was counted anew"
    return _now(Condition.READY, Reason.RECOUNTED, f"{message}; {changed}", status=True)


def _data_available(assessment: Assessment) -> ConditionNow:
    data, primary = assessment.data, assessment.budgets[0].counts
    reason, message = data.reason, data.message
    if data.available and primary.good + primary.bad == 0:
        # Of the whole window, not of the last minute: with little traffic the reason would change at every tick.
        reason, message = Reason.NO_TRAFFIC, f"the series are there and count no event in {primary.name}"
    since = rfc3339(datetime.fromtimestamp(data.since, UTC), timespec="seconds")
    return _now(Condition.DATA_AVAILABLE, reason, f"{message} (since {since})", status=data.available)


def _clock_skew(assessment: Assessment) -> ConditionNow:
    skew = assessment.clock_skew_seconds
    if abs(skew) > MAX_SKEW_SECONDS:
        message = f"the clock of the source is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the operator's"
        return _now(Condition.CLOCK_SKEW, Reason.CLOCKS_DIFFER, message, status=True)
    return _now(Condition.CLOCK_SKEW, Reason.CLOCKS_AGREE, f"within {MAX_SKEW_SECONDS:.0f} s", status=False)


def _keep_last_known(status: dict[str, Any], previous: Mapping[str, Any] | None) -> None:
    """Carry the newest known state and windows along while the state is unknown (semantics E6)."""
    if previous is None:
        return
    if previous.get("state") not in (None, str(State.UNKNOWN)):
        known = {"at": "evaluatedAt", "state": "state", "reason": "reason", "windows": "windows"}
        status["lastKnown"] = {name: previous[field] for name, field in known.items() if field in previous}
    elif "lastKnown" in previous:
        status["lastKnown"] = previous["lastKnown"]
