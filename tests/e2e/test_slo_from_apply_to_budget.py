"""From `kubectl apply` to an error budget: the chart as a user installs it, a real application under real load."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster.client import Cluster
from tests.cluster.progress import Progress
from tests.cluster.waiting import wait_until
from tests.demo.agreement import TOLERANCE, Tally, disagreement
from tests.demo.prometheus import query_number
from tests.demo.reading import Reading, read_slos
from tests.demo.shop import Shop
from tests.e2e.slos import (
    AVAILABILITY,
    LATENCY,
    condition,
    example,
    own_metric,
    status,
    wait_for_state,
)
from tests.install.release import DEPLOYMENT, NAMESPACE
from tests.install.rollout import wait_for_deployment

pytestmark = [pytest.mark.cluster, pytest.mark.e2e, pytest.mark.slow]

SLOS = (AVAILABILITY, LATENCY)
WINDOW = "10m"  # longer than all of these tests: what was counted stays in it
RATE, SECONDS = 40, 100


@dataclass(frozen=True)
class Burnt:
    """An application that was under load, failed for a while, and is quiet now."""

    shop: Shop
    healthy: dict[str, Reading]
    burning: dict[str, Reading]

    @property
    def cluster(self) -> Cluster:
        return self.shop.cluster

    @property
    def namespace(self) -> str:
        return self.shop.namespace


@pytest.fixture(scope="module")
def burnt(shop: Shop) -> Burnt:
    """Apply the SLOs to an application under load, let it fail and recover, and wait for the load's end."""
    cluster, namespace = shop.cluster, shop.namespace
    shop.start_load(rate=RATE, seconds=SECONDS)
    cluster.apply([example(name, namespace, window=WINDOW) for name in SLOS])
    healthy = wait_for_state(cluster, namespace, SLOS, "Healthy", 60.0)  # within a minute, as promised to users
    shop.behave(failureRatio=0.1, slowRatio=0.3, latencySeconds=0.7)
    burning = wait_for_state(cluster, namespace, SLOS, "Exhausted", 60.0)
    shop.behave(failureRatio=0.0, latencySeconds=0.0)
    cluster.wait("job/load", "--for=condition=Complete", f"--namespace={namespace}", timeout=SECONDS + 60.0)
    return Burnt(shop, healthy, burning)


def tallies(burnt: Burnt) -> dict[str, list[Tally]]:
    """Return what the application and PromQL count, per SLO."""
    own, cluster = burnt.shop.counted(), burnt.cluster
    here = f'namespace="{burnt.namespace}",service="checkout"'

    def scraped(metric: str) -> float:
        return query_number(cluster, f"sum({metric})") or 0.0

    fast = scraped(f'http_request_duration_seconds_bucket{{{here},le="0.5"}}')
    return {
        AVAILABILITY: [
            Tally("the application", own.good, own.bad),
            Tally(
                "PromQL",
                scraped(f'http_requests_total{{{here},code!~"5.."}}'),
                scraped(f'http_requests_total{{{here},code=~"5.."}}'),
            ),
        ],
        LATENCY: [
            Tally("the application", own.fast, own.slow),
            Tally("PromQL", fast, scraped(f"http_request_duration_seconds_count{{{here}}}") - fast),
        ],
    }


def tally_of(reading: Reading) -> Tally:
    return Tally("Backstop", reading.good or 0.0, reading.bad or 0.0)


@pytest.fixture(scope="module")
def settled(burnt: Burnt) -> dict[str, Reading]:
    """Give the readings once the last scrape is evaluated: when nothing moves any more between two evaluations."""
    seen: dict[str, Reading] = {}

    def still() -> dict[str, Reading] | None:
        nonlocal seen
        before, seen = seen, read_slos(burnt.cluster, burnt.namespace)
        return seen if before and all(before[n].total == seen[n].total for n in SLOS) else None

    found = wait_until(still, 60.0, describe="counts that stand still", interval=12.0)
    assert found is not None
    return found


def test_the_budget_falls_while_the_application_fails(burnt: Burnt):
    for name in SLOS:
        before, after = burnt.healthy[name].remaining, burnt.burning[name].remaining
        assert before is not None
        assert after is not None
        assert after <= 0 < before


@pytest.mark.parametrize("name", SLOS)
def test_three_witnesses_agree_within_one_percent(burnt: Burnt, settled: dict[str, Reading], name: str):
    ours = tally_of(settled[name])
    for other in tallies(burnt)[name]:
        assert disagreement(ours, other) is None


@pytest.mark.parametrize("name", SLOS)
def test_no_event_is_lost_or_invented(burnt: Burnt, settled: dict[str, Reading], name: str):
    (own, _) = tallies(burnt)[name]
    assert settled[name].total == pytest.approx(own.good + own.bad, rel=TOLERANCE)


def test_kubectl_shows_the_numbers_without_further_options(burnt: Burnt, settled: dict[str, Reading]):
    shown = burnt.cluster.kubectl("get", "slo", AVAILABILITY, f"--namespace={burnt.namespace}")
    heading, line = shown.splitlines()
    assert "STATE" in heading.upper()
    assert settled[AVAILABILITY].state in line
    assert "99" in line


