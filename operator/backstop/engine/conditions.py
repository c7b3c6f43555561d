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
) -> list[dict[str, Any]]:
    """Give conditions their times: lastTransitionTime moves only when the status value does."""
    before = {c.get("type"): c for c in (previous or {}).get("conditions", ()) if isinstance(c, Mapping)}
    result = []
    for condition in conditions:
        status = _STATUS[condition.status]
        old = before.get(str(condition.type), {})
        kept = old.get("lastTransitionTime") if old.get("status") == status else None
        result.append(
            {
                "type": str(condition.type),
                "status": status,
                "reason": str(condition.reason),
                "message": condition.message[:MAX_MESSAGE],
                "lastTransitionTime": kept or rfc3339(now, timespec="seconds"),
                "observedGeneration": generation,
            }
        )
    return result


def rfc3339(instant: datetime, *, timespec: str = "milliseconds") -> str:
    """Return an aware time in UTC as Kubernetes writes it."""
    return instant.isoformat(timespec=timespec).replace("+00:00", "Z")


def rfc3339_of(at: float) -> str:
    """Return unix seconds in UTC, to the second."""
    return rfc3339(datetime.fromtimestamp(at, UTC), timespec="seconds")
