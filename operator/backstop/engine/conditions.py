"""Conditions as Kubernetes has them, for the status of every kind of ours. Pure: the time is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from backstop.vocabulary import Condition

MAX_MESSAGE: Final = 1024  # characters; conditions allow 32,768, people do not
_STATUS = {True: "True", False: "False", None: "Unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionNow:
    """A condition before its times are known."""

    type: Condition
    status: bool | None
    reason: StrEnum
    message: str


def stamped(
    conditions: Sequence[ConditionNow], *, generation: int, previous: Mapping[str, Any] | None, now: datetime
) -> list[Mapping[str, Any]]:
    """Give conditions their times: lastTransitionTime moves only when the status value does."""
    before = {c.get("type"): c for c in (previous or {}).get("conditions", ()) if isinstance(c, Mapping)}
    result: list[Mapping[str, Any]] = []
    for condition in conditions:
        status = _STATUS[condition.status]
        old = before.get(condition.type.value, {})
        kept = old.get("lastTransitionTime") if old.get("status") == status else None
        stamp = {
            "type": condition.type.value,
            "status": status,
            "reason": condition.reason.value,
            "message": condition.message[:MAX_MESSAGE],
            "lastTransitionTime": kept or rfc3339(now, timespec="seconds"),
            "observedGeneration": generation,
        }
        result.append(old if old == stamp else stamp)  # most stay as they are, and 10,000 SLOs have 50,000 of them
    return result


def rfc3339(instant: datetime, *, timespec: str = "milliseconds") -> str:
    """Return an aware time in UTC as Kubernetes writes it."""
    return instant.isoformat(timespec=timespec).replace("+00:00", "Z")


def unix_of(text: str) -> float:
    """Return the unix seconds of a time in RFC 3339. Raises ValueError."""
    return datetime.fromisoformat(text).timestamp()


def rfc3339_of(at: float) -> str:
    """Return unix seconds in UTC, to the second."""
    return rfc3339(datetime.fromtimestamp(at, UTC), timespec="seconds")
