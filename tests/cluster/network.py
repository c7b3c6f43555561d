"""The host's side of the cluster network: the node's bridge, kernel settings, and their removal.

The node's address lies on a bridge, since some kernels have no dummy devices. The cluster DNS address lies beside it:
CoreDNS listens there, and needs no Service to be reached.
"""

import json
from pathlib import Path

from tests.cluster import settings
from tests.cluster.errors import ClusterError
from tests.cluster.firewall import admit_pods, remove_our_rules
from tests.cluster.shell import find_program, run

NET = Path("/sys/class/net")
SYSCTL = Path("/proc/sys")
WANTED = {
    "net/ipv4/ip_forward": "1",
    "net/bridge/bridge-nf-call-iptables": "1",  # pod to Service to pod of the same bridge must pass kube-proxy's rules
}
# The kubelet sets these for a machine of its own. Ours is only lent, so they are put back.
CHANGED_BY_KUBELET = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def set_up(saved_sysctls: Path) -> None:
    """Make bridge, addresses, rules and kernel settings; safe to repeat. Raises ClusterError."""
    if not (SYSCTL / "net/bridge").is_dir():
        hint = "load it on the host: modprobe br_netfilter"
        run([find_program("modprobe") or "modprobe", "br_netfilter"], hint=hint)
    _save_sysctls(saved_sysctls)
    for name, value in WANTED.items():
        _write_sysctl(name, value)
    if not (NET / settings.NODE_BRIDGE).exists():
        _ip("link", "add", settings.NODE_BRIDGE, "type", "bridge")
    for address in (settings.NODE_IP, settings.DNS_IP):
        _ip("address", "replace", f"{address}/32", "dev", settings.NODE_BRIDGE)
    _ip("link", "set", settings.NODE_BRIDGE, "up")
    admit_pods()


def tear_down(saved_sysctls: Path) -> None:
    """Remove bridges and rules, and put the kernel settings back."""
    for bridge in (settings.POD_BRIDGE, settings.NODE_BRIDGE):
        if (NET / bridge).exists():
            _ip("link", "delete", bridge)
    remove_our_rules()
    if saved_sysctls.exists():
        for name, value in json.loads(saved_sysctls.read_text()).items():
            _write_sysctl(name, value)
        saved_sysctls.unlink()


def _save_sysctls(file: Path) -> None:
    """Remember the machine's own values, once: a repair must not remember ours instead."""
    if file.exists():
        return
    names = [name for name in (*WANTED, *CHANGED_BY_KUBELET) if (SYSCTL / name).exists()]
    file.write_text(json.dumps({name: (SYSCTL / name).read_text().strip() for name in names}))


def _write_sysctl(name: str, value: str) -> None:
    path = SYSCTL / name
    try:
        if path.read_text().strip() != value:
            path.write_text(value)
    except OSError as exc:
        raise ClusterError(
            f"cannot set {path} to {value}: {exc}", hint="the local cluster needs a writable /proc/sys"
        ) from exc


def _ip(*arguments: str) -> None:
    run([find_program("ip") or "ip", *arguments], hint="the local cluster needs CAP_NET_ADMIN; try CLUSTER=kind")
