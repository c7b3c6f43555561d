"""Who may write, as a pure decision over a Lease (coordination.k8s.io).

Every replica watches and evaluates; one writes. The rules are those of client-go's elector, with one addition: each
term has a fencing token. No wall clocks are compared: a candidate waits one lease duration *by its own monotonic
clock* after it last saw the holder's record change, and a leader stops acting `renew_deadline` after the instant at
which it sent its last successful renewal. As `renew_deadline` is shorter than the duration, the leader has stopped
before anybody can have waited long enough, whatever was lost or delayed in between, as long as the two clocks run
equally fast within the ratio of the two times (10 s to 15 s by default).

The adapter reads and writes the Lease and reports here; it decides nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSettings:
    """Times of the election, in seconds; the defaults are client-go's.

    Shorter times find a dead leader sooner and bear shorter outages of the API server. The gap between `duration` and
    `renew_deadline` is the time that a call in flight has to land before somebody else may lead.
    """

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration >= 1 or self.duration != int(self.duration):
            raise ValueError(f"lease duration {self.duration} must be a whole number of seconds, at least 1")
        if not 0 < self.retry_period < self.renew_deadline < self.duration:
            raise ValueError(
                f"0 < retry period {self.retry_period} < renew deadline {self.renew_deadline} "
                f"< lease duration {self.duration} must hold"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """The content of a Lease. Two equal records mean that its holder did not renew in between.

    `renewed` is the holder's own time stamp as text: compared for equality only, never read as a time.
    """

    uid: str
    holder: str  # empty: released
    duration: float | None  # seconds that the holder asked for; None or not positive: not said
    transitions: int
    renewed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FencingToken:
    """Names one term of leadership; no two terms have the same."""

    lease_uid: str
    transitions: int
    identity: str


class LeaseAction(StrEnum):
    ACQUIRE = "Acquire"  # write our name into the Lease (create it if there is none), as a new term
    RENEW = "Renew"  # write a new time stamp
    STEP_DOWN = "StepDown"  # stop acting at once; the Lease is not written
    WAIT = "Wait"


class LeaseReason(StrEnum):
    NO_LEASE = "NoLease"
    RELEASED = "Released"
    EXPIRED = "Expired"
    OWN_RECORD = "OwnRecord"  # our name stands there, but no answer told us so in time: a new term
    HELD_BY_OTHER = "HeldByOther"
    RENEW_DUE = "RenewDue"
    LEADING = "Leading"
    DEADLINE_PASSED = "DeadlinePassed"
    TAKEN_OVER = "TakenOver"
    LEASE_GONE = "LeaseGone"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseDecision:
    action: LeaseAction
    reason: LeaseReason
    recheck_in: float  # seconds after which time alone may change the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidacy:
    """All that one replica knows of the election. Times are its own monotonic seconds."""

    identity: str  # unique per process, never used again
    settings: LeaseSettings
    record: LeaseRecord | None = None  # as last seen; None: no Lease, or not looked yet
    changed_at: float = 0.0  # when the record was last seen to have changed
    renewed_at: float | None = None  # when the last successful write of our term was *sent*; None: not leading

    def leads_at(self, now: float) -> bool:
        """True only while nobody else can have taken over."""
        return self.renewed_at is not None and now < self.renewed_at + self.settings.renew_deadline

    def saw(self, record: LeaseRecord | None, *, now: float) -> "Candidacy":
        """A read came back. An unchanged record does not prolong anything."""
        if record == self.record:
            return self
        return replace(self, record=record, changed_at=now)

    def wrote(self, record: LeaseRecord, *, sent_at: float, now: float) -> "Candidacy":
        """Our own write was accepted. It was sent at `sent_at`: others may have seen it from that instant on."""
        return replace(self, record=record, changed_at=now, renewed_at=sent_at)

    def stepped_down(self) -> "Candidacy":
        """Our term is over; the Lease was not touched."""
        return replace(self, renewed_at=None)

    @property
    def token(self) -> FencingToken | None:
        """The fencing token of the present term; None while not leading. Says nothing about time: see `leads_at`."""
        if self.renewed_at is None or self.record is None:
            return None
        return FencingToken(lease_uid=self.record.uid, transitions=self.record.transitions, identity=self.record.holder)


_Rule = Callable[[Candidacy, float], LeaseDecision | None]


def decide(candidacy: Candidacy, *, now: float) -> LeaseDecision:
    """Return what to do next, why, and when to ask again if nothing happens meanwhile."""
    rules = _AS_LEADER if candidacy.renewed_at is not None else _AS_CANDIDATE
    answers = (rule(candidacy, now) for rule in rules)
    return next(decision for decision in answers if decision is not None)


def next_transitions(record: LeaseRecord | None) -> int:
    """The number of the term that begins by acquiring: every term gets a new one, ours after ours too."""
    return 0 if record is None else record.transitions + 1


def _deadline_passed(me: Candidacy, now: float) -> LeaseDecision | None:
    return None if me.leads_at(now) else _now(LeaseAction.STEP_DOWN, LeaseReason.DEADLINE_PASSED)


def _lost_the_lease(me: Candidacy, _now_at: float) -> LeaseDecision | None:
    if me.record is None:
        return _now(LeaseAction.STEP_DOWN, LeaseReason.LEASE_GONE)  # somebody deleted it: anybody may create it anew
    if me.record.holder != me.identity:
        return _now(LeaseAction.STEP_DOWN, LeaseReason.TAKEN_OVER)
    return None


def _renew_or_rest(me: Candidacy, now: float) -> LeaseDecision:
    due_in = (me.renewed_at or 0.0) + me.settings.retry_period - now
    if due_in <= 0:
        return _now(LeaseAction.RENEW, LeaseReason.RENEW_DUE)
    return LeaseDecision(action=LeaseAction.WAIT, reason=LeaseReason.LEADING, recheck_in=due_in)


def _nobody_holds_it(me: Candidacy, _now_at: float) -> LeaseDecision | None:
    if me.record is None:
        return _now(LeaseAction.ACQUIRE, LeaseReason.NO_LEASE)
    if not me.record.holder:
        return _now(LeaseAction.ACQUIRE, LeaseReason.RELEASED)
    if me.record.holder == me.identity:
        return _now(LeaseAction.ACQUIRE, LeaseReason.OWN_RECORD)
    return None


def _wait_for_expiry(me: Candidacy, now: float) -> LeaseDecision:
    asked = me.record.duration if me.record else None
    duration = asked if asked is not None and asked > 0 else me.settings.duration
    left = me.changed_at + duration - now
    if left <= 0:
        return _now(LeaseAction.ACQUIRE, LeaseReason.EXPIRED)
    return LeaseDecision(action=LeaseAction.WAIT, reason=LeaseReason.HELD_BY_OTHER, recheck_in=left)


def _now(action: LeaseAction, reason: LeaseReason) -> LeaseDecision:
    return LeaseDecision(action=action, reason=reason, recheck_in=0.0)


_AS_LEADER: tuple[_Rule, ...] = (_deadline_passed, _lost_the_lease, _renew_or_rest)
_AS_CANDIDATE: tuple[_Rule, ...] = (_nobody_holds_it, _wait_for_expiry)
