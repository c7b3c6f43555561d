"""The writing side of the cluster, kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backstop.ports.cluster import ObjectRef


@dataclass(frozen=True)
class WrittenEvent:
    ref: ObjectRef
    warning: bool
    reason: str
    note: str


class RecordingStatusWriter:
    """Implements ports.cluster.StatusWriter; `fail_with` is raised instead of writing while it is set."""

    def __init__(self) -> None:
        self.writes: list[tuple[ObjectRef, Mapping[str, Any]]] = []
        self.events: list[WrittenEvent] = []
        self.fail_with: Exception | None = None

    async def apply_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        self.writes.append((ref, status))

    async def emit_event(self, ref: ObjectRef, *, warning: bool, reason: str, note: str, at: datetime) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        self.events.append(WrittenEvent(ref, warning, reason, note))


class SettableLeadership:
    """Implements ports.cluster.Leadership."""

    def __init__(self, *, leader: bool = True) -> None:
        self.leader = leader

    def is_leader(self) -> bool:
        return self.leader
