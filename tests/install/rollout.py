"""Waiting for a Deployment, and telling what its pods say when it does not come up."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.waiting import WaitTimeout, wait_until

# Waiting reasons that time alone does not heal. A crash loop is judged by its restarts instead.
HOPELESS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"}
)
RESTARTS_TO_GIVE_UP = 2  # the first crash may be a dependency that is not up yet
LOG_LINES = 20


def wait_for_deployment(
    cluster: Cluster, namespace: str, name: str, *, note: Callable[[str], None], timeout: float = 180.0
) -> None:
    """Return when every replica runs the newest template and is ready.

    Raises ClusterError with events and logs: at once where waiting cannot help, else after `timeout` seconds.
    """

    def finished() -> bool:
        deployment = cluster.get("deployment", name, f"--namespace={namespace}")
        done, text = progress_of(deployment)
        note(text)
        return done or bool(hopeless_pods(pods_of(cluster, namespace, deployment)))

    try:
        wait_until(finished, timeout, describe=f"deployment {namespace}/{name}", interval=0.5)
    except WaitTimeout as error:
        raise ClusterError(f"{error.message}\n{diagnosis(cluster, namespace, name)}") from error
    deployment = cluster.get("deployment", name, f"--namespace={namespace}")
    reasons = hopeless_pods(pods_of(cluster, namespace, deployment))
    if reasons and not progress_of(deployment)[0]:
        raise ClusterError(
            f"deployment {namespace}/{name} cannot come up: {'; '.join(reasons)}\n{diagnosis(cluster, namespace, name)}"
        )


def progress_of(deployment: dict[str, Any]) -> tuple[bool, str]:
    """Return whether a Deployment's rollout is complete, and how far it is."""
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status", {})
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    done = seen and updated == ready == wanted and status.get("replicas", 0) == wanted
    return done, f"{ready}/{wanted} ready" if seen else "not seen by its controller yet"


def hopeless_pods(pods: Iterable[dict[str, Any]]) -> list[str]:
    """Return why pods will not start by themselves, one text each; empty while there is hope."""
    reasons = []
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses", []):
            waiting = container.get("state", {}).get("waiting", {})
            reason = waiting.get("reason", "")
            crashes = reason == "CrashLoopBackOff" and container.get("restartCount", 0) >= RESTARTS_TO_GIVE_UP
            if crashes or reason in HOPELESS:
                reasons.append(f"pod {pod['metadata']['name']}: {reason}: {waiting.get('message', '')}".strip(": "))
    return reasons


def pods_of(cluster: Cluster, namespace: str, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pods of the Deployment's newest ReplicaSet; those of older ones are on their way out."""
    labels = ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
    where = f"--namespace={namespace}"
    revision = deployment["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision")
    newest = {
        replica_set["metadata"]["name"]
        for replica_set in cluster.get("replicasets", where, f"--selector={labels}")["items"]
        if replica_set["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision") == revision
    }
    pods = cluster.get("pods", where, f"--selector={labels}")["items"]
    return [pod for pod in pods if any(o["name"] in newest for o in pod["metadata"].get("ownerReferences", []))]


def diagnosis(cluster: Cluster, namespace: str, name: str) -> str:
    """Return pods, newest events and the end of the logs: what a person would look at next."""
    where = f"--namespace={namespace}"
    sections = [
        ("pods", ("get", "pods", where, "-o", "wide")),
        ("events", ("get", "events", where, "--sort-by=.lastTimestamp")),
        ("log", ("logs", where, f"deployment/{name}", "--all-containers", f"--tail={LOG_LINES}")),
        ("log before the last restart", ("logs", where, f"deployment/{name}", "--previous", f"--tail={LOG_LINES}")),
    ]
    lines = []
    for title, command in sections:
        try:
            said = cluster.kubectl(*command)
        except ClusterError:
            continue  # no log before the first restart, no pod before the first start
        lines += [f"  {title}:", *(f"    | {line}" for line in said.splitlines()[-LOG_LINES:])]
    return "\n".join(lines)
