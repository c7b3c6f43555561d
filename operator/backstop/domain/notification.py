"""The outbox of incidents: what is to be told to whom, when it is tried, and when it is given up. Pure.

A notification is stored in its incident before it is sent and again after every attempt (semantics T1): an operator
that is killed in between sends it once more under the same id, and receivers tell the two apart by it.
Times are unix seconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class NotificationState(StrEnum):
    """How far a notification has come. All but Pending are final."""

    PENDING = "Pending"  # to be sent, or to be tried again
    SENT = "Sent"  # the receiver took it
    FAILED = "Failed"  # the receiver refused it; repetition would not mend that
    ABANDONED = "Abandoned"  # no answer that counts within GIVE_UP_SECONDS


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
