"""What a user sees of an SLO from apply to delete: real API server, real Prometheus, `backstop run` as a process."""

import pytest

from tests.cluster.waiting import wait_until
from tests.operator.harness import slo_manifest

SEVERAL = "increase(requests_total[$window])"

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus]


def test_an_slo_shows_its_numbers_and_follows_the_application(slos, shop, operator):
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    shop.serve(bad=8)
    status = slos.wait_for_state("AtRisk")
    window = status["windows"][0]
    assert (window["goodEvents"], window["badEvents"]) == (990, 8)
    assert window["sli"] == pytest.approx(100 * 990 / 998, abs=1e-4)
    assert window["remainingPercent"] == pytest.approx(100 - 8 / 998 / 0.01 * 100, abs=0.01)
    assert status["burnRates"]["5m"] == pytest.approx(8 / 998 / 0.01, abs=0.01)
    shop.serve(bad=10)
    assert slos.wait_for_state("Exhausted")["windows"][0]["remainingPercent"] < 0
    shop.serve(good=10_000)
    slos.wait_for_state("Healthy")


def test_kubectl_get_answers_is_it_fine(slos, shop, operator):
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    header, row = slos.cluster.kubectl("get", "slo", "-n", slos.namespace).splitlines()
    assert header.split() == "NAME OBJECTIVE WINDOW SLI BURN (1H) REMAINING STATE REASON AGE".split()  # noqa: SIM905
    assert row.split()[:2] == ["checkout", "99"]
    assert "Healthy" in row


def test_state_changes_are_told_as_events(slos, shop, operator):
    shop.remember_silence(minutes=10)  # known from its beginning: no state but those of the budget
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    shop.serve(bad=100)
    slos.wait_for_state("Exhausted")

    def told() -> bool:
        events = slos.cluster.get("events", "-n", slos.namespace)["items"]
        return any("Healthy → Exhausted" in (event.get("message") or "") for event in events)

    wait_until(told, 20.0, describe="the Event of the state change")


def test_a_changed_target_keeps_the_data_and_a_changed_indicator_does_not(slos, shop, operator):
    shop.serve(good=980, bad=20)
    slos.apply()
    slos.wait_for_state("Exhausted")
    slos.apply(target=90)
    status = slos.wait_for_state("Healthy")
    assert status["windows"][0]["badEvents"] == 20
    only_good = {"ratio": {"bad": 'requests_total{code="599"}', "total": "requests_total"}}
    slos.apply(target=90, indicator=only_good)
    wait_until(lambda: slos.status()["windows"][0]["badEvents"] == 0, 30.0, describe="the new indicator's numbers")


def test_an_invalid_edit_is_refused_by_condition_and_the_next_valid_one_heals_it(slos, shop, operator):
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    slos.apply(indicator={"ratio": {"bad": "requests_total{", "total": "requests_total"}})
    ready = slos.wait_for_condition("Ready", "False", "Invalid")
    assert ready["message"].startswith("spec.indicator.ratio.bad: ")
    status = slos.status()
    assert (status["state"], status["lastKnown"]["state"]) == ("Unknown", "Healthy")
    slos.apply()
    slos.wait_for_state("Healthy")


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param({"source": "nowhere"}, "SourceUnknown", "spec.source: no source is named 'nowhere'", id="absent"),
        pytest.param({"source": "private"}, "SourceNotAllowed", "spec.source: source 'private' is not", id="forbidden"),
        pytest.param(
            {"workload": {"statefulSet": "db"}}, "NotSupportedYet", "spec.workload.statefulSet", id="not supported yet"
        ),
        pytest.param(
            {"indicator": {"query": {"bad": "rate(x)", "total": "sum(increase(x[$window]))"}}},
            "Invalid",
            "spec.indicator.query.bad",
            id="PromQL that does not parse",
        ),
        pytest.param(
            {"indicator": {"query": {"bad": "sum(increase(errors[$window]))", "total": SEVERAL}}},
            "SeveralSeries",
            "spec.indicator.query.total",
            id="several series where one is expected",
        ),
    ],
)  # fmt: skip
def test_what_the_schema_cannot_see_is_refused_by_condition_and_others_go_on(
    slos, shop, operator, spec, reason, message
):
    operator.configure(
        sources=[
            {"name": "default", "url": shop.prometheus.url, "timeout": "2s"},
            {"name": "private", "url": shop.prometheus.url, "allowedNamespaces": ["elsewhere"]},
        ]
    )
    shop.exporter.set("requests_total", 1, code="404")
    shop.serve(good=990)
    slos.apply("fine")
    slos.apply("wrong", **spec)
    ready = slos.wait_for_condition("Ready", "False", reason, "wrong")
    assert message in ready["message"]
    slos.wait_for_state("Healthy", "fine")


def test_the_same_name_in_two_namespaces_is_two_slos(cluster, slos, shop, operator, tmp_path, request):
    other = f"{slos.namespace}-b"
    cluster.kubectl("create", "namespace", other)
    try:
        operator.kill()
        operator._namespaces.append(other)
        operator.configure(sources=[{"name": "default", "url": shop.prometheus.url}])
        operator.start()
        shop.serve(good=980, bad=20)
        slos.apply()
        cluster.apply(slo_manifest("checkout", other, target=90))
        slos.wait_for_state("Exhausted")
        wait_until(
            lambda: (cluster.get("slo", "checkout", "-n", other).get("status") or {}).get("state") == "Healthy",
            30.0,
            describe="the other namespace's SLO to be Healthy",
        )
    finally:
        cluster.kubectl("delete", "namespace", other, "--wait=false")


def test_a_deleted_slo_leaves_no_series_and_a_renamed_one_begins_anew(slos, shop, operator):
    shop.serve(good=990)
    slos.apply("old-name")
    slos.wait_for_state("Healthy", "old-name")
    slos.cluster.kubectl("delete", "slo", "old-name", "-n", slos.namespace)
    slos.apply("new-name")
    slos.wait_for_state("Healthy", "new-name")
    wait_until(lambda: "old-name" not in operator.metrics(), 20.0, describe="the deleted SLO's series to vanish")
    assert 'slo="new-name"' in operator.metrics()
