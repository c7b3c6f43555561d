"""Where the test bed keeps its files.

Everything of the cluster's state lives in `.cluster/` of the checkout. Two things cannot: unix sockets, whose paths end
at 107 bytes, and what is one per machine (process records, the lock, who owns the cluster). They live in `RUNTIME`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RUNTIME = Path("/run/backstop-testbed")


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one checkout's cluster."""

    checkout: Path = REPOSITORY

    @property
    def root(self) -> Path:
        return self.checkout / ".cluster"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def pod_logs(self) -> Path:
        return self.log / "pods"

    @property
    def audit_log(self) -> Path:
        return self.log / "audit.jsonl"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def etcd(self) -> Path:
        return self.root / "etcd"

    @property
    def containerd(self) -> Path:
        return self.root / "containerd"

    @property
    def kubelet(self) -> Path:
        return self.root / "kubelet"

    @property
    def cni(self) -> Path:
        return self.root / "cni"

    def component_log(self, component: str) -> Path:
        return self.log / f"{component}.log"

    def component_kubeconfig(self, component: str) -> Path:
        return self.config / f"{component}.kubeconfig"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one machine has only once. Short paths, gone at a reboot like the processes they belong to."""

    root: Path = RUNTIME

    @property
    def owner(self) -> Path:
        return self.root / "owner.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def processes(self) -> Path:
        return self.root / "processes"

    @property
    def sysctls(self) -> Path:
        return self.root / "sysctls.json"

    @property
    def containerd_socket(self) -> Path:
        return self.root / "containerd.sock"

    @property
    def containerd_state(self) -> Path:
        return self.root / "containerd"

    @property
    def kubelet(self) -> Path:
        """The kubelet's root directory: a bind mount of `.cluster/kubelet`, since plugin sockets lie below it."""
        return self.root / "kubelet"


def cache_root() -> Path:
    """Return the per-user cache of binaries, shared by all checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "backstop" / "testbed"
