"""What an SLO says of itself at a moment, read from its status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.client import Cluster

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The status of one SLO. What it cannot tell is None. Percentages are 0 to 100, events are counts."""

    name: str
    state: str = UNKNOWN
    reason: str = "WaitingForFirstEvaluation"
    since: str | None = None  # when the budget's condition last changed
    sli: float | None = None
    remaining: float | None = None
    good: float | None = None
    bad: float | None = None
    coverage: float | None = None
    burn: Mapping[str, float]

    @property
    def total(self) -> float | None:
        return None if self.good is None or self.bad is None else self.good + self.bad


def reading_of(slo: Mapping[str, Any]) -> Reading:
    """Return the reading of an SLO as the API server holds it; the first window speaks."""
    status = slo.get("status") or {}
    window = (status.get("windows") or [{}])[0]
    budget: Mapping[str, Any] = next((c for c in status.get("conditions", []) if c["type"] == "BudgetHealthy"), {})
    return Reading(
        name=slo["metadata"]["name"],
        state=status.get("state", UNKNOWN),
        reason=status.get("reason", "WaitingForFirstEvaluation"),
        since=budget.get("lastTransitionTime"),
        sli=window.get("sli"),
        remaining=window.get("remainingPercent"),
        good=window.get("goodEvents"),
        bad=window.get("badEvents"),
        coverage=window.get("coverage"),
        burn=status.get("burnRates") or {},
    )


def read_slos(cluster: Cluster, namespace: str) -> dict[str, Reading]:
    """Return the readings of a namespace's SLOs by name."""
    items = cluster.get("slos.backstop.dev", f"--namespace={namespace}")["items"]
    return {reading.name: reading for reading in map(reading_of, items)}
