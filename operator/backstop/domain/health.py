"""The second witness: what the Kubernetes API says of a workload (semantics E1).

An SLI can be silent while its service is down: the pods that would answer the scrape are the ones that crash. So
health is judged apart from the SLI, from plain counts, and may speak alone. It is never guessed: a workload that
cannot be read, does not exist or is scaled to zero on purpose is *unknown*, which convicts nobody.
"""

from dataclasses import dataclass
from enum import StrEnum

from backstop.vocabulary import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFacts:
    """What the Kubernetes API says of a workload, as counts.

    Pods on their way out (deleted, or run to their end) are not counted anywhere. `found` False: it does not exist.
    """

    found: bool
    ready_endpoints: int = 0  # of a Service: ready addresses; of a Deployment: ready pods
    pods: int = 0
    failing_pods: int = 0  # crash-looping, killed for memory again and again, without image, or not ready
    expected_pods: int | None = None  # what its controller was told to run; None where nobody says (a Service)
    external: bool = False  # a Service of type ExternalName: Kubernetes does not see what is behind it


class HealthVerdict(StrEnum):
    HEALTHY = "Healthy"
    BAD = "Bad"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A judgement of the second witness. `reason` becomes the condition's reason; nothing parses `message`."""

    verdict: HealthVerdict
    reason: Reason
    message: str


def unreadable(problem: str, *, forbidden: bool = False) -> Health:
    """Not being able to look is not bad news about the workload."""
    reason = Reason.FORBIDDEN if forbidden else Reason.WORKLOAD_UNREADABLE
    return Health(verdict=HealthVerdict.UNKNOWN, reason=reason, message=problem)


def assess_health(facts: WorkloadFacts) -> Health:
    """Judge a workload by its counts. Source of the rule: semantics E1.

    Two cases are decided here beyond E1. A controller told to run nothing (`expected_pods` 0) is unknown: somebody
    wants it so, and nothing can be said about a version that does not run. A Service without any pod is bad: its
    callers are refused, and a selector that matches nothing is how a blue-green switch fails; Services carry no
    number of wanted pods that could tell intention from accident.
    """
    if not facts.found:
        return Health(
            verdict=HealthVerdict.UNKNOWN,
            reason=Reason.WORKLOAD_NOT_FOUND,
            message="the workload does not exist; correct spec.workload, or create it",
        )
    if facts.external:
        return unreadable("the Service is of type ExternalName: Kubernetes does not see what is behind it")
    if facts.expected_pods == 0:
        return Health(
            verdict=HealthVerdict.UNKNOWN, reason=Reason.SCALED_TO_ZERO, message="scaled to zero: nothing is to run"
        )
    counts = f"{facts.failing_pods} of {facts.pods} pods failing, {facts.ready_endpoints} ready"
    if facts.ready_endpoints == 0:
        nobody = "no pod matches the selector" if facts.pods == 0 else counts
        return Health(
            verdict=HealthVerdict.BAD, reason=Reason.NO_READY_ENDPOINT, message=f"nothing is ready to answer: {nobody}"
        )
    if 2 * facts.failing_pods > facts.pods:
        return Health(
            verdict=HealthVerdict.BAD,
            reason=Reason.PODS_FAILING,
            message=f"more than half crash-looping or not ready: {counts}",
        )
    return Health(verdict=HealthVerdict.HEALTHY, reason=Reason.ENDPOINTS_READY, message=counts)
