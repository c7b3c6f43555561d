"""Who owns the machine's one local cluster, and which kind of cluster a checkout uses."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.cluster.errors import ClusterError


class Kind(StrEnum):
    """The kinds of cluster; the values of the environment variable CLUSTER."""

    LOCAL = "local"
    KIND = "kind"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class State:
    """What `.cluster/state.json` records: the kind that is up, its context, and since when (RFC 3339)."""

    kind: Kind
    context: str
    since: str


def read_state(file: Path) -> State | None:
    """Return the recorded state; None when no cluster is up. Raises ClusterError when the file is not ours."""
    if not file.exists():
        return None
    try:
        raw = json.loads(file.read_text())
        return State(kind=Kind(raw["kind"]), context=raw["context"], since=raw["since"])
    except (ValueError, KeyError, TypeError) as exc:
        raise ClusterError(f"{file} cannot be read: {exc!r}", hint="run `make cluster-down`") from exc


def write_state(file: Path, state: State) -> None:
    _write(file, json.dumps(asdict(state), indent=2))


@dataclass(frozen=True, slots=True)
class Owner:
    """The checkout whose local cluster this machine runs, or last ran."""

    checkout: Path


def read_owner(file: Path) -> Owner | None:
    """Return the recorded owner; None when no local cluster was started since the machine's start."""
    if not file.exists():
        return None
    return Owner(Path(json.loads(file.read_text())["checkout"]))


def write_owner(file: Path, owner: Owner) -> None:
    _write(file, json.dumps({"checkout": str(owner.checkout)}))


def _write(file: Path, text: str) -> None:
    """Write so that a reader sees the old or the new content, and never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(text + "\n")
    partial.replace(file)