def test_state_changes_are_told_as_events(burnt: Burnt):
    events = burnt.cluster.get("events.events.k8s.io", f"--namespace={burnt.namespace}")["items"]
    told = [e["note"] for e in events if e["regarding"].get("name") == AVAILABILITY and e["reason"] == "StateChanged"]
    assert any("Exhausted" in note for note in told), told


def test_the_operator_exports_the_same_budget(burnt: Burnt, settled: dict[str, Reading]):
    selector = f'slo="{AVAILABILITY}",slo_namespace="{burnt.namespace}",window="{WINDOW}"'

    def exported() -> bool:
        value = query_number(burnt.cluster, f"backstop_error_budget_remaining_ratio{{{selector}}}")
        remaining = settled[AVAILABILITY].remaining
        return value is not None and remaining is not None and abs(100 * value - remaining) < 1

    assert wait_until(exported, 30.0, describe="the budget in Backstop's own metrics")


def test_a_new_operator_pod_knows_the_same_numbers(burnt: Burnt, settled: dict[str, Reading]):
    cluster = burnt.cluster
    before = {name: exported(cluster, burnt.namespace, name) for name in SLOS}
    (pod,) = cluster.get("pods", f"--namespace={NAMESPACE}", "--selector=app.kubernetes.io/name=backstop")["items"]
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], f"--namespace={NAMESPACE}", "--wait=true")
    wait_for_deployment(cluster, NAMESPACE, DEPLOYMENT, note=Progress().say)

    # Asked of the new pod itself: it writes no status that would say the same as the one that is there.
    def known_again() -> bool:
        for name in SLOS:
            now = exported(cluster, burnt.namespace, name)
            if now != pytest.approx(before[name], rel=TOLERANCE):
                raise AssertionError(f"{name}: {now}, was {before[name]}")
        return True

    assert wait_until(known_again, 90.0, describe="the same numbers as before", interval=1.0)
    after = read_slos(cluster, burnt.namespace)
    for name in SLOS:
        assert after[name].total == pytest.approx(settled[name].total, rel=TOLERANCE)
        assert after[name].state == settled[name].state


def exported(cluster: Cluster, namespace: str, name: str) -> dict[str, float | None]:
    """Return what the operator that runs now says of an SLO in its own metrics."""
    labels = {"slo": name, "slo_namespace": namespace, "window": WINDOW}
    return {
        metric: own_metric(cluster, metric, **labels)
        for metric in ("backstop_sli_ratio", "backstop_error_budget_remaining_ratio")
    }


def test_without_prometheus_the_slo_is_unknown_and_what_was_known_stays_visible(
    burnt: Burnt, settled: dict[str, Reading]
):
    cluster, namespace = burnt.cluster, burnt.namespace
    wait_until_sealed(cluster, namespace)
    known = read_slos(cluster, namespace)[AVAILABILITY]
    cluster.kubectl("scale", "deployment/prometheus", "--namespace=monitoring", "--replicas=0")
    try:
        wait_for_state(cluster, namespace, (AVAILABILITY,), "Unknown", 60.0)
        lost = status(cluster, namespace, AVAILABILITY)
        available = condition(lost, "DataAvailable")
        assert (available["status"], available["reason"]) == ("False", "SourceUnreachable")
        assert lost["reason"] in {"SourceUnreachable", "DataUnknown"}
        assert lost["lastKnown"]["state"] == known.state
        assert lost["lastKnown"]["windows"][0]["remainingPercent"] == pytest.approx(known.remaining, abs=1)
        assert lost["lastKnown"]["at"]
        assert_coverage_stands_still(cluster, namespace)
    finally:
        cluster.kubectl("scale", "deployment/prometheus", "--namespace=monitoring", "--replicas=1")
    wait_for_deployment(cluster, "monitoring", "prometheus", note=Progress().say)
    wait_for_state(cluster, namespace, (AVAILABILITY,), known.state, 90.0)
    back = read_slos(cluster, namespace)[AVAILABILITY]
    assert back.total == pytest.approx(settled[AVAILABILITY].total, rel=TOLERANCE)  # an emptied Prometheus invents none


def wait_until_sealed(cluster: Cluster, namespace: str) -> None:
    """Wait until the load's last minute is sealed: what is newer is known only as long as Prometheus remembers it.

    A minute is sealed a scrape interval and 5 s after its end, by the next evaluation (semantics K19).
    """
    (done,) = [
        datetime.fromisoformat(job["status"]["completionTime"])
        for job in cluster.get("jobs", f"--namespace={namespace}", "--selector=app=load")["items"]
    ]
    sealed_at = done + timedelta(seconds=60 + 15 + 5 + 5)
    assert wait_until(
        lambda: datetime.now(UTC) > sealed_at, 120.0, describe="the load's last minute to be sealed", interval=1.0
    )


def assert_coverage_stands_still(cluster: Cluster, namespace: str) -> None:
    """Watch 20 s of an outage: known, they would be 3 % of the window; unknown, they are none of it."""

    def coverage() -> float:
        found = own_metric(
            cluster, "backstop_window_coverage_ratio", slo=AVAILABILITY, slo_namespace=namespace, window=WINDOW
        )
        assert found is not None
        return found

    first, started = coverage(), time.monotonic()
    assert wait_until(lambda: time.monotonic() - started > 20, 30.0, describe="20 s of outage", interval=1.0)
    assert coverage() < first + 0.01
