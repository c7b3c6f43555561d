"""When a status is worth a write (semantics K14): at once for what people act on, slowly for numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backstop.vocabulary import State

REMAINING_POINTS: Final = 0.1  # percentage points of remaining budget that are worth a write
BURN_RATE_SHARE: Final = 0.10  # relative change of a burn rate that is
BURN_RATE_FLOOR: Final = 0.05  # below this absolute change a burn rate near zero stays as written
COVERAGE_SHARE: Final = 0.01  # of the window; counts only while the state is Unknown
_ROUNDING: Final = 1e-9  # differences of decimals miss their limit by the last bit of a float
HEARTBEAT_SPREAD: Final = 0.2  # each object's heartbeat is spread by ± this share


class WriteReason(StrEnum):
    """Why a status is written now."""

    FIRST = "first"
    STATE = "state"
    SPEC = "spec"
    NUMBERS = "numbers"
    HEARTBEAT = "heartbeat"

    @property
    def urgent(self) -> bool:
        """True for what goes before numbers in the queue."""
        return self in {WriteReason.FIRST, WriteReason.STATE, WriteReason.SPEC}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimits:
    """How often a status may be written, in seconds."""

    numbers_every: float = 60.0
    heartbeat: float = 600.0


Status = Mapping[str, Any]  # the JSON of .status, built by engine/status.py


def write_reason(
    written: Status | None,
    current: Status,
    *,
    age_seconds: float,
    spread: float,
    limits: WriteLimits,
    news: Callable[[Status, Status], bool],
    moved: Callable[[Status, Status], bool],
) -> WriteReason | None:
    """Return why `current` should be written, or None.

    `written` is what the API server holds, `age_seconds` how long ago it was written, and `spread` a number from -1
    to 1 that is constant for an object, so that the heartbeats of many objects do not fall together. `news` and `moved`
    judge what is particular to a kind: what people act on, and numbers.
    """
    if written is None or not written.get("conditions"):
        return WriteReason.FIRST
    if written.get("observedGeneration") != current.get("observedGeneration"):
        return WriteReason.SPEC
    if written.get("state") != current.get("state") or _conditions(written) != _conditions(current):
        return WriteReason.STATE
    if news(written, current):
        return WriteReason.STATE
    if age_seconds >= limits.numbers_every and moved(written, current):
        return WriteReason.NUMBERS
    if age_seconds >= limits.heartbeat * (1 + HEARTBEAT_SPREAD * spread):
        return WriteReason.HEARTBEAT
    return None


def _conditions(status: Status) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions", ())}


def slo_moved(written: Status, current: Status) -> bool:
    """Return whether the numbers of an SLO moved by as much as is worth a write."""
    old, new = _remaining(written), _remaining(current)
    if old.keys() != new.keys() or any(abs(new[name] - old[name]) >= REMAINING_POINTS - _ROUNDING for name in new):
        return True
    if current.get("state") == State.UNKNOWN and _coverage_moved(written, current):
        return True
    if _excluding(written) != _excluding(current):
        return True
    if written.get("groupCount") != current.get("groupCount") or _groups_moved(written, current):
        return True
    old_burn, new_burn = written.get("burnRates") or {}, current.get("burnRates") or {}
    if old_burn.keys() != new_burn.keys():
        return True
    return any(
        abs(new_burn[name] - old_burn[name]) >= max(BURN_RATE_SHARE * abs(old_burn[name]), BURN_RATE_FLOOR) - _ROUNDING
        for name in new_burn
    )


def _coverage_moved(written: Status, current: Status) -> bool:
    """While nothing else is known, how much is still known is the news."""
    old = {w["name"]: w.get("coverage", 0.0) for w in written.get("windows", ())}
    new = {w["name"]: w.get("coverage", 0.0) for w in current.get("windows", ())}
    return any(abs(value - old.get(name, 0.0)) >= COVERAGE_SHARE - _ROUNDING for name, value in new.items())


def _excluding(status: Status) -> set[str]:
    """Return the windows from which time is excluded: that maintenance is seen is news, how long it lasts is not."""
    return {w["name"] for w in status.get("windows", ()) if w.get("excludedSeconds")}


def slo_news(written: Status, current: Status) -> bool:
    """True when a group that was shown has another state; which groups are shown is a matter of numbers."""
    old, new = _by_labels(written), _by_labels(current)
    return any(old[labels].get("state") != new[labels].get("state") for labels in old.keys() & new.keys())


def _groups_moved(written: Status, current: Status) -> bool:
    old, new = _by_labels(written), _by_labels(current)
    if old.keys() != new.keys():
        return True
    left = ((old[labels].get("remainingPercent"), new[labels].get("remainingPercent")) for labels in new)
    return any(
        was != now if was is None or now is None else abs(now - was) >= REMAINING_POINTS - _ROUNDING
        for was, now in left
    )


def _by_labels(status: Status) -> dict[tuple[tuple[str, str], ...], Mapping[str, Any]]:
    return {tuple(sorted(group["labels"].items())): group for group in status.get("groups") or ()}


def _remaining(status: Status) -> dict[str, float]:
    return {w["name"]: w["remainingPercent"] for w in status.get("windows", ()) if "remainingPercent" in w}
