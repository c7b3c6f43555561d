"""Restarts and outages of everything around an SLO. Nothing may be lost, nothing may be shown that is not known."""

import signal
import time

import pytest

from tests.cluster.waiting import wait_until
from tests.operator.harness import OperatorProcess, slo_manifest, status_writes
from tests.prometheus_server import PrometheusServer

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus]


def test_prometheus_away_makes_it_unknown_with_the_last_known_budget_and_back_it_recovers(slos, shop, operator):
    shop.remember_silence(minutes=10)
    shop.serve(good=990, bad=5)
    slos.apply()
    known = slos.wait_for_state("Healthy")
    assert known["windows"][0]["coverage"] > 0.9
    shop.prometheus.stop()
    status = slos.wait_for_state("Unknown")
    data = slos.condition("DataAvailable")
    assert (data["status"], data["reason"]) == ("False", "SourceUnreachable")
    assert "default" in data["message"]
    assert "since" in data["message"]
    assert slos.condition("BudgetHealthy")["status"] == "Unknown"
    assert status["lastKnown"]["state"] == "Healthy"
    assert status["lastKnown"]["at"].endswith("Z")
    assert status["lastKnown"]["windows"][0]["remainingPercent"] == known["windows"][0]["remainingPercent"]
    lost = status["windows"][0]["coverage"]
    wait_until(lambda: slos.status()["windows"][0]["coverage"] < lost, 100.0, describe=f"coverage to fall below {lost}")
    shop.prometheus.start()
    recovered = slos.wait_for_state("Healthy", seconds=60)
    assert "lastKnown" not in recovered
    assert slos.condition("DataAvailable")["status"] == "True"


def test_a_frozen_prometheus_is_given_up_at_its_timeout_and_no_other_source_waits_for_it(
    slos, shop, operator, tmp_path
):
    frozen = PrometheusServer(tmp_path / "frozen", targets={"app": shop.exporter.target})
    frozen.start()
    try:
        operator.configure(
            sources=[
                {"name": "default", "url": shop.prometheus.url, "timeout": "2s"},
                {"name": "frozen", "url": frozen.url, "timeout": "2s"},
            ]
        )
        shop.serve(good=990)
        slos.apply("here")
        slos.apply("there", source="frozen")
        slos.wait_for_state("Healthy", "here")
        slos.wait_for_state("Healthy", "there")
        frozen.pause()
        slos.wait_for_condition("DataAvailable", "False", "SourceUnreachable", "there")
        shop.serve(bad=100)
        slos.wait_for_state("Exhausted", "here")
        assert operator.metric("backstop_source_query_timeout_seconds", source="frozen") == 2.0
        assert (operator.metric("backstop_source_queries_total", source="frozen", outcome="timed_out") or 0) > 0
    finally:
        frozen.stop(how=signal.SIGKILL)


def test_a_killed_operator_comes_back_to_the_same_numbers_and_takes_nothing_back(slos, shop, operator):
    shop.serve(good=990, bad=8)
    slos.apply()
    before = slos.wait_for_state("AtRisk")
    # Sealed minutes come from history after the restart, so wait for one to be sealed.
    wait_until(
        lambda: (operator.metric("backstop_slo_events_total", slo="checkout", result="bad") or 0) >= 8,
        100.0,
        describe="a sealed minute with the bad events",
    )
    operator.kill()
    states: list[str] = []
    operator.start()
    started = time.monotonic()

    def watched() -> bool:
        states.append(slos.status()["state"])
        metric = operator.metric("backstop_error_budget_remaining_ratio", slo="checkout")
        return metric is not None and time.monotonic() - started > 3

    wait_until(watched, 40.0, describe="an evaluation after the restart")
    assert set(states) == {"AtRisk"}
    after = slos.status()
    assert after["windows"][0]["badEvents"] == before["windows"][0]["badEvents"]
    assert [c["lastTransitionTime"] for c in after["conditions"] if c["type"] == "BudgetHealthy"] == [
        c["lastTransitionTime"] for c in before["conditions"] if c["type"] == "BudgetHealthy"
    ]


