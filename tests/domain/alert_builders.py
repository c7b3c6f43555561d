"""Policies, rules and evidence of alerts; a test names only what it cares about."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from backstop.domain.alert_judging_slo import SloEvidence, windows_asked
from backstop.domain.alert_policy import AlertPolicy, BurnRate, Rule, Severity, When
from backstop.domain.alert_tiers import EffectiveRule, RefusedRule, effective
from backstop.domain.budget import Budget, WindowCounts, budget
from backstop.domain.duration import parse_duration
from backstop.domain.slo import SLO, Objective, RollingWindow, Uid
from backstop.domain.verdict import DataStatus
from backstop.vocabulary import Reason
from tests.builders import a_slo

NOW = 1_767_225_600.0
ARRIVING = DataStatus(available=True, reason=Reason.SAMPLES_FRESH, message="samples arrive", since=0.0)

Counting = Callable[[float], tuple[float, float, float]]  # seconds back from now: good, bad, unknown seconds


def an_slo(target: str = "99.9", window: str = "30d", **changes: Any) -> SLO:
    rolling = RollingWindow(name=window, seconds=parse_duration(window))
    return a_slo(**({"objective": Objective(target_percent=Decimal(target)), "windows": (rolling,)} | changes))


def a_rule(when: When, name: str = "rule", **changes: Any) -> Rule:
    return Rule(name=name, severity=changes.pop("severity", Severity.P0), when=when, **changes)


def a_policy(*rules: Rule, **changes: Any) -> AlertPolicy:
    known: dict[str, Any] = {"uid": Uid("p"), "namespace": "shop", "name": "standard", "generation": 1, "slos": None}
    return AlertPolicy(**(known | {"rules": rules} | changes))


def burning(long: str, short: str, percent: str | None = None, factor: str | None = None, **changes: Any) -> BurnRate:
    return BurnRate(
        long_seconds=parse_duration(long),
        short_seconds=parse_duration(short),
        budget_percent=None if percent is None else Decimal(percent),
        factor=None if factor is None else Decimal(factor),
        **changes,
    )


def in_force(rule: Rule | None, slo: SLO, at: float = NOW, **policy: Any) -> list[EffectiveRule]:
    """Return the rules in force; none may be refused."""
    found = effective(a_policy(*([rule] if rule else []), **policy), slo, at)
    assert [each.message for each in found if isinstance(each, RefusedRule)] == []
    return [each for each in found if isinstance(each, EffectiveRule)]


def refusal(rule: Rule, slo: SLO, at: float = NOW, **policy: Any) -> str:
    """Return why the rule is refused."""
    (found,) = effective(a_policy(rule, **policy), slo, at)
    assert isinstance(found, RefusedRule)
    return found.message


def counts(name: str, seconds: float, counting: Counting, excluded: float = 0.0) -> WindowCounts:
    good, bad, unknown = counting(seconds)
    return WindowCounts(
        name=name, seconds=seconds, good=good, bad=bad, unknown_seconds=unknown, excluded_seconds=excluded
    )


def evidence(
    rules: list[EffectiveRule],
    slo: SLO,
    counting: Counting,
    *,
    at: float = NOW,
    budgets: dict[str, Budget] | None = None,
    data: DataStatus = ARRIVING,
    **changes: Any,
) -> SloEvidence:
    """Return what is known where `counting` tells what happened in the last so many seconds."""
    if budgets is None:
        budgets = {
            window.name: budget(
                counts(window.name, window.seconds, counting),
                slo.objective,
                no_traffic=slo.evaluation.no_traffic,
                timeslice=slo.timeslice,
            )
            for window in slo.windows
            if isinstance(window, RollingWindow)
        }
    asked = {seconds: counts("", seconds, counting) for seconds in windows_asked(rules)}
    return SloEvidence(slo=slo, at=at, data=data, budgets=budgets, counts=asked, **changes)


def steady(error_ratio: float, per_second: float = 1000.0) -> Counting:
    """Events that come evenly, and fail evenly."""
    return lambda seconds: (seconds * per_second * (1 - error_ratio), seconds * per_second * error_ratio, 0.0)


def outage(error_ratio: float, lasted: float, over: float = 0.0, per_second: float = 1000.0) -> Counting:
    """A share of events that failed for `lasted` seconds, and none before, nor in the `over` seconds since."""

    def counting(seconds: float) -> tuple[float, float, float]:
        bad = per_second * error_ratio * max(min(seconds, lasted + over) - over, 0.0)
        return per_second * seconds - bad, bad, 0.0

    return counting
