"""Which kind of cluster to use: what CLUSTER says, else the one that is up, else the first that can run here."""

import shutil
from collections.abc import Callable, Mapping

from tests.cluster.errors import ClusterError, NotPossible
from tests.cluster.shell import succeeds
from tests.cluster.state import Kind

Reasons = Mapping[Kind, Callable[[], str | None]]  # each answers why its kind cannot run; None when it can


def choose(asked: str, recorded: Kind | None, why_not: Reasons) -> Kind:
    """Return the kind to use. Raises ClusterError for a contradiction, NotPossible with a reason for each kind."""
    if asked:
        kind = _parse(asked)
        if recorded is not None and recorded is not kind:
            raise ClusterError(
                f"CLUSTER={asked} was asked for, but a cluster of kind {recorded} is up",
                hint="run `make cluster-down` first",
            )
        if recorded is None and (reason := why_not[kind]()):
            raise NotPossible(f"CLUSTER={asked} cannot be used here: {reason}")
        return kind
    if recorded is not None:
        return recorded
    reasons: list[str] = []
    for kind in (Kind.LOCAL, Kind.KIND):
        reason = why_not[kind]()
        if reason is None:
            return kind
        reasons.append(f"{kind}: {reason}")
    reasons.append("current: only used when asked for with CLUSTER=current")
    raise NotPossible("no test cluster can run here: " + "; ".join(reasons), hint="see docs/how-to/test-cluster.md")


def why_no_kind() -> str | None:
    """Return why CLUSTER=kind cannot be used; None when it can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    if not succeeds(["docker", "info"]):
        return "the Docker engine does not answer (`docker info` failed)"
    if shutil.which("kind") is None:
        return "the kind command is not installed"
    return None


def _parse(asked: str) -> Kind:
    try:
        return Kind(asked)
    except ValueError as exc:
        raise ClusterError(f"CLUSTER={asked} is unknown; choose one of: {', '.join(Kind)}") from exc
