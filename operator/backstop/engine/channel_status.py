"""Builds `.status` of a NotificationChannel: can it be used, and does its receiver take messages. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backstop.domain.errors import SpecError
from backstop.domain.notification import Attempt, Notification, NotificationState, Outcome
from backstop.engine.conditions import MAX_MESSAGE, ConditionNow, rfc3339, stamped
from backstop.vocabulary import ChannelReason, ChannelState, Condition, Reason

_SHOWN: Final = ("sent", "failed", "lastSentAt", "lastError", "lastErrorAt", "message")
_REASONS: Final[tuple[StrEnum, ...]] = (*ChannelReason, *Reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usability:
    """Whether messages can be sent at all; None while that is being found out."""

    usable: bool | None
    reason: StrEnum
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How sending has gone so far. `newest` None: there was no attempt since the operator started, or ever."""

    sent: int = 0
    failed: int = 0
    last_sent_at: str | None = None  # RFC 3339, as the status has it
    last_error: str | None = None
    last_error_at: str | None = None
    newest: Attempt | None = None


def after_attempt(course: Course, attempt: Attempt, result: Notification, *, now: datetime) -> Course:
    """Return the course after one more attempt, which left its notification as `result`."""
    at = rfc3339(now)
    if attempt.outcome is Outcome.DELIVERED:
        return replace(course, newest=attempt, sent=course.sent + 1, last_sent_at=at)
    lost = result.state in (NotificationState.FAILED, NotificationState.ABANDONED)
    error = (result.error or attempt.message)[:MAX_MESSAGE]
    return replace(
        course, newest=attempt, failed=course.failed + (1 if lost else 0), last_error=error, last_error_at=at
    )


def course_in(status: Mapping[str, Any] | None) -> Course:
    """Return the course that a status tells of: its counts go on after a restart."""
    told = status or {}
    return Course(
        sent=_count(told.get("sent")),
        failed=_count(told.get("failed")),
        last_sent_at=_text(told.get("lastSentAt")),
        last_error=_text(told.get("lastError")),
        last_error_at=_text(told.get("lastErrorAt")),
    )


def channel_status(
    usability: Usability, course: Course, *, generation: int, previous: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Return the status of a channel that is understood."""
    delivering = _delivering(course, previous)
    failing = delivering.status is False
    if usability.usable is False:
        state, reason, message = ChannelState.REFUSED, usability.reason, usability.message
    elif failing:
        state, reason, message = ChannelState.FAILING, delivering.reason, delivering.message
    else:
        state, reason, message = ChannelState.READY, usability.reason, usability.message
    ready = ConditionNow(
        type=Condition.READY, status=usability.usable, reason=usability.reason, message=usability.message
    )
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "state": str(state),
        "reason": str(reason),
        "message": message[:MAX_MESSAGE],
        "sent": course.sent,
        "failed": course.failed,
        "conditions": stamped([ready, delivering], generation=generation, previous=previous, now=now),
    }
    told = {
        "lastSentAt": course.last_sent_at,
        "lastError": course.last_error,
        "lastErrorAt": course.last_error_at,
    }
    return status | {key: value for key, value in told.items() if value is not None}


def refused_channel_status(
    problem: SpecError,
    reason: StrEnum,
    course: Course,
    *,
    generation: int,
    previous: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the status of a channel that cannot be used as it is written."""
    usability = Usability(usable=False, reason=reason, message=str(problem))
    return channel_status(usability, course, generation=generation, previous=previous, now=now)


def channel_moved(written: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Return whether what is shown of a channel differs."""
    return any(written.get(key) != current.get(key) for key in _SHOWN)


def _delivering(course: Course, previous: Mapping[str, Any] | None) -> ConditionNow:
    newest = course.newest
    if newest is not None:
        delivered = newest.outcome is Outcome.DELIVERED
        return ConditionNow(type=Condition.DELIVERING, status=delivered, reason=newest.reason, message=newest.message)
    if (kept := _kept(previous)) is not None:
        return kept
    text = "no message was to be sent yet"
    return ConditionNow(type=Condition.DELIVERING, status=None, reason=ChannelReason.NOT_SENT_YET, message=text)


def _kept(previous: Mapping[str, Any] | None) -> ConditionNow | None:
    """Return what the status said of deliveries before this process had any."""
    for condition in (previous or {}).get("conditions") or ():
        if not isinstance(condition, Mapping) or condition.get("type") != Condition.DELIVERING:
            continue
        status = {"True": True, "False": False}.get(str(condition.get("status")))
        reason = next((r for r in _REASONS if r == condition.get("reason")), None)
        if status is None or reason is None:
            return None
        return ConditionNow(
            type=Condition.DELIVERING, status=status, reason=reason, message=str(condition.get("message", ""))
        )
    return None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
