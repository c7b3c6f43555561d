"""The example SLOs, moved to where a test's application runs."""

from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.client import Cluster
from tests.cluster.paths import REPOSITORY
from tests.cluster.waiting import wait_until
from tests.demo.reading import Reading, read_slos

EXAMPLES = REPOSITORY / "manifests" / "examples"
AVAILABILITY, LATENCY = "checkout-availability", "checkout-latency"
FILES = {AVAILABILITY: "slo-availability.yaml", LATENCY: "slo-latency.yaml"}


def example(name: str, namespace: str, *, window: str) -> dict[str, Any]:
    """Return an example SLO for the application in `namespace`, with one window."""
    text = (EXAMPLES / FILES[name]).read_text()
    slo: dict[str, Any] = yaml.safe_load(
        text.replace('{service="checkout"', f'{{namespace="{namespace}",service="checkout"')
    )
    slo["metadata"]["namespace"] = namespace
    slo["spec"]["windows"] = [{"name": window, "rolling": window}]
    return slo


def status(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Return the status of an SLO, empty before its first."""
    found: dict[str, Any] = cluster.get("slos.backstop.dev", name, f"--namespace={namespace}").get("status", {})
    return found


def own_metric(cluster: Cluster, metric: str, **labels: str) -> float | None:
    """Return a sample of the operator's own /metrics, None when there is none. Works without Prometheus."""
    path = "/api/v1/namespaces/backstop-system/services/backstop-metrics:8080/proxy/metrics"
    for family in text_string_to_metric_families(cluster.kubectl("get", "--raw", path)):
        for sample in family.samples:
            if sample.name == metric and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a condition of a status. Raises StopIteration when it is not there."""
    found: dict[str, Any] = next(c for c in status["conditions"] if c["type"] == kind)
    return found


def wait_for_state(
    cluster: Cluster, namespace: str, names: tuple[str, ...], state: str, timeout: float
) -> dict[str, Reading]:
    """Return the readings once all named SLOs are in that state."""

    def reached() -> dict[str, Reading] | None:
        now = read_slos(cluster, namespace)
        seen = {name: now[name].state for name in names}
        if any(found != state for found in seen.values()):
            raise AssertionError(f"states are {seen}")
        return now

    found = wait_until(reached, timeout, describe=f"{', '.join(names)} to be {state}", interval=1.0)
    assert found is not None
    return found
