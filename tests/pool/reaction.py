"""How soon a full database is an incident, and how soon somebody hears of it: python -m tests.pool.reaction --runs 20

Everything is real and on this machine: PostgreSQL, its exporter, a Prometheus that scrapes every 15 s, the API server
of the test cluster, `backstop run`, and a receiver of webhooks. Each run has a policy of its own, so that it opens an
incident of its own, and begins at another moment between two scrapes.
"""

import argparse
import base64
import contextlib
import json
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster.client import Cluster
from tests.cluster.waiting import WaitTimeout, wait_until
from tests.generators.registry import REPOSITORY
from tests.install.opened import open_cluster
from tests.operator.harness import OperatorProcess, operator_running
from tests.operator.receiver import KEY, WebhookReceiver
from tests.pool.postgres import PostgresExporter, PostgresServer
from tests.prometheus_server import PrometheusServer

EXAMPLE: Final = REPOSITORY / "manifests" / "examples" / "pool-exhaustion"
SCRAPE_SECONDS: Final = 15
SECONDS: Final = 120.0  # for what takes a scrape and a few moments, also on a loaded machine
POLL_SECONDS: Final = 0.05
INCIDENT_SECONDS: Final = 30.0  # what is promised, from the moment at which the pool is full
RECEIPT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Reaction:
    """Seconds from the last connection taken to the incident in the API, and to the message at the receiver."""

    incident: float
    receipt: float


class Stage:
    """A database, an operator that watches it through Prometheus, and who is told."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        *,
        database: PostgresServer,
        prometheus: PrometheusServer,
        receiver: WebhookReceiver,
        operator: OperatorProcess,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._database = database
        self._prometheus = prometheus
        self.receiver = receiver
        self._operator = operator

    def prepare(self) -> None:
        """Apply the example's channel, with a key, and with the receiver as its address."""
        channel = yaml.safe_load((EXAMPLE / "notification-channel.yaml").read_text())
        secret = channel["spec"]["webhook"]["secretRef"]
        channel["metadata"]["namespace"] = self._namespace
        channel["spec"]["webhook"]["url"] = self.receiver.url
        key = {secret["key"]: base64.b64encode(KEY).decode()}
        metadata = {"name": secret["name"], "namespace": self._namespace}
        self._cluster.apply([{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": key}, channel])

    def react(self, name: str, *, after_seconds: float) -> Reaction:
        """Fill the database once, so long after its rules were found to be quiet, and wait for what follows."""
        policy = yaml.safe_load((EXAMPLE / "alert-policy.yaml").read_text())
        policy["metadata"] |= {"name": name, "namespace": self._namespace}
        self._cluster.apply(policy)
        try:
            wait_until(lambda: self._status(name).get("state") == "Quiet", SECONDS, describe=f"{name} is quiet")
        except WaitTimeout as late:
            raise AssertionError(self._told(name)) from late
        time.sleep(after_seconds)
        with self._database.exhausted():
            full = time.monotonic()
            told = len(self.receiver.about("Opened"))
            incident = receipt = 0.0
            while not (incident and receipt):
                now = time.monotonic() - full
                assert now < SECONDS, f"{incident=} {receipt=} {self._told(name)}"
                if not receipt and len(self.receiver.about("Opened")) > told:
                    receipt = now
                if not incident and self._incidents(name):
                    incident = time.monotonic() - full
                time.sleep(POLL_SECONDS)
        self._cluster.kubectl("delete", "alertpolicy", name, "-n", self._namespace)
        self._cluster.kubectl("delete", "incidents", "--all", "-n", self._namespace)
        expression = "sum(pg_stat_activity_count)"
        wait_until(lambda: (self._prometheus.value(expression) or 99) < 5, SECONDS, describe="connections are free")
        return Reaction(incident, receipt)

    def _told(self, name: str) -> str:
        return f"status: {json.dumps(self._status(name))}\nlog: {self._operator.tail()}"

    def _status(self, name: str) -> dict[str, Any]:
        found = self._cluster.get("alertpolicies.backstop.dev", name, "-n", self._namespace)
        status: dict[str, Any] = found.get("status") or {}
        return status

    def _incidents(self, name: str) -> list[str]:
        items = self._cluster.get("incidents.backstop.dev", "-n", self._namespace)["items"]
        return [item["metadata"]["name"] for item in items if item["metadata"]["name"].startswith(name)]


@contextlib.contextmanager
def stage(cluster: Cluster, namespace: str, folder: Path) -> Iterator[Stage]:
    """Start everything, and end it."""
    with contextlib.ExitStack() as undo:
        database = undo.enter_context(PostgresServer(max_connections=20))
        exporter = undo.enter_context(PostgresExporter(database))
        prometheus = PrometheusServer(
            folder / "prometheus", targets={"postgres": exporter.target}, scrape_interval=f"{SCRAPE_SECONDS}s"
        )
        undo.callback(prometheus.stop)
        prometheus.start()
        receiver = WebhookReceiver()
        undo.callback(receiver.close)
        operator = OperatorProcess(
            cluster,
            folder / "operator",
            namespaces=[namespace],
            sources=[{"name": "default", "url": prometheus.url, "timeout": "5s"}],
            notifications={"allowedHostsWithoutTls": ["127.0.0.1"], "allowedNetworks": ["127.0.0.0/8"]},
        )
        undo.enter_context(operator_running(operator))
        built = Stage(
            cluster, namespace, database=database, prometheus=prometheus, receiver=receiver, operator=operator
        )
        built.prepare()
        yield built


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    return sorted(values)[max(0, -(-int(share * 100) * len(values) // 100) - 1)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    cluster, moments = open_cluster(), random.Random(5)
    namespace = f"pool-{secrets.token_hex(3)}"
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", REPOSITORY / "crds")
    cluster.kubectl("create", "namespace", namespace)
    found = []
    try:
        with tempfile.TemporaryDirectory() as folder, stage(cluster, namespace, Path(folder)) as set_up:
            for number in range(runs):
                found.append(set_up.react(f"pool-{number}", after_seconds=moments.uniform(0, SCRAPE_SECONDS)))
                print(f"{number + 1:3}  incident {found[-1].incident:5.1f} s  receipt {found[-1].receipt:5.1f} s")
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    kept = True
    for what, limit in (("incident", INCIDENT_SECONDS), ("receipt", RECEIPT_SECONDS)):
        values = [getattr(each, what) for each in found]
        p50, p99 = quantile(values, 0.5), quantile(values, 0.99)
        kept = kept and p99 <= limit
        print(f"{what}: p50 {p50:.1f} s, p99 {p99:.1f} s of {runs} runs; promised {limit:g} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
