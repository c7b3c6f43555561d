"""A MaintenanceWindow from apply to delete: real API server, real Prometheus, `backstop run` as a process."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cluster.waiting import wait_until
from tests.operator.harness import Slos

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus]


def instant(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


class Windows:
    """The maintenance windows of one namespace, as kubectl shows them."""

    def __init__(self, slos: Slos) -> None:
        self.cluster, self.namespace = slos.cluster, slos.namespace

    def apply(self, name: str = "upgrade", **spec: Any) -> None:
        body = {
            "apiVersion": "backstop.dev/v1alpha1",
            "kind": "MaintenanceWindow",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"slos": {"names": ["checkout"]}} | spec,
        }
        self.cluster.apply(body)

    def status(self, name: str = "upgrade") -> dict[str, Any]:
        return self.cluster.get("mw", name, "-n", self.namespace).get("status") or {}

    def wait_for_state(self, state: str, name: str = "upgrade", *, seconds: float = 40.0) -> dict[str, Any]:
        wait_until(
            lambda: self.status(name).get("state") == state,
            seconds,
            describe=f"state {state} of {name}; status: {json.dumps(self.status(name), indent=1)}",
        )
        return self.status(name)

    def delete(self, name: str = "upgrade") -> None:
        self.cluster.kubectl("delete", "mw", name, "-n", self.namespace)


@pytest.fixture
def windows(slos):
    return Windows(slos)


def bad_minutes(shop, *, ago: tuple[float, float]) -> None:
    """Give the application a past: ten minutes of 10 requests a second, of which some were bad for a while."""
    now = time.time()
    begin, end = now - ago[0], now - ago[1]
    series = {"200": 0.0, "500": 0.0}
    written: dict[str, list[tuple[float, float]]] = {"200": [], "500": []}
    for back in range(1200, 5, -5):
        at = now - back
        bad = begin <= at < end
        series["500"] += 25 if bad else 0
        series["200"] += 25 if bad else 50
        for code, value in series.items():
            written[code].append((at, value))
    for code, samples in written.items():
        labels = {"code": code, "job": "app", "instance": shop.exporter.target}
        shop.prometheus.write("requests_total", labels, samples)
        shop.exporter.set("requests_total", samples[-1][1], code=code)


def test_a_correction_of_the_past_shows_what_it_excluded_and_its_deletion_restores_the_budget(
    slos, shop, operator, windows
):
    bad_minutes(shop, ago=(180, 120))
    slos.apply(windows=[{"name": "10m", "rolling": "10m"}])
    spent = slos.wait_for_state("Exhausted")["windows"][0]
    assert spent["badEvents"] == pytest.approx(300, abs=30)
    now = time.time()
    start, end = instant(now - 240), instant(now - 60)
    windows.apply(start=start, end=end)
    status = windows.wait_for_state("Over")
    assert status["past"] == [{"start": start, "end": end}]
    assert status["excludedSeconds"] == 180
    assert status["slos"] == {"count": 1, "names": ["checkout"]}
    assert status["conditions"][0]["reason"] == "InForce"
    rest = slos.wait_for_state("Healthy")["windows"][0]
    assert rest["badEvents"] == 0
    assert rest["excludedSeconds"] == pytest.approx(180, abs=1)
    windows.delete()
    restored = slos.wait_for_state("Exhausted")["windows"][0]
    assert restored["badEvents"] == pytest.approx(spent["badEvents"], abs=1)
    assert "excludedSeconds" not in restored


def test_what_fails_during_maintenance_spends_nothing_and_kubectl_shows_until_when(slos, shop, operator, windows):
    shop.remember_silence(minutes=10)
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    begin = time.time() - 60
    windows.apply(start=instant(begin), duration="1h")
    status = windows.wait_for_state("Active")
    assert status["active"] == {"start": instant(begin), "end": instant(begin + 3600)}
    wait_until(
        lambda: slos.status()["windows"][0].get("excludedSeconds", 0) > 0, 30.0, describe="the SLO to exclude time"
    )
    shop.serve(bad=500)
    header, row = slos.cluster.kubectl("get", "mw", "-n", slos.namespace).splitlines()
    assert header.split()[:3] == ["NAME", "STATE", "UNTIL"]
    assert row.split()[:3] == ["upgrade", "Active", instant(begin + 3600)]
    assert slos.status()["state"] != "Exhausted"
    windows.delete()
    slos.wait_for_state("Exhausted")


def test_a_selector_follows_the_labels_of_slos(slos, shop, operator, windows):
    bad_minutes(shop, ago=(180, 120))
    slos.apply(windows=[{"name": "10m", "rolling": "10m"}])
    slos.wait_for_state("Exhausted")
    now = time.time()
    windows.apply(slos={"matchLabels": {"team": "payments"}}, start=instant(now - 240), end=instant(now + 3600))
    wait_until(lambda: windows.status().get("reason") == "NothingMatches", 20.0, describe="the window to match nothing")
    slos.cluster.kubectl("label", "slo", "checkout", "team=payments", "-n", slos.namespace)
    wait_until(lambda: windows.status().get("slos") == {"count": 1, "names": ["checkout"]}, 20.0, describe="a match")
    wait_until(lambda: slos.status()["windows"][0]["badEvents"] == 0, 30.0, describe="the budget without those events")
    slos.cluster.kubectl("label", "slo", "checkout", "team-", "-n", slos.namespace)
    slos.wait_for_state("Exhausted")


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param(
            {"start": "2020-01-01T00:00:00Z", "duration": "1h"},
            "Invalid",
            "spec.start: reaches back",
            id="too far back",
        ),
        pytest.param(
            {"schedule": {"cron": "0 0 */27 2 SUN#5", "duration": "1h"}},
            "Invalid",
            "spec.schedule.cron: never comes",
            id="never",
        ),
        pytest.param(
            {"start": "2190-01-01T00:00:00Z", "duration": "1h", "freezeDeploys": True},
            "NotSupportedYet",
            "spec.freezeDeploys",
            id="not supported yet",
        ),
    ],
)
def test_what_the_schema_cannot_see_is_refused_by_condition_and_mended_by_an_edit(
    slos, operator, windows, spec, reason, message
):
    windows.apply(**spec)
    (ready,) = windows.wait_for_state("Refused")["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert message in ready["message"]
    windows.delete()
    windows.apply(start="2190-01-01T00:00:00Z", duration="1h")
    windows.wait_for_state("Scheduled")


def test_a_restart_shows_no_budget_without_what_is_excluded(slos, shop, operator, windows):
    bad_minutes(shop, ago=(180, 120))
    now = time.time()
    windows.apply(start=instant(now - 240), end=instant(now + 3600))
    slos.apply(windows=[{"name": "10m", "rolling": "10m"}])
    slos.wait_for_state("Healthy")
    operator.kill()
    operator.start()
    seen = set()
    end = time.monotonic() + 15

    def watched() -> bool:
        seen.add(slos.status()["state"])
        return time.monotonic() > end

    wait_until(watched, 60.0, describe="fifteen seconds of watching")
    assert seen == {"Healthy"}
    windows.wait_for_state("Active")
