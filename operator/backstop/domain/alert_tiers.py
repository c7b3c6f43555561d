"""Which rules about SLOs are in force: factors of burn rates, tiers of presets, and refusals with a way out.

Source: semantics A1 and A2, after the Google SRE Workbook, "Alerting on SLOs", section "Multiwindow, Multi-Burn-Rate
Alerts": a page at 2 % of the budget in 1h and at 5 % in 6h, a ticket at 10 % in 1d and in 3d, each with a short window
of a twelfth. A factor depends on the window's length, so a month has other factors than February.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from backstop.domain.alert_policy import (
    ABOUT_SLOS,
    AlertPolicy,
    BurnRate,
    ExhaustsWithin,
    NoData,
    Rule,
    Severity,
)
from backstop.domain.duration import format_duration
from backstop.domain.slo import SLO, RollingWindow, Window

PRESET: Final = "google-sre"
LEAST_FACTOR: Final = 1  # slower than this a budget lasts longer than its window
MOST_ERROR_RATIO: Final = Decimal("0.8")  # factor × (1 − target): a total outage must exceed it clearly
LEAST_SLICES: Final = 5  # of a budget of time, in a short window (semantics B3)
_SHORT_PARTS: Final = 12  # short windows in a long one
LONGEST_SHARE: Final = 0.5  # of the window: a longer look back is no news

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 86_400.0
# A period may lack what clocks are put forward by: a week with summer time in it is one of 7 d all the same.
_CLOCKS_GO_FORWARD: Final = 3 * _HOUR
PRESET_FROM_SECONDS: Final = 7 * _DAY
_LONG_PERIOD: Final = 28 * _DAY
_ROUNDING: Final = 1e-9  # relative: a factor at its limit is within it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tier:
    name: str
    severity: Severity
    long_seconds: float
    short_seconds: float
    percent: Decimal  # of a budget of 28 d and more
    percent_of_weeks: Decimal  # of one of 7 d up to that


_TIERS: Final = tuple(
    _Tier(
        name=f"{PRESET}-{format_duration(long_seconds)}",
        severity=severity,
        long_seconds=long_seconds,
        short_seconds=long_seconds / _SHORT_PARTS,
        percent=Decimal(percent),
        percent_of_weeks=Decimal(percent_of_weeks),
    )
    for severity, long_seconds, percent, percent_of_weeks in (
        (Severity.P0, _HOUR, "2", "8"),
        (Severity.P1, 6 * _HOUR, "5", "12.5"),
        (Severity.P2, _DAY, "10", "20"),
        (Severity.P3, 3 * _DAY, "10", "42"),
    )
)
TIER_NAMES: Final = tuple(tier.name for tier in _TIERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveRule:
    """A rule in force for one SLO. Tiers of a preset are rules like any other here.

    `window` is None for rules without a budget (noData); `factor` is the burn rate of burnRate rules.
    """

    rule: Rule
    window: Window | None = None
    factor: float | None = None
    preset: bool = False

    @property
    def burn(self) -> BurnRate | None:
        """The two windows, of a burnRate rule."""
        return self.rule.when if isinstance(self.rule.when, BurnRate) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRule:
    """A rule that cannot be in force for one SLO; `message` has the numbers and what to write instead."""

    name: str
    severity: Severity | None
    message: str


def period_seconds(window: Window, at: float) -> float:
    """Return T: how long the window, or its period at `at` (unix seconds), lasts in truth."""
    return window.seconds if isinstance(window, RollingWindow) else window.periods.period_at(at).seconds


def effective(policy: AlertPolicy, slo: SLO, at: float) -> tuple[EffectiveRule | RefusedRule, ...]:
    """Return the policy's rules about an SLO at `at` (unix seconds), own ones before those of the preset.

    Rules that are switched off are left out, and so are those about other things than SLOs.
    """
    return (*_own(policy, slo, at), *_of_preset(policy, slo, at))


def _own(policy: AlertPolicy, slo: SLO, at: float) -> Iterator[EffectiveRule | RefusedRule]:
    for rule in policy.rules:
        if rule.enabled and isinstance(rule.when, ABOUT_SLOS):
            try:
                _refuse_name(rule, policy)
                yield _in_force(rule, slo, at)
            except _Refusal as refusal:
                yield RefusedRule(name=rule.name, severity=rule.severity, message=str(refusal))


def _refuse_name(rule: Rule, policy: AlertPolicy) -> None:
    if policy.preset is not None and rule.name in TIER_NAMES:
        raise _Refusal(f"{rule.name} is the name of a tier of preset {PRESET}: give the rule another one")


def _in_force(rule: Rule, slo: SLO, at: float) -> EffectiveRule:
    if isinstance(rule.when, NoData):
        return EffectiveRule(rule=rule)
    if not isinstance(rule.when, ABOUT_SLOS):
        raise TypeError(f"rule {rule.name} is not about SLOs")
    window = _window_named(rule.when.window, slo)
    if isinstance(rule.when, BurnRate):
        return EffectiveRule(rule=rule, window=window, factor=_factor(rule.when, slo, window, at))
    if isinstance(rule.when, ExhaustsWithin):
        _refuse_times(rule.when, slo, window, at)
    return EffectiveRule(rule=rule, window=window)


def _of_preset(policy: AlertPolicy, slo: SLO, at: float) -> Iterator[EffectiveRule | RefusedRule]:
    if policy.preset is None:
        return
    if policy.preset != PRESET:
        yield RefusedRule(name=policy.preset, severity=None, message=f"preset {policy.preset} is unknown: use {PRESET}")
        return
    overrides = {override.name: override for override in policy.overrides}
    for name in sorted(overrides.keys() - set(TIER_NAMES)):
        message = f"preset {PRESET} has no tier {name}: its tiers are {', '.join(TIER_NAMES)}"
        yield RefusedRule(name=name, severity=overrides[name].severity, message=message)
    for tier in _TIERS:
        override = overrides.get(tier.name)
        if override is not None and not override.enabled:
            continue
        severity = (override and override.severity) or tier.severity
        notify = (override and override.notify) or policy.preset_notify
        try:
            yield _tier_in_force(tier, slo, at, severity=severity, notify=notify)
        except _Refusal as refusal:
            yield RefusedRule(name=tier.name, severity=severity, message=str(refusal))


def _tier_in_force(tier: _Tier, slo: SLO, at: float, *, severity: Severity, notify: tuple[str, ...]) -> EffectiveRule:
    window = slo.windows[0]
    period = period_seconds(window, at)
    if period < PRESET_FROM_SECONDS - _CLOCKS_GO_FORWARD:
        raise _Refusal(
            f"preset {PRESET} is for windows of {format_duration(PRESET_FROM_SECONDS)} and more, and window"
            f" {window.name} has {format_duration(period)}: write burnRate rules of your own, with a long window of at"
            f" most {format_duration(_at_most(LONGEST_SHARE * period))}"
        )
    percent = tier.percent if period >= _LONG_PERIOD - _CLOCKS_GO_FORWARD else tier.percent_of_weeks
    when = BurnRate(long_seconds=tier.long_seconds, short_seconds=tier.short_seconds, budget_percent=percent)
    _refuse_windows(when, slo, window, period)
    most = _most_factor(slo)
    factor = min(max(_burned_in(when, period), float(LEAST_FACTOR)), most)
    rule = Rule(name=tier.name, severity=severity, when=when, notify=notify)
    return EffectiveRule(rule=rule, window=window, factor=factor, preset=True)


def _window_named(name: str | None, slo: SLO) -> Window:
    if name is None:
        return slo.windows[0]
    for window in slo.windows:
        if window.name == name:
            return window
    has = ", ".join(window.name for window in slo.windows)
    raise _Refusal(f"SLO {slo.key} has no window {name}: name one of {has}, or leave window out for the first")


def _factor(when: BurnRate, slo: SLO, window: Window, at: float) -> float:
    period = period_seconds(window, at)
    _refuse_windows(when, slo, window, period)
    most = _most_factor(slo)
    factor = float(when.factor) if when.factor is not None else _burned_in(when, period)
    if factor < LEAST_FACTOR * (1 - _ROUNDING):
        least = f"factor to {LEAST_FACTOR} or more"
        if when.budget_percent is not None:
            least = f"budgetPercent to {_up(100 * when.long_seconds / period):g} or more"
        raise _Refusal(
            f"{_asked(when, window, period, factor)}: at this burn rate a budget outlasts its window; set {least}"
        )
    if factor > most * (1 + _ROUNDING):
        fix = f"set factor to {_down(most):g} or less"
        if when.budget_percent is not None:
            percent = _down(100 * most * when.long_seconds / period)
            fix = f"set budgetPercent to {percent:g} or less{_or_longer(when, period, most)}"
        raise _Refusal(
            f"{_asked(when, window, period, factor)}: an error ratio of"
            f" {factor * float(slo.objective.error_ratio) * 100:.3g} % at target"
            f" {slo.objective.target_percent}, which hardly a total outage exceeds; the limit is"
            f" {float(MOST_ERROR_RATIO * 100):g} %: {fix}"
        )
    return min(max(factor, float(LEAST_FACTOR)), most)


def _burned_in(when: BurnRate, period: float) -> float:
    """Return the burn rate that spends `budget_percent` in the long window: percent ÷ 100 × T ÷ long (semantics A1)."""
    if when.budget_percent is None:
        raise ValueError("a burnRate rule has either budgetPercent or factor")
    return float(when.budget_percent) * period / (100 * when.long_seconds)


def _most_factor(slo: SLO) -> float:
    """Return the highest factor that a total outage exceeds clearly. Raises _Refusal for a target that leaves none."""
    most = float(MOST_ERROR_RATIO / slo.objective.error_ratio)
    if most < LEAST_FACTOR:
        raise _Refusal(
            f"at target {slo.objective.target_percent} of SLO {slo.key} a total outage is a burn rate of"
            f" {float(1 / slo.objective.error_ratio):.3g}, too little to tell from none: burn rates need a target of"
            f" {float(100 * (1 - MOST_ERROR_RATIO)):g} or more"
        )
    return most


def _refuse_windows(when: BurnRate, slo: SLO, window: Window, period: float) -> None:
    if when.long_seconds > LONGEST_SHARE * period:
        raise _Refusal(
            f"long {format_duration(when.long_seconds)} is more than half of the {format_duration(period)} of window"
            f" {window.name}: set it to {format_duration(_at_most(LONGEST_SHARE * period))} or less"
        )
    if when.short_seconds >= when.long_seconds:
        raise _Refusal(
            f"short {format_duration(when.short_seconds)} is not shorter than long"
            f" {format_duration(when.long_seconds)}: set it to {format_duration(_twelfth(when.long_seconds))}, a"
            " twelfth"
        )
    _refuse_few_slices("short", when.short_seconds, slo)


def _refuse_few_slices(what: str, seconds: float, slo: SLO) -> None:
    if slo.timeslice is not None and seconds < LEAST_SLICES * slo.timeslice.seconds:
        least = format_duration(LEAST_SLICES * slo.timeslice.seconds)
        raise _Refusal(
            f"{what} {format_duration(seconds)} holds fewer than {LEAST_SLICES} slices of"
            f" {format_duration(slo.timeslice.seconds)}, which SLO {slo.key} counts: set it to {least} or more"
        )


def _refuse_times(when: ExhaustsWithin, slo: SLO, window: Window, at: float) -> None:
    period = period_seconds(window, at)
    if when.lookback_seconds > LONGEST_SHARE * period:
        raise _Refusal(
            f"lookback {format_duration(when.lookback_seconds)} is more than half of the {format_duration(period)} of"
            f" window {window.name}: set it to {format_duration(_at_most(LONGEST_SHARE * period))} or less"
        )
    _refuse_few_slices("lookback", when.lookback_seconds, slo)
    if when.duration_seconds >= period:
        raise _Refusal(
            f"duration {format_duration(when.duration_seconds)} is no shorter than the {format_duration(period)} of"
            f" window {window.name}, which every budget lasts that burns at all: set it to"
            f" {format_duration(_at_most(LONGEST_SHARE * period))} or less"
        )


def _asked(when: BurnRate, window: Window, period: float, factor: float) -> str:
    if when.factor is not None:
        return f"factor {when.factor}"
    long, length = format_duration(when.long_seconds), format_duration(period)
    return (
        f"budgetPercent {when.budget_percent} in {long} of the {length} of window {window.name} is factor {factor:.4g}"
    )


def _or_longer(when: BurnRate, period: float, most: float) -> str:
    long = math.ceil(float(when.budget_percent or 0) / 100 * period / most / _MINUTE) * _MINUTE
    return f", or long to {format_duration(long)} or more" if long <= LONGEST_SHARE * period else ""


def _at_most(seconds: float) -> float:
    """Round down to whole minutes, where there are some: advice is easier to read so."""
    return seconds // _MINUTE * _MINUTE if seconds >= _MINUTE else seconds


def _twelfth(seconds: float) -> float:
    return _at_most(seconds / _SHORT_PARTS)


def _up(value: float) -> float:
    """Round up to three digits: what is advised must be enough."""
    scale = _three_digits(value)
    return math.ceil(value * scale) / scale


def _down(value: float) -> float:
    scale = _three_digits(value)
    return math.floor(value * scale) / scale


def _three_digits(value: float) -> float:
    return 10.0 ** (2 - math.floor(math.log10(value)))


class _Refusal(Exception):
    """Why a rule cannot be in force."""
