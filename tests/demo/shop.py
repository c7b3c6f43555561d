"""The checkout application in the cluster: installed, told how to behave, asked what it counted, put under load.

Pods are reached through the API server's proxy, which works for every kind of cluster.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.paths import REPOSITORY
from tests.cluster.progress import Progress
from tests.install.apply import apply
from tests.install.monitoring import with_image
from tests.install.release import IMAGE_VARIABLE
from tests.install.rollout import wait_for_deployment

APP = REPOSITORY / "tests" / "demo" / "app"
SHOP = "shop"
COLORS = ("blue", "green")
PORT = 8080


@dataclass(frozen=True, slots=True)
class Counted:
    """What the application itself counted, over all its pods."""

    good: int
    bad: int
    fast: int
    slow: int

    @property
    def total(self) -> int:
        return self.good + self.bad


@dataclass(frozen=True, slots=True)
class Shop:
    """The application in one namespace of a cluster."""

    cluster: Cluster
    namespace: str = SHOP

    def install(self, progress: Progress) -> None:
        """Bring both colours up. Raises ClusterError with events and logs."""
        with progress.step("checkout application") as step:
            apply(self.cluster, *self._objects(self.cluster.kubectl("kustomize", APP)))
            for color in COLORS:
                wait_for_deployment(self.cluster, self.namespace, f"checkout-{color}", note=step.note)

    def remove(self) -> None:
        """Delete the namespace and everything in it, SLOs included."""
        self.cluster.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=120s")

    def start_load(self, *, rate: int, seconds: int) -> None:
        """Start the bounded load; one that runs is replaced."""
        self.stop_load()
        (job,) = self._objects((APP / "load.yaml").read_text())
        job["spec"]["activeDeadlineSeconds"] = seconds + 60
        (container,) = job["spec"]["template"]["spec"]["containers"]
        told = {"TARGET": "http://checkout/checkout", "RATE": str(rate), "SECONDS": str(seconds)}
        container["env"] = [{"name": name, "value": value} for name, value in told.items()]
        apply(self.cluster, job)

    def stop_load(self) -> None:
        self.cluster.kubectl(
            "delete", "job/load", f"--namespace={self.namespace}", "--ignore-not-found", "--cascade=foreground",
            "--timeout=60s",
        )  # fmt: skip

    def behave(self, **control: float) -> None:
        """Tell every pod of both colours how to behave: failureRatio, slowRatio, latencySeconds."""
        for pod in self.pods():
            self.cluster.kubectl("create", "--raw", self._proxy(pod, "control"), "-f", "-", stdin=json.dumps(control))

    def counted(self) -> Counted:
        """Return what the running pods counted since they started."""
        answers = [
            json.loads(self.cluster.kubectl("get", "--raw", self._proxy(pod, "counters"))) for pod in self.pods()
        ]
        return Counted(**{name: sum(answer[name] for answer in answers) for name in ("good", "bad", "fast", "slow")})

    def pods(self) -> list[str]:
        """Return the names of the running pods. Raises ClusterError when there is none."""
        found = self.cluster.get("pods", f"--namespace={self.namespace}", "--selector=app=checkout")["items"]
        names = [
            pod["metadata"]["name"]
            for pod in found
            if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
        ]
        if not names:
            raise ClusterError(f"no pod of the checkout application runs in namespace {self.namespace}")
        return names

    def _proxy(self, pod: str, path: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{PORT}/proxy/{path}"

    def _objects(self, text: str) -> list[dict[str, Any]]:
        """Return a manifest's objects, in our namespace and with the image that is used here."""
        objects = [_moved(item, self.namespace) for item in yaml.safe_load_all(text)]
        image = os.environ.get(IMAGE_VARIABLE)
        if image:
            for container in ("checkout", "load"):
                objects = with_image(objects, container, image)
        return objects


def _moved(item: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    metadata = dict(item["metadata"])
    if item["kind"] == "Namespace":
        metadata["name"] = namespace
    else:
        metadata["namespace"] = namespace
    return {**item, "metadata": metadata}
