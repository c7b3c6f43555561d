"""What rules that are not about SLOs look at: samples of a query, nodes, runs. Read elsewhere, judged in alert_judging.

Times are unix seconds. What could not be read is `Unreadable`, and never an empty list: unknown is not good.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The facts could not be read. `message` tells people why, such as `the source did not answer within 5 s`."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFacts:
    """One series of the answer to a query, and its newest value; NaN says nothing."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFacts:
    """One condition of a node. `since` is its lastTransitionTime; None where the node does not tell."""

    status: str  # "True", "False", "Unknown"
    since: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """A node, with its conditions by type."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, ConditionFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run that came to an end, such as a Job."""

    name: str
    finished_at: float
    succeeded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """The finished runs of a CronJob, or of the Jobs with some labels, as far as they are known.

    Kubernetes deletes finished Jobs, by default all but three good ones and one bad one of a CronJob. So a run that is
    not there may have been, and `complete_since` says from when on none is missing.
    """

    runs: tuple[RunFacts, ...]  # in any order
    complete_since: float | None  # every run that ended at or after it is in `runs`; None: nobody can tell
    created_at: float | None = None  # no run ended before it; None where that is not known
    last_success_at: float | None = None  # status.lastSuccessfulTime of a CronJob, which outlives the Job
    tells_last_success: bool = False  # `last_success_at` is kept by somebody; None then means that none ever succeeded
    suspended: bool = False  # a person has stopped it: no run is due, so none is missing
