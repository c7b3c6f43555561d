"""How an alert moves from one finding to the next: `for`, `keepFiringFor`, and what unknown time does to them.

                  true, not yet for long            true for long enough
    Clear ───────────────────────▶ Pending ───────────────────────▶ Firing
      ▲                               │                                │
      └───────────── false ───────────┴──── false for keepFiringFor ───┘

Time counts only between two evaluations that follow each other and found the same: proven true, or false. Everything
else, be it unknown evidence, too few events to prove anything, or an operator that did not run, leaves what was counted
as it is. So it moves nothing, and what it interrupts goes on where it stopped, however long that was (semantics A13).
"""

from dataclasses import replace

from backstop.domain.alert import AlertState, AlertStatus, Finding
from backstop.domain.alert_judging import LONGEST_STEP_SECONDS
from backstop.domain.duration import format_duration


def advance(
    previous: AlertState | None,
    finding: Finding,
    *,
    for_seconds: float,
    keep_firing_seconds: float,
    at: float,
    longest_step_seconds: float = LONGEST_STEP_SECONDS,
) -> AlertState:
    """Return the state of an alert after a finding at `at` (unix seconds).

    It fires once it holds for `for_seconds`, and is clear again once it does not hold for `keep_firing_seconds`. A
    finding that is unknown or guarded changes no firing alert; it makes a clear one Unknown, or Pending if guarded.
    `longest_step_seconds` is how far apart two evaluations may be so that the time between them is known.

    A clock that was put back counts for nothing. By a small step, time begins to count again from where it was.
    """
    if previous is None:
        previous = AlertState(
            status=AlertStatus.UNKNOWN, since=at, at=at, reason=finding.reason, message=finding.message
        )
    step = at - previous.at
    known = step if 0 < step <= longest_step_seconds else 0.0
    base = replace(
        previous,
        at=previous.at if -longest_step_seconds <= step < 0 else at,
        reason=finding.reason,
        message=finding.message,
        numbers=finding.numbers,
        holds=None if finding.guarded else finding.holds,
        unknown_since=None,
    )
    if finding.holds is None:
        return _unknown(previous, base)
    if not finding.holds:
        return _false(previous, base, known, keep_firing_seconds)
    if finding.guarded:
        return _begun(base, finding) if base.status is AlertStatus.FIRING else _pending(base, finding)
    return _true(previous, base, finding, known, for_seconds)


def _unknown(previous: AlertState, base: AlertState) -> AlertState:
    """Neither fire nor resolve: only what was clear is not known to be any more."""
    since = base.at if previous.unknown_since is None else previous.unknown_since
    if base.status in {AlertStatus.FIRING, AlertStatus.PENDING}:
        return replace(base, unknown_since=since)
    return replace(_as(base, AlertStatus.UNKNOWN), unknown_since=since)


def _true(previous: AlertState, base: AlertState, finding: Finding, known: float, for_seconds: float) -> AlertState:
    held = base.held_seconds + known if previous.holds is True else base.held_seconds
    if finding.held_since is not None:
        held = max(held, base.at - finding.held_since)
    base = replace(_begun(base, finding), held_seconds=held)
    if base.status is AlertStatus.FIRING or held >= for_seconds:
        return _as(base, AlertStatus.FIRING)
    waited = f"holds for {_spell(held)}, for is {_spell(for_seconds)}"
    return replace(_as(base, AlertStatus.PENDING), message=f"{finding.message}; {waited}")


def _pending(base: AlertState, finding: Finding) -> AlertState:
    return _as(_begun(base, finding), AlertStatus.PENDING)


def _false(previous: AlertState, base: AlertState, known: float, keep_firing_seconds: float) -> AlertState:
    base = replace(base, held_seconds=0.0)
    if base.status is AlertStatus.FIRING:
        clear = base.clear_seconds + known if previous.holds is False else base.clear_seconds
        if clear < keep_firing_seconds:
            waited = f"clear for {_spell(clear)}, keepFiringFor is {_spell(keep_firing_seconds)}"
            return replace(base, clear_seconds=clear, message=f"{base.message}; {waited}")
    return replace(_as(base, AlertStatus.CLEAR), clear_seconds=0.0, started_at=None)


def _begun(base: AlertState, finding: Finding) -> AlertState:
    """What is wrong goes on, or begins now unless the evidence tells since when."""
    started = base.started_at
    if started is None:
        began = (finding.started_at, finding.held_since, base.at)
        started = next(each for each in began if each is not None)
    return replace(base, clear_seconds=0.0, started_at=started)


def _as(base: AlertState, status: AlertStatus) -> AlertState:
    return base if base.status is status else replace(base, status=status, since=base.at)


def _spell(seconds: float) -> str:
    return format_duration(round(seconds))
