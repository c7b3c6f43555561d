"""Builds `.status` of a MaintenanceWindow: is it active, what does it exclude, until when. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backstop.domain.errors import SpecError
from backstop.domain.interval import Interval, clip, total_seconds
from backstop.engine.conditions import MAX_MESSAGE, ConditionNow, rfc3339_of, stamped
from backstop.vocabulary import SHOWN_OCCURRENCES, SHOWN_SLOS, Condition, MaintenanceReason, MaintenanceState

LOOK_BACK_SECONDS: Final = 366 * 86_400.0  # for what is listed as past
COUNTED_SECONDS: Final = 30 * 86_400.0  # of excludedSeconds
_SHOWN: Final = ("slos", "active", "next", "past")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a window stands at a moment. `changes_at` is when that will be different, in unix seconds."""

    state: MaintenanceState
    active: Interval | None
    next: Interval | None
    past: tuple[Interval, ...]  # begun, the newest first
    excluded_seconds: float
    changes_at: float | None


def course_of(begun: Sequence[Interval], coming: Interval | None, at: float) -> Course:
    """Return where a window stands at `at`, from its stretches until then and the next one."""
    active = begun[-1] if begun and at in begun[-1] else None
    if active is not None:
        state = MaintenanceState.ACTIVE
    else:
        state = MaintenanceState.OVER if coming is None else MaintenanceState.SCHEDULED
    return Course(
        state=state,
        active=active,
        next=coming,
        past=tuple(reversed(begun[-SHOWN_OCCURRENCES:])),
        excluded_seconds=total_seconds(clip(begun, at - COUNTED_SECONDS, at)),
        changes_at=active.end if active is not None else coming.start if coming is not None else None,
    )


def window_status(
    course: Course,
    matched: Sequence[str],
    *,
    generation: int,
    previous: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the status of a window that is followed. `matched` names the SLOs of its selector."""
    nothing = not matched and course.state is not MaintenanceState.OVER
    reason = MaintenanceReason.NOTHING_MATCHES if nothing else MaintenanceReason.IN_FORCE
    message = _message(course, len(matched))
    condition = ConditionNow(type=Condition.READY, status=not nothing, reason=reason, message=message)
    status = _status(course.state, condition, generation=generation, previous=previous, now=now)
    names = sorted(matched)[:SHOWN_SLOS]
    # Absent rather than null or empty: so server-side apply takes away what was written before.
    status["slos"] = {"count": len(matched)} | ({"names": names} if names else {})
    if course.active is not None:
        status["active"] = _shown(course.active)
    if course.next is not None:
        status["next"] = _shown(course.next)
    if course.past:
        status["past"] = [_shown(stretch) for stretch in course.past]
    status["excludedSeconds"] = round(course.excluded_seconds)
    return status


def refused_window_status(
    problem: SpecError, reason: StrEnum, *, generation: int, previous: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Return the status of a window that cannot be followed as it stands: it does nothing."""
    condition = ConditionNow(type=Condition.READY, status=False, reason=reason, message=str(problem))
    return _status(MaintenanceState.REFUSED, condition, generation=generation, previous=previous, now=now)


def window_moved(written: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Return whether what is shown of a window differs. How long it has been going on is left to the heartbeat."""
    return any(written.get(key) != current.get(key) for key in _SHOWN)


def _status(
    state: MaintenanceState,
    condition: ConditionNow,
    *,
    generation: int,
    previous: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    return {
        "observedGeneration": generation,
        "state": str(state),
        "reason": str(condition.reason),
        "message": condition.message[:MAX_MESSAGE],
        "conditions": stamped([condition], generation=generation, previous=previous, now=now),
    }


def _message(course: Course, matched: int) -> str:
    if course.state is MaintenanceState.OVER:
        return "is over; what it excluded stays excluded as long as this object exists"
    if not matched:
        return "no SLO in this namespace matches spec.slos, so it does nothing"
    whose = f"{matched} SLO{'' if matched == 1 else 's'}"
    if course.active is not None:
        return f"excludes time from the budget of {whose} until {rfc3339_of(course.active.end)}"
    if course.next is not None:
        return f"will exclude time from the budget of {whose} from {rfc3339_of(course.next.start)} on"
    raise ValueError(f"a window that is {course.state} has a time")


def _shown(stretch: Interval) -> dict[str, str]:
    return {"start": rfc3339_of(stretch.start), "end": rfc3339_of(stretch.end)}
