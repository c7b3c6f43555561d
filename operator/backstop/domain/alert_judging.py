"""How rules are judged, what they share: `for`, how often is looked, and what is said when nothing can be told.

Rules about SLOs: alert_judging_slo.py. Queries: alert_judging_query.py. Nodes and runs: alert_judging_cluster.py.
What comes of a finding over time: alert_state.py.
"""

from typing import Final

from backstop.domain.alert import Finding
from backstop.domain.alert_policy import NoData, NodeCondition, Query, Rule
from backstop.vocabulary import AlertReason

LONGEST_STEP_SECONDS: Final = 300.0  # time between two evaluations further apart is not known to either
_STEPS: Final = 3  # evaluations of a slow query that may be missed


def for_seconds(rule: Rule) -> float:
    """Return how long a rule has to hold before it fires."""
    return rule.when.for_seconds if isinstance(rule.when, NoData | Query | NodeCondition) else 0.0


def longest_step_seconds(rule: Rule) -> float:
    """Return how far apart two evaluations may be so that the time between counts as known."""
    every = rule.when.interval_seconds if isinstance(rule.when, Query) else 0.0
    return max(LONGEST_STEP_SECONDS, _STEPS * every)


def cannot_tell(message: str, reason: AlertReason = AlertReason.EVIDENCE_UNKNOWN) -> Finding:
    """Return the finding of a rule whose facts are unknown."""
    return Finding(holds=None, reason=reason, message=message)
