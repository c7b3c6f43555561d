"""The local cluster: one real node on this machine, without Docker.

`up` starts what does not run and waits until the node takes pods; `down` removes every trace. Both may be repeated,
also after any of the processes, or this program, was killed at any point.
"""

import datetime as dt
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import psutil

from tests.cluster import cgroups, configs, firewall, images, leftovers, mounts, network, packages, pause, settings
from tests.cluster.binaries import BinaryStore, link_programs
from tests.cluster.catalogue import required
from tests.cluster.components import NAMES, Launch, launches
from tests.cluster.errors import ClusterError, NotPossible
from tests.cluster.paths import Paths, Runtime
from tests.cluster.pki import Pki
from tests.cluster.processes import ProcessTable
from tests.cluster.progress import Progress
from tests.cluster.shell import direct_environment, run, succeeds
from tests.cluster.state import Kind, Owner, State, read_owner, write_owner, write_state
from tests.cluster.waiting import WaitTimeout, wait_until

DNS_ROLE = Path(__file__).resolve().parent / "manifests" / "coredns-role.yaml"
OVERLAY_UNFIT = ("overlay", "nfs", "nfs4", "9p", "fuse")  # overlayfs cannot keep its upper layer on these


class LocalCluster:
    """The local cluster as seen from one checkout."""

    kind = Kind.LOCAL

    def __init__(self, progress: Progress, *, paths: Paths | None = None, runtime: Runtime | None = None) -> None:
        self._progress = progress
        self._paths = paths or Paths()
        self._runtime = runtime or Runtime()
        self._pki = Pki(self._paths.pki)
        self._processes = ProcessTable(self._runtime.processes)
        self._store = BinaryStore()

    @staticmethod
    def why_not() -> str | None:
        """Return why a local cluster cannot run here; None when it can."""
        if not sys.platform.startswith("linux"):
            return "the local cluster needs Linux"
        if os.geteuid() != 0 and not succeeds(["sudo", "-n", "true"]):
            return "the local cluster needs root, or sudo without a password"
        return None

    def prepare(self) -> None:
        """Fetch or build programs and install packages. Needs no root beyond sudo for apt-get."""
        with self._progress.step("Debian packages") as step:
            packages.ensure(*packages.LOCAL_CLUSTER, note=step.note)
        for component in required():
            self._store.ensure(component, self._progress)
        BinaryStore(builder=pause.build, sources=("build",)).ensure(pause.PAUSE, self._progress)
        link_programs(self._store, required(), self._paths.bin)

    def up(self) -> None:
        """Bring the cluster up, or repair it. Needs root; `prepare` must have run. Raises ClusterError."""
        with self._exclusively():
            self._refuse_other_owner()
            alive = self._processes.alive()
            fresh = not alive or not self._paths.pki.is_dir()
            if fresh:
                self._remove_leftovers()
                self._refuse_foreign_cluster()
                self._create()
            self._host_setup()
            started = [launch.name for launch in self._launches() if self._start(launch)]
            with self._progress.step("node takes pods"):
                self._finish()
            write_state(self._paths.state, self._state())
        if not started:
            self._progress.say("all components were running")

    def down(self) -> None:
        """Stop the cluster and remove every trace but logs and links to programs. Needs root."""
        with self._exclusively():
            owner = read_owner(self._runtime.owner)
            if owner is not None and owner.checkout != self._paths.checkout and self._processes.alive():
                raise ClusterError(
                    f"the local cluster of this machine belongs to {owner.checkout}, and it runs",
                    hint=f"to stop it: cd {owner.checkout} && make cluster-down",
                )
            if owner is None or owner.checkout != self._paths.checkout:
                return  # nothing on this machine is ours; another checkout's traces are for its own `down` or next `up`
            self._stop_everything(self._paths)

    def restart(self, name: str) -> None:
        with self._exclusively():
            self._stop(name)
            self._start(self._launch(name))

    def stop(self, name: str) -> None:
        with self._exclusively():
            self._stop(name)

    def start(self, name: str) -> None:
        with self._exclusively():
            self._start(self._launch(name))

    def running(self) -> dict[str, int]:
        """Return the pid of each component of this checkout's cluster that runs."""
        owner = read_owner(self._runtime.owner)
        if owner is None or owner.checkout != self._paths.checkout:
            return {}
        return {name: record.pid for name, record in self._processes.alive().items()}

    # What `up` is made of, in order.

    def _refuse_other_owner(self) -> None:
        """Keep the machine's one cluster from being taken over while it runs."""
        owner = read_owner(self._runtime.owner)
        if owner is None or owner.checkout == self._paths.checkout or not owner.checkout.is_dir():
            return
        if alive := self._processes.alive():
            raise ClusterError(
                f"a local cluster of another checkout runs on this machine: {owner.checkout} ({', '.join(alive)})",
                hint=f"use that one, or stop it: cd {owner.checkout} && make cluster-down",
            )

    def _refuse_foreign_cluster(self) -> None:
        """Keep off a machine that is somebody's Kubernetes node: rules and ports would clash."""
        foreign = node_components(process.info for process in psutil.process_iter(["name", "status"]))
        if foreign or firewall.foreign_rules():
            found = f"its {foreign[0]} runs" if foreign else "its kube-proxy left packet-filter rules"
            raise NotPossible(
                f"this machine is a node of another Kubernetes cluster: {found}", hint="use CLUSTER=current or kind"
            )

    def _remove_leftovers(self) -> None:
        owner = read_owner(self._runtime.owner)
        if owner is None:
            return
        with self._progress.step("removing what the last cluster left behind"):
            self._stop_everything(Paths(owner.checkout), quiet=True)

    def _create(self) -> None:
        """Make keys and configuration of a fresh cluster, and take the machine."""
        write_owner(self._runtime.owner, Owner(self._paths.checkout))
        self._paths.root.mkdir(exist_ok=True)
        for old in self._paths.log.glob("*.*"):
            old.unlink()
        with self._progress.step("certificates and configuration"):
            self._pki.create()
            plugins = packages.cni_plugins()
            if plugins is None:
                raise ClusterError("the CNI plugins are missing", hint="apt-get install containernetworking-plugins")
            kind = mounts.file_system_of(self._paths.root)
            snapshotter = "native" if kind.startswith(OVERLAY_UNFIT) else "overlayfs"
            configs.write_all(self._paths, self._runtime, self._pki, cni_plugins=plugins, snapshotter=snapshotter)
            admin = self._paths.component_kubeconfig("admin")
            self._paths.kubeconfig.unlink(missing_ok=True)
            self._paths.kubeconfig.touch(mode=0o600)
            self._paths.kubeconfig.write_bytes(admin.read_bytes())

    def _host_setup(self) -> None:
        with self._progress.step("network, cgroups, mounts"):
            network.set_up(self._runtime.sysctls)
            cgroups.create()
            mounts.bind_privately(self._paths.kubelet, self._runtime.kubelet)

    def _start(self, launch: Launch) -> bool:
        """Start a component unless it runs, and wait until it is ready; return whether it was started."""
        if launch.name in self._processes.alive():
            return False
        log = self._paths.component_log(launch.name)
        with self._progress.step(launch.name):
            record = self._processes.start(launch.name, launch.argv, log=log, env=direct_environment())

            def ready() -> bool:
                if not record.alive():
                    raise ComponentEnded
                return launch.ready()

            try:
                wait_until(ready, settings.READY_TIMEOUT_SECONDS, describe=f"{launch.name} to be ready")
            except (WaitTimeout, ComponentEnded) as exc:
                why = "it ended" if isinstance(exc, ComponentEnded) else exc.message
                raise ClusterError(
                    f"{launch.name} did not start: {why}", log=log,
                    hint="read its log; `make cluster-down` cleans up, then `make cluster-up` begins anew",
                ) from exc  # fmt: skip
            if launch.name == "containerd":
                self._load_pause()
            if launch.name == "kube-apiserver":
                self._kubectl("apply", "--server-side", "--force-conflicts", "-f", str(DNS_ROLE))
        return True

    def _load_pause(self) -> None:
        archive = self._paths.config / "pause.tar"
        store = BinaryStore(builder=pause.build, sources=("build",))
        pause.write_image(store.path(pause.PAUSE) / "pause", archive)
        images.import_local(archive, self._runtime)

    def _finish(self) -> None:
        """Wait for what pods need: a ready node, the default service account, and the cluster's root certificate."""
        conditions = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        log = self._paths.component_log("kubelet")
        try:
            wait_until(
                lambda: self._kubectl("get", "node", settings.NODE_NAME, "-o", conditions) == "True",
                settings.READY_TIMEOUT_SECONDS,
                describe="the node to be Ready",
            )
            wait_until(
                lambda: self._kubectl("get", "serviceaccount/default", "configmap/kube-root-ca.crt", "-n", "default"),
                settings.READY_TIMEOUT_SECONDS,
                describe="the default service account and the cluster's root certificate",
            )
        except WaitTimeout as exc:
            raise ClusterError(exc.message, log=log, hint="read the kubelet's log") from exc

    def _kubectl(self, *arguments: str) -> str:
        return run(
            [self._paths.bin / "kubectl", f"--kubeconfig={self._paths.kubeconfig}", *arguments],
            env=direct_environment(), timeout=60.0,
        )  # fmt: skip

    def _launches(self) -> tuple[Launch, ...]:
        return launches(self._paths, self._runtime, self._pki)

    def _launch(self, name: str) -> Launch:
        found = next((launch for launch in self._launches() if launch.name == name), None)
        if found is None:
            raise ClusterError(f"there is no component {name}", hint=f"choose one of: {', '.join(NAMES)}")
        return found

    def _stop(self, name: str) -> None:
        self._launch(name)
        with self._progress.step(f"stop {name}"):
            self._processes.stop(name, settings.STOP_TIMEOUT_SECONDS)

    def _stop_everything(self, paths: Paths, *, quiet: bool = False) -> None:
        """Stop the kubelet first, so that it restarts nothing; then pods, then the rest from the top down."""
        first = ("kubelet", "containerd")
        order = [*first, *(name for name in reversed(NAMES) if name not in first)]
        for name in order:
            if name in self._processes.alive():
                self._stop(name)
            if name == "containerd":
                leftovers.end_pods(self._runtime)
        if quiet:
            leftovers.remove_traces(paths, self._runtime)
            return
        with self._progress.step("removing mounts, network, cgroups and state"):
            leftovers.remove_traces(paths, self._runtime)

    def _state(self) -> State:
        return State(Kind.LOCAL, settings.CONTEXT, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One `up`, `down` or restart at a time on this machine; another waits for its turn."""
        self._runtime.root.mkdir(parents=True, exist_ok=True)
        with self._runtime.lock.open("w") as lock:
            flock(lock, LOCK_EX)
            yield


def node_components(processes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of a Kubernetes node's programs among processes; a zombie has nothing left to clash with."""
    names = {"kubelet", "kube-proxy"}
    return [p["name"] for p in processes if p["name"] in names and p["status"] != psutil.STATUS_ZOMBIE]


class ComponentEnded(BaseException):
    """A component ended while it was waited for; no plain Exception, for which the wait would go on."""