def test_an_api_server_restart_is_survived_and_what_changed_meanwhile_is_written(slos, shop, operator):
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    slos.cluster.stop("kube-apiserver")
    try:
        shop.serve(bad=100)
    finally:
        slos.cluster.start("kube-apiserver")
    slos.wait_for_state("Exhausted", seconds=90)
    slos.apply("born-later")
    slos.wait_for_state("Exhausted", "born-later", seconds=60)
    assert operator.running


def test_two_hundred_slos_at_once_and_then_silence(cluster, slos, shop, operator):
    shop.serve(good=990)
    manifests = [
        slo_manifest(f"slo-{n:03}", slos.namespace, target=90 + n / 25, evaluation={"interval": "5s"})
        for n in range(200)
    ]
    cluster.apply(manifests)

    def healthy() -> int:
        items = cluster.get("slo", "-n", slos.namespace)["items"]
        return sum((item.get("status") or {}).get("state") == "Healthy" for item in items)

    wait_until(lambda: healthy() == 200, 90.0, describe=f"200 healthy SLOs, {healthy()} are")
    settled = status_writes(cluster, slos.namespace)
    ticks = operator.metric("backstop_evaluations_total", source="default", outcome="evaluated") or 0
    wait_until(
        lambda: (
            (operator.metric("backstop_evaluations_total", source="default", outcome="evaluated") or 0)
            >= ticks + 5 * 200
        ),
        60.0,
        describe="five more evaluations of each",
    )
    assert status_writes(cluster, slos.namespace) == settled  # the first heartbeat is eight minutes away


def test_two_replicas_one_writes_and_the_other_takes_over(cluster, slos, shop, operator, tmp_path):
    second = OperatorProcess(
        cluster,
        tmp_path / "second",
        namespaces=[slos.namespace],
        sources=[{"name": "default", "url": shop.prometheus.url, "timeout": "2s"}],
    )
    second.start()
    try:
        wait_until(lambda: operator.metric("backstop_leader") == 1.0, 20.0, describe="the first replica to lead")
        assert second.metric("backstop_leader") == 0.0
        shop.serve(good=990)
        slos.apply()
        slos.wait_for_state("Healthy")
        operator.kill()
        wait_until(lambda: second.metric("backstop_leader") == 1.0, 30.0, describe="the second replica to lead")
        shop.serve(bad=100)
        slos.wait_for_state("Exhausted")
    finally:
        second.kill()


def test_a_bad_configuration_keeps_the_last_good_one_and_says_so(slos, shop, operator):
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    good = operator.config.read_text(encoding="utf-8")
    operator.write_config("sources: [{name: default, url: 'ftp://nowhere'}]\n")
    wait_until(lambda: operator.metric("backstop_config_valid") == 0.0, 20.0, describe="the bad file to be noticed")
    assert "sources[0].url" in operator.tail()
    shop.serve(bad=100)
    slos.wait_for_state("Exhausted")
    operator.write_config(good)
    wait_until(lambda: operator.metric("backstop_config_valid") == 1.0, 20.0, describe="the good file to be taken")


def test_it_stops_cleanly_on_sigterm_and_gives_the_lease_back(cluster, slos, operator):
    wait_until(lambda: operator.metric("backstop_leader") == 1.0, 20.0, describe="the replica to lead")
    assert operator.kill(signal.SIGTERM) == 0
    lease = cluster.get("lease", "backstop-leader", "-n", slos.namespace)
    assert not lease["spec"].get("holderIdentity")


def test_a_workload_that_is_down_speaks_for_a_silent_sli(cluster, slos, operator):
    pod = {"containers": [{"name": "app", "image": "localhost/does-not-exist:1", "imagePullPolicy": "Never"}]}
    labels = {"app": "checkout"}
    cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "checkout", "namespace": slos.namespace},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
    )
    silent = {"ratio": {"bad": "never_written_errors_total", "total": "never_written_total"}}
    slos.apply("witnessed", indicator=silent, workload={"deployment": "checkout"})
    slos.apply("alone", indicator=silent)
    slos.wait_for_state("AtRisk", "witnessed")
    healthy = slos.wait_for_condition("WorkloadHealthy", "False", "NoReadyEndpoint", "witnessed")
    assert "2" in healthy["message"]
    assert slos.condition("BudgetHealthy", "witnessed")["status"] == "False"
    slos.wait_for_state("Unknown", "alone")
