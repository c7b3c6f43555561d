"""`backstop run` as a process: the real API server, a real Prometheus, and the ways in which they fail."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.cluster.client import Cluster
from tests.cluster.waiting import wait_until
from tests.prometheus_server import free_port

ROOT = Path(__file__).resolve().parents[2]
BACKSTOP = Path(sys.executable).parent / "backstop"


class OperatorProcess:
    """One replica. `start` and `kill` may follow each other; the log file goes on."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        *,
        namespaces: Sequence[str],
        sources: Sequence[Mapping[str, Any]],
        notifications: Mapping[str, Any] | None = None,
        admission: Mapping[str, Any] | None = None,
    ) -> None:
        self._cluster = cluster
        self._namespaces = list(namespaces)
        self._notifications = dict(notifications or {})
        self._admission = dict(admission or {})
        self._port = free_port()
        self.log = folder / "operator.log"
        self.config = folder / "config.yaml"
        self.ledger = folder / "ledger"  # of the checkpoint
        self._process: subprocess.Popen[bytes] | None = None
        self.ledger.mkdir(parents=True, exist_ok=True)
        self.configure(sources=sources)

    def configure(self, *, sources: Sequence[Mapping[str, Any]], checkpoint: Mapping[str, Any] | None = None) -> None:
        """Write the configuration file; a running operator takes it within seconds."""
        self.write_config(
            yaml.safe_dump(
                {
                    "sources": [dict(source) for source in sources],
                    "watch": {"namespaces": self._namespaces},
                    "leaderElection": {"leaseDuration": "3s", "renewEvery": "1s"},
                    "status": {"minimumInterval": "1s"},
                    "checkpoint": dict(checkpoint or {}),
                    "web": {"host": "127.0.0.1", "port": self._port},
                    "notifications": self._notifications,
                    "admission": self._admission,
                    "logging": {"format": "console"},
                }
            )
        )

    def write_config(self, text: str) -> None:
        """Replace the file atomically, as a ConfigMap volume does."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.config)

    def start(self) -> None:
        """Start and return when it is ready."""
        command = [
            BACKSTOP, "run", "--config", self.config, "--kubeconfig", self._cluster.kubeconfig,
            "--namespace", self._namespaces[0],
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_until(self._ready, 120.0, describe=f"the operator to be ready; log:\n{self.tail()}")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """End the process and return its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(how)
        code = self._process.wait(timeout=120)
        self._process = None
        return code

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def metrics(self) -> str:
        return requests.get(f"http://127.0.0.1:{self._port}/metrics", timeout=60).text

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the value of one series of the operator's own metrics, None when there is none."""
        for line in self.metrics().splitlines():
            if line.startswith(name) and all(f'{key}="{value}"' for key, value in labels.items() if key):
                head, _, value = line.rpartition(" ")
                if head.partition("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                    return float(value)
        return None

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8")[-4000:] if self.log.exists() else ""

    def _ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the operator ended with {self._process.returncode}:\n{self.tail()}")
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/readyz", timeout=1).ok
        except requests.RequestException:
            return False


def slo_manifest(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """Return an SLO on `requests_total`, five-minute window, fast evaluation; `spec` replaces fields."""
    known: dict[str, Any] = {
        "target": 99,
        "windows": [{"name": "5m", "rolling": "5m"}],
        "indicator": {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}},
        "evaluation": {"interval": "1s", "staleAfter": "10s"},
    }
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": name, "namespace": namespace},
        "spec": known | spec,
    }


class Slos:
    """The SLOs of one namespace, as kubectl shows them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def apply(self, name: str = "checkout", **spec: Any) -> None:
        self.cluster.apply(slo_manifest(name, self.namespace, **spec))

    def status(self, name: str = "checkout") -> dict[str, Any]:
        found = self.cluster.get("slos.backstop.dev", name, "-n", self.namespace)
        status: dict[str, Any] = found.get("status") or {}
        return status

    def condition(self, kind: str, name: str = "checkout") -> dict[str, Any]:
        return next((c for c in self.status(name).get("conditions", ()) if c["type"] == kind), {})

    def wait_for_state(self, state: str, name: str = "checkout", *, seconds: float = 40.0) -> dict[str, Any]:
        """Wait for a state and return the status that has it."""
        wait_until(
            lambda: self.status(name).get("state") == state,
            seconds,
            describe=f"state {state} of {name}; status: {json.dumps(self.status(name), indent=1)}",
        )
        return self.status(name)

    def wait_for_condition(
        self, kind: str, status: str, reason: str, name: str = "checkout", *, seconds: float = 40.0
    ) -> dict[str, Any]:
        def there() -> bool:
            condition = self.condition(kind, name)
            return (condition.get("status"), condition.get("reason")) == (status, reason)

        wait_until(there, seconds, describe=f"{kind}={status} ({reason}) of {name}")
        return self.condition(kind, name)


def status_writes(cluster: Cluster, namespace: str) -> int:
    """Return how many status writes of SLOs in a namespace the API server has audited so far."""
    count = 0
    with cluster.audit_log.open(encoding="utf-8") as lines:
        for line in lines:
            if '"slos"' not in line or namespace not in line:
                continue
            ref = json.loads(line).get("objectRef", {})
            count += ref.get("namespace") == namespace and ref.get("subresource") == "status"
    return count


@contextmanager
def operator_running(operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """Start an operator and end it, whatever happens."""
    operator.start()
    try:
        yield operator
    finally:
        operator.kill()
