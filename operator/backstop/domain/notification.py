"""The outbox of incidents: what is to be told to whom, when it is tried, and when it is given up. Pure.

A notification is stored in its incident before it is sent and again after every attempt (semantics T1): an operator
that is killed in between sends it once more under the same id, and receivers tell the two apart by it.
Times are unix seconds, to the millisecond as they are stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from backstop.vocabulary import ChannelReason, Reason

FIRST_RETRY_SECONDS: Final = 4.0  # at most, after the first attempt; doubles with each further one
LONGEST_RETRY_SECONDS: Final = 900.0  # a receiver that comes back is told within this time
LONGEST_RETRY_AFTER_SECONDS: Final = 3600.0  # of what a receiver may ask for: it must not silence us for a day
GIVE_UP_SECONDS: Final = 86_400.0  # from creation; later an incident's news is history

_DOUBLINGS: Final = 32  # beyond them every delay is the longest one; keeps the power small
_OK: Final = range(200, 300)
_REFUSALS: Final = range(400, 500)
_PASSING: Final = frozenset({408, 425, 429})  # refusals that a repetition mends: timeout, too early, too many


class NotificationState(StrEnum):
    """How far a notification has come. All but Pending are final."""

    PENDING = "Pending"  # to be sent, or to be tried again
    SENT = "Sent"  # the receiver took it
    FAILED = "Failed"  # the receiver refused it; repetition would not mend that
    ABANDONED = "Abandoned"  # not taken within GIVE_UP_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message about one incident to one channel.

    `sequence` counts the messages of an incident from 1, so that a receiver can put them in order. `next_attempt_at`
    None: at once.
    """

    id: str  # the same in every attempt; names it to the receiver
    channel: str  # name of a NotificationChannel in the incident's namespace
    cause: str  # why it is told: Opened, Raised, Resolved, …
    created_at: float
    sequence: int = 1
    state: NotificationState = NotificationState.PENDING
    attempts: int = 0
    next_attempt_at: float | None = None
    sent_at: float | None = None
    error: str | None = None  # of the newest attempt; never holds a secret

    @property
    def pending(self) -> bool:
        return self.state is NotificationState.PENDING


class Outcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # for good: the same message would be refused again
    NOT_NOW = "not now"  # may succeed later


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt went. `message` is for people and holds neither a secret nor an answer's text."""

    outcome: Outcome
    reason: ChannelReason | Reason
    message: str
    retry_after_seconds: float | None = None  # what the receiver asked for


def attempt_of_answer(http_status: int, *, retry_after_seconds: float | None = None) -> Attempt:
    """Return what an HTTP status means for a message.

    2xx is delivered. 4xx says that the message or the address is wrong, which repetition does not mend, but for those
    that speak of the moment. Everything else may pass; redirects are among it, since they are not followed.
    """
    if http_status in _OK:
        text = f"the receiver answered {http_status}"
        return Attempt(outcome=Outcome.DELIVERED, reason=ChannelReason.DELIVERED, message=text)
    if http_status in _REFUSALS and http_status not in _PASSING:
        text = f"the receiver refused the message with {http_status}; correct spec.webhook or the receiver"
        return Attempt(outcome=Outcome.REFUSED, reason=ChannelReason.REFUSED_BY_RECEIVER, message=text)
    if 300 <= http_status < 400:  # noqa: PLR2004  the class of an HTTP status
        text = f"the receiver answered {http_status}, and redirects are not followed; write the final address"
        return Attempt(outcome=Outcome.NOT_NOW, reason=ChannelReason.REDIRECTED, message=text)
    return Attempt(
        outcome=Outcome.NOT_NOW,
        reason=ChannelReason.RECEIVER_FAILED,
        message=f"the receiver answered {http_status}",
        retry_after_seconds=retry_after_seconds,
    )


def retry_delay_seconds(attempts: int, draw: float) -> float:
    """Return how long to wait after so many attempts (1 or more). `draw` is from 0 to 1, one at random each time.

    Between half and all of a bound that doubles: the ranges of neighbours touch, so the delay never falls until the
    bound is the longest one, and receivers that fail many senders at once do not hear all of them again at once.
    """
    bound = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, _DOUBLINGS))
    return bound * (0.5 + 0.5 * draw)


def after_attempt(notification: Notification, attempt: Attempt, *, now: float, draw: float) -> Notification:
    """Return a pending notification as it is after one more attempt, which ended at `now`."""
    tried = replace(notification, attempts=notification.attempts + 1, next_attempt_at=None)
    if attempt.outcome is Outcome.DELIVERED:
        return replace(tried, state=NotificationState.SENT, sent_at=round(now, 3), error=None)
    if attempt.outcome is Outcome.REFUSED:
        return replace(tried, state=NotificationState.FAILED, error=attempt.message)
    last = notification.created_at + GIVE_UP_SECONDS
    if now >= last:
        text = f"given up after {tried.attempts} attempts in {(now - notification.created_at) / 3600:.0f} h: "
        return replace(tried, state=NotificationState.ABANDONED, error=text + attempt.message)
    asked = min(attempt.retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
    wait = max(retry_delay_seconds(tried.attempts, draw), asked)
    return replace(tried, next_attempt_at=round(min(now + wait, last), 3), error=attempt.message)


def is_due(notification: Notification, now: float) -> bool:
    """Return whether to try it now."""
    if not notification.pending:
        return False
    at = notification.next_attempt_at
    # A clock that was set back must not hold a message for longer than any delay is.
    return at is None or not now < at <= now + LONGEST_RETRY_AFTER_SECONDS


def due(notifications: Iterable[Notification], now: float) -> list[Notification]:
    """Return what to try now of one incident: of each channel the oldest that is pending, if it is due.

    A later message waits for an earlier one, so that nobody hears of the end before the beginning.
    """
    first: dict[str, Notification] = {}
    for notification in sorted(notifications, key=lambda n: n.sequence):
        if notification.pending:
            first.setdefault(notification.channel, notification)
    return [notification for notification in first.values() if is_due(notification, now)]


def newer(one: Notification, other: Notification) -> Notification:
    """Return which of two states of the same notification is later, `one` if they are equally far."""
    return max(one, other, key=lambda n: (not n.pending, n.attempts))
