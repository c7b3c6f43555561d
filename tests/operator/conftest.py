import signal
import time

import pytest

from tests.cluster.client import Cluster
from tests.operator.harness import ROOT, OperatorProcess, Slos
from tests.prometheus_server import Exporter, PrometheusServer


@pytest.fixture(scope="session")
def crds(cluster: Cluster) -> None:
    """The resource definitions, and nobody else who writes statuses."""
    cluster.kubectl("delete", "deployment", "backstop", "-n", "backstop-system", "--ignore-not-found", "--wait=true")
    # Without its pods, the webhook of a release would refuse everything that tests apply.
    cluster.kubectl("delete", "validatingwebhookconfiguration", "backstop", "--ignore-not-found")
    cluster.kubectl("delete", "validatingadmissionpolicybinding", "backstop-records", "--ignore-not-found")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", ROOT / "crds")
    cluster.wait("crd/slos.backstop.dev", "--for=condition=Established")


@pytest.fixture
def slos(cluster: Cluster, crds: None, namespace: str) -> Slos:
    return Slos(cluster, namespace)


@pytest.fixture
def shop(tmp_path):
    """An application under steady load and a Prometheus of its own that scrapes it each second."""
    exporter = Exporter()
    server = PrometheusServer(tmp_path / "prometheus", targets={"app": exporter.target})
    exporter.set("requests_total", 0, code="200")
    exporter.set("process_start_time_seconds", time.time())
    server.start()
    yield Shop(exporter, server)
    server.stop(how=signal.SIGKILL)
    exporter.close()


class Shop:
    def __init__(self, exporter: Exporter, prometheus: PrometheusServer) -> None:
        self.exporter = exporter
        self.prometheus = prometheus

    def remember_silence(self, *, minutes: int) -> None:
        """Give the application a past without requests, so that a window begins fully known."""
        now = time.time()
        labels = {"code": "200", "job": "app", "instance": self.exporter.target}
        self.prometheus.write("requests_total", labels, [(now - s, 0.0) for s in range(minutes * 60, 5, -5)])

    def serve(self, good: int = 0, bad: int = 0) -> None:
        """Count requests, after a scrape has seen the counters as they were before."""
        self.exporter.wait_for_scrapes()
        self.exporter.add("requests_total", good, code="200")
        if bad:
            self.exporter.add("requests_total", bad, code="500")
        self.exporter.wait_for_scrapes()


@pytest.fixture
def operator(cluster: Cluster, slos: Slos, shop: Shop, tmp_path):
    built = OperatorProcess(
        cluster,
        tmp_path / "operator",
        namespaces=[slos.namespace],
        sources=[{"name": "default", "url": shop.prometheus.url, "timeout": "2s"}],
    )
    built.start()
    yield built
    built.kill()
