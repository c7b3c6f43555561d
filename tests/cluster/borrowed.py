"""The other kinds of cluster: one made by `kind` in Docker, and one that the user already has."""

import datetime as dt
import os
from pathlib import Path
from typing import Protocol

from tests.cluster.binaries import BinaryStore, link_programs
from tests.cluster.catalogue import clients
from tests.cluster.errors import ClusterError
from tests.cluster.paths import Paths
from tests.cluster.progress import Progress
from tests.cluster.settings import KIND_NAME
from tests.cluster.shell import run
from tests.cluster.state import Kind, State, write_state

CREATE_TIMEOUT_SECONDS = 600.0  # the first time, Docker pulls the node image


class ManagedCluster(Protocol):
    """What the commands ask of every kind of cluster."""

    def prepare(self) -> None: ...

    def up(self) -> None: ...

    def down(self) -> None: ...


class KindCluster:
    """A cluster in Docker, made by the `kind` command."""

    def __init__(self, progress: Progress, *, paths: Paths | None = None) -> None:
        self._progress = progress
        self._paths = paths or Paths()

    def prepare(self) -> None:
        """Fetch or build the clients."""
        prepare_clients(self._progress, self._paths)

    def up(self) -> None:
        """Create the cluster unless it exists, and write its kubeconfig."""
        with self._progress.step("kind cluster") as step:
            if KIND_NAME in run(["kind", "get", "clusters"]).split():
                step.note("it exists")
                write_private(self._paths.kubeconfig, run(["kind", "get", "kubeconfig", "--name", KIND_NAME]))
            else:
                run(
                    ["kind", "create", "cluster", "--name", KIND_NAME, "--wait", "180s",
                     "--kubeconfig", self._paths.kubeconfig],
                    timeout=CREATE_TIMEOUT_SECONDS,
                    hint="`docker ps` shows the node; `kind export logs` collects its logs",
                )  # fmt: skip
        write_state(self._paths.state, _state(Kind.KIND, f"kind-{KIND_NAME}"))

    def down(self) -> None:
        """Delete the cluster."""
        with self._progress.step("delete the kind cluster"):
            run(
                ["kind", "delete", "cluster", "--name", KIND_NAME, "--kubeconfig", self._paths.kubeconfig],
                timeout=CREATE_TIMEOUT_SECONDS,
            )
        forget(self._paths)


class CurrentCluster:
    """The cluster of the user's current context. It is used, and never changed or stopped."""

    def __init__(self, progress: Progress, *, paths: Paths | None = None) -> None:
        self._progress = progress
        self._paths = paths or Paths()

    def prepare(self) -> None:
        """Fetch or build the clients."""
        prepare_clients(self._progress, self._paths)

    def up(self) -> None:
        """Copy the current context, with its credentials, and ask the cluster whether it answers."""
        kubectl = self._paths.bin / "kubectl"
        with self._progress.step("the current context") as step:
            if self._paths.kubeconfig.exists():
                _check_reachable(kubectl, self._paths.kubeconfig)
                step.note("recorded before")
                return
            context = run([kubectl, "config", "current-context"], hint="set one: kubectl config use-context NAME")
            write_private(self._paths.kubeconfig, run([kubectl, "config", "view", "--minify", "--flatten", "--raw"]))
            try:
                _check_reachable(kubectl, self._paths.kubeconfig)
            except ClusterError:
                self._paths.kubeconfig.unlink()
                raise
            step.note(context.strip())
        write_state(self._paths.state, _state(Kind.CURRENT, context.strip()))

    def down(self) -> None:
        """Forget the cluster. Nothing in it is touched."""
        forget(self._paths)


def prepare_clients(progress: Progress, paths: Paths) -> None:
    """Put kubectl, helm, prometheus and promtool into `.cluster/bin`."""
    store = BinaryStore()
    for component in clients():
        store.ensure(component, progress)
    link_programs(store, clients(), paths.bin)


def forget(paths: Paths) -> None:
    """Forget which cluster was used."""
    for file in (paths.kubeconfig, paths.state):
        file.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file with credentials, which only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _check_reachable(kubectl: Path, kubeconfig: Path) -> None:
    command = [str(kubectl), f"--kubeconfig={kubeconfig}", "--request-timeout=10s", "get", "--raw=/readyz"]
    run(command, env=dict(os.environ), hint="does the cluster of your current context run?")


def _state(kind: Kind, context: str) -> State:
    return State(kind, context, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))
