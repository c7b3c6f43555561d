"""From a failing service to an answered incident: real API server, real Prometheus, a receiver on loopback."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.client import Cluster
from tests.cluster.waiting import wait_until
from tests.operator.harness import OperatorProcess, Slos
from tests.operator.receiver import KEY, WebhookReceiver

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus]

SECONDS = 120.0  # all of this takes a few; a loaded machine takes longer
FAST = {
    "name": "fast",
    "severity": "P0",
    "when": {"burnRate": {"long": "10m", "short": "1m", "factor": 5}},
    "notify": ["team"],
}


@pytest.fixture
def receiver():
    built = WebhookReceiver()
    yield built
    built.close()


@pytest.fixture
def operator(cluster, slos, shop, tmp_path):
    """An operator that may send to loopback, started by the test."""
    built = OperatorProcess(
        cluster,
        tmp_path / "operator",
        namespaces=[slos.namespace],
        sources=[{"name": "default", "url": shop.prometheus.url, "timeout": "2s"}],
        notifications={"allowedHostsWithoutTls": ["127.0.0.1"], "allowedNetworks": ["127.0.0.0/8"]},
    )
    yield built
    built.kill()


class Alerting:
    """An SLO, a policy and a channel in one namespace, and what came of them."""

    def __init__(self, slos: Slos, receiver: WebhookReceiver) -> None:
        self.slos = slos
        self.cluster: Cluster = slos.cluster
        self.namespace = slos.namespace
        self._receiver = receiver

    def apply(self, *rules: dict[str, Any], **spec: Any) -> None:
        key = {"name": "signing", "namespace": self.namespace}
        webhook = {"url": self._receiver.url, "secretRef": {"name": "signing", "key": "key"}}
        self.cluster.apply(
            [
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": key,
                    "data": {"key": base64.b64encode(KEY).decode()},
                },
                self._body("NotificationChannel", "team", {"webhook": webhook}),
                self._body("AlertPolicy", "shop", {"rules": list(rules or (FAST,)), **spec}),
            ]
        )
        self.slos.apply(windows=[{"name": "1h", "rolling": "1h"}])

    def policy(self) -> dict[str, Any]:
        return self.cluster.get("alertpolicies.backstop.dev", "shop", "-n", self.namespace).get("status") or {}

    def incidents(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.cluster.get("incidents.backstop.dev", "-n", self.namespace)["items"]
        return items

    def incident(self) -> dict[str, Any]:
        """The only one; fails when there are more."""
        (found,) = self.incidents()
        return found

    def wait(self, what: str, condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
        return wait_until(
            condition, seconds, describe=f"{what}; policy: {self.policy()}; incidents: {self.incidents()}"
        )

    def wait_for_incident(
        self, state: str, seconds: float = SECONDS, *, meanwhile: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Wait until there is one incident, in this state; `meanwhile` happens again and again."""

        def there() -> dict[str, Any] | None:
            meanwhile()
            found = self.incidents()
            return found[0] if len(found) == 1 and (found[0].get("status") or {}).get("state") == state else None

        found: dict[str, Any] = self.wait(f"an incident that is {state}", there, seconds)
        return found

    def _body(self, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "backstop.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def alerting(slos, receiver):
    return Alerting(slos, receiver)


def break_shop(shop, slos):
    """Let half of the requests of an hour's silence fail."""
    shop.remember_silence(minutes=60)
    shop.serve(good=1000)
    slos.wait_for_condition("DataAvailable", "True", "SamplesFresh", seconds=SECONDS)
    shop.serve(good=500, bad=500)


def test_a_failing_service_opens_one_incident_that_is_told_answered_and_closed_with_proof(
    alerting, slos, shop, operator, receiver
):
    operator.start()
    alerting.apply()
    break_shop(shop, slos)
    name = alerting.wait_for_incident("Open")["metadata"]["name"]
    assert name.startswith("shop-")
    alerting.wait("the receiver to hear of it", lambda: receiver.about("Opened"))
    message = receiver.about("Opened")[0]
    assert (message["incident"]["name"], message["incident"]["severity"]) == (name, "P0")
    assert alerting.policy()["state"] == "Firing"
    alerting.wait("the policy to name it", lambda: alerting.policy()["alerts"][0].get("incident") == name)
    slos.wait_for_state("Exhausted")

    me = slos.cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    slos.cluster.kubectl("annotate", "incident", name, "-n", alerting.namespace, f"backstop.dev/acknowledged-by={me}")
    status = alerting.wait_for_incident("Acknowledged")["status"]
    assert status["acknowledgedBy"] == me

    status = alerting.wait_for_incident("Resolved", 2 * SECONDS, meanwhile=lambda: shop.serve(good=50))["status"]
    assert "checkout" in status["resolution"] or "fast" in status["resolution"]
    assert status["review"]["resolveSeconds"] > 0
    alerting.wait("the receiver to hear that it is over", lambda: receiver.about("Resolved"))
    assert len(receiver.about("Opened")) == 1
    assert len(alerting.incidents()) == 1
    alerting.wait("the policy to be quiet", lambda: alerting.policy()["state"] == "Quiet")


def test_kill_9_at_every_stored_transition_opens_one_incident_and_loses_nothing(
    alerting, slos, shop, operator, receiver
):
    def restart() -> None:
        operator.kill()
        operator.start()

    operator.start()
    alerting.apply()
    receiver.refusing = True
    break_shop(shop, slos)
    alerting.wait("the alert to be stored", lambda: alerting.policy().get("state") == "Firing")
    restart()
    name = alerting.wait("an incident", alerting.incidents)[0]["metadata"]["name"]
    restart()
    alerting.wait_for_incident("Open")
    restart()

    def attempts() -> list[int]:
        return [n["attempts"] for n in alerting.incident()["status"].get("notifications", ()) if n.get("attempts")]

    alerting.wait("an attempt to tell to be stored", attempts)
    restart()
    receiver.refusing = False
    alerting.wait("the receiver to hear of it", lambda: receiver.about("Opened"))
    restart()
    me = slos.cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    slos.cluster.kubectl("annotate", "incident", name, "-n", alerting.namespace, f"backstop.dev/acknowledged-by={me}")
    alerting.wait_for_incident("Acknowledged")
    restart()
    alerting.wait_for_incident("Resolved", 2 * SECONDS, meanwhile=lambda: shop.serve(good=50))
    restart()
    alerting.wait("the receiver to hear that it is over", lambda: receiver.about("Resolved"))
    assert [each["metadata"]["name"] for each in alerting.incidents()] == [name]
    assert len(receiver.about("Opened")) == 1
    told = alerting.incident()["status"]["timeline"]
    assert [entry["kind"] for entry in told].count("Opened") == 1
    assert [entry["kind"] for entry in told].count("Acknowledged") == 1


def test_prometheus_away_neither_opens_nor_closes_an_incident_and_no_data_speaks_of_it(
    alerting, slos, shop, operator, receiver
):
    blind = {"name": "blind", "severity": "P1", "when": {"noData": {"for": "20s"}}, "notify": ["team"]}
    operator.start()
    alerting.apply(FAST, blind, incidentBy="rule")
    break_shop(shop, slos)
    alerting.wait("the burn to be told", lambda: len(receiver.about("Opened")) == 1)
    shop.prometheus.stop()

    def states() -> dict[str, str]:
        return {
            alert["rule"]: (each.get("status") or {}).get("state", "")
            for each in alerting.incidents()
            for alert in (each.get("status") or {}).get("alerts", ())
        }

    alerting.wait("noData to open its own incident", lambda: states() == {"fast": "Open", "blind": "Open"})
    shop.prometheus.start()
    alerting.wait("noData to be over", lambda: states().get("blind") == "Resolved")
    assert states()["fast"] == "Open"
