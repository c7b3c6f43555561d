"""What is kept of the ledger over a restart, and who keeps it (semantics K17)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from backstop.domain.ledger import RowState
from backstop.domain.slo import Uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """All that is kept of one SLO: its ledger rows belong together, since they end at the same boundary."""

    uid: Uid
    fingerprint: str  # what the counts mean: with another fingerprint other events were counted
    rows: Mapping[str, RowState]  # by name, as the engine calls them: one for the SLO, one for each group
    facts: Mapping[str, Any] = field(default_factory=dict)  # what evaluation needs besides to go on; fit for JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An answer of `CheckpointStore.load`."""

    checkpoints: Mapping[Uid, Checkpoint] = field(default_factory=dict)
    changed: int = 0  # left out because they count other events than is asked for
    damaged: int = 0  # left out because their bytes are not those that were written


class Checkpoints(Protocol):
    """Where the evaluator asks for what was kept of SLOs that are new to this process."""

    async def load(self, wanted: Mapping[Uid, str]) -> Mapping[Uid, Checkpoint]:
        """Return what was kept of SLOs, for the fingerprint given with each. Never raises.

        Whatever cannot be had is left out. Ask for some hundred SLOs at a time: all their rows are in memory together.
        """
        ...


class NoCheckpoints:
    """Implements Checkpoints where nothing is kept."""

    async def load(self, wanted: Mapping[Uid, str]) -> Mapping[Uid, Checkpoint]:  # noqa: ARG002  nothing is looked up
        return {}


class CheckpointStore(Protocol):
    """Keeps the newest checkpoint of each SLO. Every method raises CheckpointUnavailable when it cannot be done now.

    A call that fails changes nothing, and a later one may succeed. Calls are carried out one after the other.
    """

    async def load(self, wanted: Mapping[Uid, str]) -> Loaded:
        """Return the checkpoints of these SLOs that have the fingerprint given with each."""
        ...

    async def save(self, checkpoints: Sequence[Checkpoint], *, at: float) -> int:
        """Replace what is kept of these SLOs, all of it or nothing. Returns how many bytes are taken then.

        `at` is unix time, for `prune` to compare.
        """
        ...

    async def prune(self, existing: frozenset[Uid], *, gone_before: float, unsaved_before: float) -> int:
        """Forget SLOs that do not exist, last saved before `gone_before`, and any before `unsaved_before`.

        Both are unix times. Returns how many were forgotten.
        """
        ...

    async def close(self) -> None:
        """Let what is under way end, and let go of the file. Never raises."""
        ...
