"""Groups and composites as kubectl shows them: real API server, real Prometheus, `backstop run` as a process."""

import json
import subprocess

import pytest

from tests.cluster.waiting import wait_until
from tests.operator.harness import BACKSTOP, slo_manifest

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus]


def serve(shop, *requests):
    """Count requests given as (region, code, count), after a scrape has seen the counters as they were before."""
    shop.exporter.wait_for_scrapes()
    for region, code, count in requests:
        shop.exporter.add("requests_total", count, region=region, code=code)
    shop.exporter.wait_for_scrapes()


def shown(slos, name):
    """Return what `backstop get --parts` prints of an SLO, line by line."""
    command = [BACKSTOP, "get", name, "--parts", "-n", slos.namespace, "--kubeconfig", slos.cluster.kubeconfig]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line.split() for line in done.stdout.splitlines()]


def test_groups_are_judged_apart_shown_worst_first_and_may_come_later(slos, shop, operator):
    regions = ("eu", "us", 'quo"ted\nand long ' + "x" * 300)
    for region in regions:
        for code in ("200", "500"):
            shop.exporter.set("requests_total", 0, region=region, code=code)
    slos.apply(groupBy=["region"])
    slos.wait_for_state("Healthy", seconds=60)  # known time without events
    serve(shop, *((region, "200", 1000) for region in regions), ("us", "500", 20))
    wait_until(
        lambda: (slos.status().get("groups") or [{}])[0].get("state") == "Exhausted",
        40.0,
        describe=f"the group us to be exhausted: {json.dumps(slos.status().get('groups'), indent=1)}",
    )
    status = slos.status()
    assert (status["state"], status["groupCount"]) == ("Healthy", 3)
    assert status["groups"][0] == {
        "labels": {"region": "us"},
        "state": "Exhausted",
        "sli": pytest.approx(100 * 1000 / 1020, abs=1e-4),
        "consumedPercent": pytest.approx(20 / 1020 / 0.01 * 100, abs=0.01),
        "remainingPercent": pytest.approx(100 - 20 / 1020 / 0.01 * 100, abs=0.01),
        "goodEvents": 1000,
        "badEvents": 20,
        "burnRate1h": pytest.approx(20 / 1020 / 0.01, abs=0.01),
    }
    long = max((group["labels"]["region"] for group in status["groups"]), key=len)
    assert (len(long), long[:9]) == (128, regions[-1][:9])
    assert shown(slos, "checkout")[2][0] == "region=us"
    labels = {"slo": "checkout", "group_region": "us", "window": "5m"}
    assert operator.metric("backstop_group_error_budget_remaining_ratio", **labels) == pytest.approx(-0.96, abs=0.01)
    shop.exporter.set("requests_total", 0, region="new", code="200")
    serve(shop, ("new", "200", 500))
    wait_until(lambda: slos.status()["groupCount"] == 4, 40.0, describe="the group that came later")
    slos.cluster.kubectl("delete", "slo", "checkout", "-n", slos.namespace)
    wait_until(lambda: "group_region" not in operator.metrics(), 20.0, describe="the groups' series to vanish")


def test_a_composite_follows_its_components_and_says_what_is_missing(slos, shop, operator):
    def composite(*names):
        return {"composite": {"components": [{"slo": name} for name in names]}}

    ratio = {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}}
    slos.apply("whole", indicator=composite("works", "fast"), target=90)
    ready = slos.wait_for_condition("Ready", "False", "ComponentMissing", "whole")
    assert ready["message"].startswith("spec.indicator.composite.components[0].slo: no SLO is named 'works'")
    shop.exporter.set("requests_total", 0, code="500")
    slos.apply("works", indicator=ratio)
    slos.apply("fast", indicator={"boolean": {"metric": "healthy"}})
    shop.exporter.set("healthy", 1)
    shop.serve(good=1000)
    slos.wait_for_state("Healthy", "whole", seconds=60)
    shop.serve(bad=1000)
    # Half of the components fails all requests of some seconds of one minute.
    wait_until(
        lambda: slos.status("whole")["windows"][0].get("remainingPercent", 100) < 100,
        40.0,
        describe="the composite's budget to be spent",
    )
    names = [line[0] for line in shown(slos, "whole")]
    assert names == ["NAME", "whole", "works", "fast"]
    slos.apply("works", indicator=composite("whole"))
    ready = slos.wait_for_condition("Ready", "False", "Invalid", "whole")
    assert "leads back to itself: whole → works → whole" in ready["message"]
    slos.apply("works", indicator=ratio)
    slos.wait_for_condition("Ready", "True", "Evaluated", "whole", seconds=60)
    slos.cluster.kubectl("delete", "slo", "fast", "-n", slos.namespace)
    slos.wait_for_condition("Ready", "False", "ComponentMissing", "whole")
    assert slos.status("whole")["lastKnown"]["state"] in ("Healthy", "AtRisk", "Exhausted")


def test_what_kubectl_applies_at_once_in_the_wrong_order_is_never_called_missing(slos, shop, operator):
    shop.serve(good=1000)
    manifests = [
        slo_manifest("a-whole", slos.namespace, indicator={"composite": {"components": [{"slo": "b"}, {"slo": "c"}]}}),
        slo_manifest("b", slos.namespace),
        slo_manifest("c", slos.namespace),
    ]
    slos.cluster.apply(manifests)
    slos.wait_for_state("Healthy", "a-whole", seconds=60)
    events = slos.cluster.get("events", "-n", slos.namespace)["items"]
    assert [event["message"] for event in events if "no SLO is named" in (event.get("message") or "")] == []
