"""What an SLO is told to be: is its data there, and how is its budget (semantics B1, B7, E1, E6).

A decision carries its reason and its numbers; nothing here reads a clock or the world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backstop.domain.budget import AT_RISK_PERCENT, Budget
from backstop.domain.duration import format_duration
from backstop.domain.evidence import Slice
from backstop.domain.health import Health, HealthVerdict
from backstop.vocabulary import Reason, State

# Reasons that may be a passing gap (a restart, one failed query): the SLO keeps its state for evaluation.staleAfter.
PASSING: Final = frozenset({Reason.NO_DATA, Reason.SOURCE_UNREACHABLE, Reason.NOT_FETCHED, Reason.BASELINE})
# Reasons for which the object itself has to change.
FAULT_OF_THE_SPEC: Final = frozenset(
    {Reason.SEVERAL_SERIES, Reason.TOO_MANY_GROUPS, Reason.THRESHOLD_NOT_A_BUCKET, Reason.QUERY_FAILED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStatus:
    """Whether the source gives usable samples. `since` and `last_known_at` are source times in unix seconds."""

    available: bool
    reason: Reason
    message: str
    since: float
    last_known_at: float | None = None  # end of the newest known stretch


def follow_data(previous: DataStatus | None, newest: Slice, *, at: float, stale_after_seconds: float) -> DataStatus:
    """Return the data status after the newest evidence, at source time `at`.

    What was available stays so through a passing gap of up to `stale_after_seconds`; every other reason counts at once.
    """
    if newest.reason is None:
        since = previous.since if previous is not None and previous.available else at
        return DataStatus(
            available=True, reason=Reason.SAMPLES_FRESH, message="samples arrive", since=since, last_known_at=at
        )
    last_known_at = previous.last_known_at if previous is not None else None
    if previous is not None and previous.available and newest.reason in PASSING:  # noqa: SIM102  one thought each
        if last_known_at is not None and at - last_known_at <= stale_after_seconds:
            return previous
    since = previous.since if previous is not None and not previous.available else last_known_at or at
    return DataStatus(
        available=False, reason=newest.reason, message=newest.message, since=since, last_known_at=last_known_at
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state, and why: `healthy` None is the Unknown of condition BudgetHealthy."""

    state: State
    healthy: bool | None
    reason: Reason
    message: str


def judge_budget(
    budgets: Sequence[Budget], data: DataStatus, witness: Health | None = None, *, burning: str | None = None
) -> Verdict:
    """Return the state of an SLO from the budget of its primary window (semantics B7).

    `burning` names a burnRate rule that fires: at that rate the budget is at risk, however much is left.
    A workload that the Kubernetes API proves down is bad evidence even when the SLI is silent; with both silent the
    state is Unknown (semantics E1).
    """
    primary = budgets[0]
    if not data.available:
        if witness is not None and witness.verdict is HealthVerdict.BAD:
            message = f"the SLI is silent ({data.reason}) and {witness.message}"
            return Verdict(state=State.AT_RISK, healthy=False, reason=witness.reason, message=message)
        message = f"{data.reason}: {data.message}"
        return Verdict(state=State.UNKNOWN, healthy=None, reason=Reason.DATA_UNKNOWN, message=message)
    window, remaining = primary.counts.name, primary.remaining_percent
    if primary.too_early or remaining is None:
        known = format_duration(round(primary.counts.known_seconds))
        needed = format_duration(round(primary.judged_from_seconds))
        message = f"{known} of window {window} are known; its budget is judged from {needed} on"
        return Verdict(state=State.UNKNOWN, healthy=None, reason=Reason.TOO_EARLY, message=message)
    left = f"{remaining:.1f} % of the {window} budget left"
    if remaining <= 0:
        return Verdict(state=State.EXHAUSTED, healthy=False, reason=Reason.BUDGET_EXHAUSTED, message=left)
    if remaining < AT_RISK_PERCENT:
        message = f"{left}, under {AT_RISK_PERCENT:.0f} %"
        return Verdict(state=State.AT_RISK, healthy=False, reason=Reason.LOW_BUDGET, message=message)
    if burning is not None:
        message = f"{left}, and it burns so fast that rule {burning} fires"
        return Verdict(state=State.AT_RISK, healthy=False, reason=Reason.BURNING_FAST, message=message)
    return Verdict(state=State.HEALTHY, healthy=True, reason=Reason.WITHIN_BUDGET, message=left)
