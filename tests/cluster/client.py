"""The cluster as tests see it: its files, and its command-line clients with the right kubeconfig."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.paths import REPOSITORY, Paths
from tests.cluster.shell import direct_environment, run
from tests.cluster.state import Kind
from tests.cluster.waiting import wait_until

COMMAND_TIMEOUT_SECONDS = 120.0
LIFECYCLE_TIMEOUT_SECONDS = 3600.0  # the first `up` of a machine may build everything

Manifest = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is up. Failing commands raise ClusterError with what they said."""

    kubeconfig: Path
    bin: Path
    kind: Kind = Kind.LOCAL

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, one JSON object a line; writes only. Exists for the local cluster."""
        return Paths().audit_log

    def kubectl(
        self, *arguments: str | Path, stdin: str | None = None, timeout: float = COMMAND_TIMEOUT_SECONDS
    ) -> str:
        """Return what kubectl printed."""
        return self._client("kubectl", arguments, stdin, timeout)

    def helm(self, *arguments: str | Path, stdin: str | None = None, timeout: float = COMMAND_TIMEOUT_SECONDS) -> str:
        """Return what helm printed."""
        return self._client("helm", arguments, stdin, timeout)

    def get(self, *arguments: str) -> Any:
        """Return the parsed answer of `kubectl get ARGUMENTS -o json`."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, manifest: Manifest, *, namespace: str | None = None) -> str:
        """Apply YAML text, one object, or several; return what kubectl printed."""
        where = () if namespace is None else (f"--namespace={namespace}",)
        if isinstance(manifest, str):
            text = manifest
        else:
            objects = [manifest] if isinstance(manifest, Mapping) else list(manifest)
            text = yaml.safe_dump_all([dict(item) for item in objects])
        return self.kubectl(*where, "apply", "--server-side", "-f", "-", stdin=text)

    def wait(self, *arguments: str, timeout: float = 120.0) -> None:
        """Run `kubectl wait`; an object that does not exist yet is waited for, too."""
        kubectl_wait(self, *arguments, timeout=timeout)

    def load(self, archive: Path) -> None:
        """Load an OCI archive into the nodes."""
        manage("load", str(archive))

    def restart(self, component: str) -> None:
        """Restart a component of the local cluster and wait until it is ready."""
        manage("restart", component)

    def stop(self, component: str) -> None:
        manage("stop", component)

    def start(self, component: str) -> None:
        manage("start", component)

    def _client(self, program: str, arguments: Sequence[str | Path], stdin: str | None, timeout: float) -> str:
        base = direct_environment() if self.kind is not Kind.CURRENT else dict(os.environ)
        environment = {**base, "KUBECONFIG": str(self.kubeconfig)}
        return run([self.bin / program, *arguments], stdin=stdin, env=environment, timeout=timeout)


def kubectl_wait(cluster: Cluster, *arguments: str, timeout: float = 120.0) -> None:
    """Run `kubectl wait ARGUMENTS` until it succeeds, at most `timeout` seconds. Raises WaitTimeout.

    Plain `kubectl wait` fails at once for an object that does not exist yet; here that counts as "not yet".
    """

    def waited() -> bool:
        cluster.kubectl("wait", "--timeout=5s", *arguments)
        return True

    wait_until(waited, timeout, describe=f"kubectl wait {' '.join(arguments)}")


def manage(*arguments: str) -> str:
    """Run `python -m tests.cluster ARGUMENTS`, which becomes root where it must. Raises ClusterError."""
    return run([sys.executable, "-m", "tests.cluster", *arguments], cwd=REPOSITORY, timeout=LIFECYCLE_TIMEOUT_SECONDS)
