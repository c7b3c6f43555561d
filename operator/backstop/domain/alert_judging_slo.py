"""Judges rules about SLOs: burn rates, budgets, time to exhaustion, lost data (semantics A1, A3, A5, B1).

A finding has three values. A window of which half is known is judged by that half. With less, it burns only if it does
so with all unknown time taken for good, and else nothing can be told of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from backstop.domain.alert import Finding
from backstop.domain.alert_judging import cannot_tell
from backstop.domain.alert_policy import BudgetRemainingBelow, BurnRate, ExhaustsWithin, NoData
from backstop.domain.alert_tiers import EffectiveRule, RefusedRule
from backstop.domain.budget import Budget, WindowCounts, burn_rate
from backstop.domain.duration import format_duration
from backstop.domain.low_traffic import COUNT_TOLERANCE, Grounds, Proof, prove_exceeded
from backstop.domain.slo import SLO, RollingWindow, Window
from backstop.domain.verdict import DataStatus
from backstop.vocabulary import AlertReason

LEAST_COVERAGE: Final = (
    0.5  # of a window: with less known, that nothing is seen to burn does not mean that nothing does
)
EXPIRY_STEPS: Final = 4  # instants within `duration` at which budget that comes back is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class SloEvidence:
    """What is known of an SLO, or of one of its groups, at source time `at` (unix seconds).

    `counts` are those of the last so many seconds, for every length that `windows_asked` names; `all_bad_seconds` comes
    from the function of that name in low_traffic.py, as far back as `evaluation.allBadFor`. `bad_since` is the end of
    the first bad slice of what goes on now, None where that is not known.
    """

    slo: SLO
    at: float
    data: DataStatus
    budgets: Mapping[str, Budget]  # by the name of the window
    counts: Mapping[float, WindowCounts]  # by length in seconds
    all_bad_seconds: float = 0.0
    bad_since: float | None = None


def windows_asked(rules: Iterable[EffectiveRule | RefusedRule]) -> set[float]:
    """Return the lengths, in seconds back from now, of which the rules need the counts."""
    asked: set[float] = set()
    for rule in rules:
        if not isinstance(rule, EffectiveRule):
            continue
        when = rule.rule.when
        if isinstance(when, BurnRate):
            asked |= {when.long_seconds, when.short_seconds}
        elif isinstance(when, ExhaustsWithin):
            asked.add(when.lookback_seconds)
            asked |= {kept for _, kept in _kept_seconds(when, rule.window)}
    return asked


def judge_slo_rule(effective: EffectiveRule, evidence: SloEvidence) -> Finding:
    """Return what the evidence says of a rule.

    It says nothing where a window is not counted yet: a policy may ask for more than an evaluation under way reads.
    """
    when = effective.rule.when
    if isinstance(when, NoData):
        return _judge_data(evidence.data)
    if not evidence.data.available:
        return cannot_tell(f"{evidence.data.reason}: {evidence.data.message}")
    if missing := windows_asked([effective]) - evidence.counts.keys():
        return cannot_tell(f"the last {' and '.join(map(format_duration, sorted(missing)))} are not counted yet")
    if isinstance(when, BurnRate):
        return _judge_burn(effective, when, evidence)
    if effective.window is None:
        raise ValueError(f"rule {effective.rule.name} is about a budget and has no window")
    if isinstance(when, BudgetRemainingBelow):
        return _judge_remaining(when, evidence.budgets[effective.window.name])
    if isinstance(when, ExhaustsWithin):
        return _judge_exhaustion(when, effective.window, evidence)
    raise TypeError(f"rule {effective.rule.name} is not about SLOs")


def _judge_data(data: DataStatus) -> Finding:
    """`for` runs from when the data was lost, so that it goes on over a restart of ours."""
    if data.available:
        return Finding(holds=False, reason=AlertReason.DATA_PRESENT, message=data.message)
    return Finding(
        holds=True,
        reason=AlertReason.DATA_LOST,
        message=f"{data.reason}: {data.message}",
        held_since=data.since,
        started_at=data.since,
    )


def _judge_burn(effective: EffectiveRule, when: BurnRate, evidence: SloEvidence) -> Finding:
    factor = effective.factor
    if factor is None:
        raise ValueError(f"rule {effective.rule.name} has no factor")
    threshold = factor * float(evidence.slo.objective.error_ratio)
    sides = {"long": when.long_seconds, "short": when.short_seconds}
    counts = {side: evidence.counts[seconds] for side, seconds in sides.items()}
    burns = {side: _exceeds(counts[side], threshold) for side in sides}
    numbers = {"factor": factor, "threshold": threshold}
    for side, counted in counts.items():
        numbers |= {f"{side}Burn": _burn(counted, evidence.slo), f"{side}Coverage": counted.coverage}
        numbers |= {f"{side}Bad": counted.bad, f"{side}Events": counted.events}
    measured = " and ".join(
        f"{numbers[f'{side}Burn']:.2f}× over {format_duration(seconds)}" for side, seconds in sides.items()
    )
    message = f"burn {measured}, the limit is {factor:.4g}×"
    if False in burns.values():
        return Finding(holds=False, reason=AlertReason.NOT_BURNING, message=message, numbers=numbers)
    gaps = [_gap(counts[side], seconds) for side, seconds in sides.items() if burns[side] is None]
    if gaps:
        message = f"{message}; {' and '.join(gaps)}"
        return Finding(holds=None, reason=AlertReason.EVIDENCE_UNKNOWN, message=message, numbers=numbers)
    return _proven(AlertReason.BURNING, message, numbers, counts["long"], threshold, evidence)


def _exceeds(counts: WindowCounts, threshold_ratio: float) -> bool | None:
    """Return whether the error ratio of a window is at the threshold or above; None where it cannot be told.

    Unknown time may hold anything. Taken for good, at the rate of events of the rest, it divides the ratio that was
    seen by 1 ÷ coverage: a window that exceeds the threshold even so does exceed it.
    """
    exceeded = counts.bad > COUNT_TOLERANCE and counts.bad + COUNT_TOLERANCE >= threshold_ratio * counts.events
    if counts.coverage >= LEAST_COVERAGE:
        return exceeded
    certain = counts.bad > COUNT_TOLERANCE and counts.bad * counts.coverage >= threshold_ratio * counts.events
    return True if certain else None


def _gap(counts: WindowCounts, seconds: float) -> str:
    if counts.excluded_seconds >= counts.seconds:
        return f"all of the last {format_duration(seconds)} is excluded"
    return f"only {counts.coverage * 100:.0f} % of the last {format_duration(seconds)} are known"


def _burn(counts: WindowCounts, slo: SLO) -> float:
    """Return the burn rate of what is known. A window without events does not burn."""
    return burn_rate(counts, slo.objective) or 0.0


def _proven(
    reason: AlertReason,
    message: str,
    numbers: Mapping[str, float],
    counts: WindowCounts,
    threshold_ratio: float,
    evidence: SloEvidence,
) -> Finding:
    """Return the finding of a rule whose error ratio is exceeded as counted: what may be chance is guarded (A3)."""
    judgement = prove_exceeded(
        good=counts.good,
        bad=counts.bad,
        threshold_ratio=threshold_ratio,
        all_bad_seconds=evidence.all_bad_seconds,
        evaluation=evidence.slo.evaluation,
    )
    guarded = judgement.proof is not Proof.PROVEN
    # nobody needs to be told how little of 7,200 errors is chance
    grounds = f"{judgement.bad} bad of {judgement.events} events"
    grounds = grounds if judgement.grounds is Grounds.UNLIKELY else judgement.message
    return Finding(
        holds=True,
        reason=AlertReason.LOW_TRAFFIC if guarded else reason,
        message=f"{message}; {grounds}",
        numbers=numbers,
        guarded=guarded,
        started_at=evidence.bad_since,
    )


def _judge_remaining(when: BudgetRemainingBelow, budget: Budget) -> Finding:
    """Nothing left is below 0 %, as it is for the state of an SLO (semantics B7)."""
    remaining, window = budget.remaining_percent, budget.counts.name
    if remaining is None or budget.too_early:
        return _too_early(budget)
    message = f"{remaining:.1f} % of the {window} budget left, the limit is {when.percent} %"
    numbers = {"remainingPercent": remaining, "limitPercent": float(when.percent)}
    if remaining < float(when.percent) or remaining <= 0 <= when.percent:
        return Finding(holds=True, reason=AlertReason.BUDGET_BELOW, message=message, numbers=numbers)
    return Finding(holds=False, reason=AlertReason.BUDGET_ABOVE, message=message, numbers=numbers)


def _too_early(budget: Budget) -> Finding:
    known = format_duration(round(budget.counts.known_seconds))
    needed = format_duration(round(budget.judged_from_seconds))
    return cannot_tell(
        f"{known} of window {budget.counts.name} are known; its budget is judged from {needed} on",
        AlertReason.TOO_EARLY,
    )


def _kept_seconds(when: ExhaustsWithin, window: Window | None) -> tuple[tuple[float, float], ...]:
    """Return instants within `duration`, and how much of a rolling window, counted back from now, is left of it then.

    What a window forgets by then is in its oldest part: the window's counts less those of what is left.
    """
    if not isinstance(window, RollingWindow):
        return ()
    instants = [when.duration_seconds * step / EXPIRY_STEPS for step in range(1, EXPIRY_STEPS + 1)]
    return tuple((instant, window.seconds - instant) for instant in instants)


def _judge_exhaustion(when: ExhaustsWithin, window: Window, evidence: SloEvidence) -> Finding:
    """Compare the burn rate of the lookback with the lowest one that spends the rest within `duration`.

    At burn rate b a budget loses b × t ÷ T of itself in a time t, where T is the time that counts in its window. What
    remains is spent by t at b = (remaining + returned(t)) × T ÷ t, where returned(t) is the share of the budget that
    bad events have spent which a rolling window forgets by then. It is spent within `duration` from the least such b
    on, over the instants t of `_kept_seconds`; but never below 1, at which a budget outlasts its window. A budget that
    is gone already counts as long as it burns so. A period of the calendar ends, and the next one has a budget anew.
    """
    budget, counts = evidence.budgets[window.name], evidence.counts[when.lookback_seconds]
    remaining = budget.remaining_percent
    if remaining is None or budget.too_early:
        return _too_early(budget)
    to_come = 0.0 if budget.ends_at is None else max(budget.ends_at - evidence.at, _LAST_SECOND)
    countable = budget.counts.known_seconds + to_come
    duration = when.duration_seconds if budget.ends_at is None else min(when.duration_seconds, to_come)
    returned = _returned_percent(when, window, evidence, budget)
    least, returns = _least_burn(remaining, countable, returned or ((duration, 0.0),))
    threshold = least * float(evidence.slo.objective.error_ratio)
    burn = _burn(counts, evidence.slo)
    numbers = {
        "burn": burn,
        "leastBurn": least,
        "remainingPercent": remaining,
        "returnedPercent": returns,
        "coverage": counts.coverage,
    }
    left = f"{remaining:.1f} % of the {window.name} budget left"
    if returns:
        left = f"{left} and {returns:.1f} % come back"
    message = (
        f"burn {burn:.2f}× over {format_duration(when.lookback_seconds)}; {left}, which {least:.2f}× spends within"
        f" {format_duration(round(duration))}"
    )
    exceeded = False if threshold >= 1 else _exceeds(counts, threshold)
    if exceeded is None:
        message = f"{message}; {_gap(counts, when.lookback_seconds)}"
        return Finding(holds=None, reason=AlertReason.EVIDENCE_UNKNOWN, message=message, numbers=numbers)
    if not exceeded:
        return Finding(holds=False, reason=AlertReason.LASTS, message=message, numbers=numbers)
    return _proven(AlertReason.EXHAUSTS_SOON, message, numbers, counts, threshold, evidence)


def _returned_percent(
    when: ExhaustsWithin, window: Window, evidence: SloEvidence, budget: Budget
) -> tuple[tuple[float, float], ...]:
    """Return, by instant, what percentage of the budget a rolling window forgets to have spent."""
    spent, bad = budget.consumed_percent or 0.0, budget.counts.bad
    per_event = spent / bad if bad > 0 else 0.0
    return tuple(
        (instant, max(bad - evidence.counts[kept].bad, 0.0) * per_event)
        for instant, kept in _kept_seconds(when, window)
    )


def _least_burn(remaining: float, countable: float, returned: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """Return the lowest burn rate that spends the rest, and what comes back until it is spent, in percent."""
    least, percent = min(((remaining + back) / 100 * countable / instant, back) for instant, back in returned)
    return max(least, 1.0), percent


_LAST_SECOND: Final = 1.0  # of a period: there is always some time left of it
