"""What a local cluster may change on a machine, as a value that can be compared before and after."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from tests.cluster import cgroups, leftovers
from tests.cluster.components import NAMES
from tests.cluster.mounts import read_mounts
from tests.cluster.network import CHANGED_BY_KUBELET, NET, SYSCTL, WANTED
from tests.cluster.shell import find_program, run

COUNTERS = re.compile(r"\[\d+:\d+\]")
SHIM_SOCKETS = Path("/run/containerd/s")
NETWORK_NAMESPACES = (Path("/run/netns"), Path("/var/run/netns"))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Sets of names: what is in one and not in the other is what a cluster added or left."""

    processes: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    rules: frozenset[str]
    cgroups: frozenset[str]
    files: frozenset[str]
    sysctls: frozenset[str]

    def added_since(self, before: "Snapshot") -> dict[str, list[str]]:
        """Return, by field, what is here and was not there before; empty when nothing was added."""
        added = {
            field.name: sorted(getattr(self, field.name) - getattr(before, field.name)) for field in fields(Snapshot)
        }
        return {name: values for name, values in added.items() if values}


def take() -> Snapshot:
    """Look at the machine now."""
    return Snapshot(
        processes=_processes(),
        mounts=frozenset(str(mount.point) for mount in read_mounts()),
        links=frozenset(entry.name for entry in NET.iterdir()),
        rules=_rules(),
        cgroups=frozenset(str(path) for path in cgroups.left_over()),
        files=frozenset(
            str(path)
            for folder in (SHIM_SOCKETS, leftovers.CNI_RESULTS, leftovers.CONTAINER_LOG_LINKS, *NETWORK_NAMESPACES)
            for path in folder.glob("*")
        ),
        sysctls=frozenset(
            f"{name}={(SYSCTL / name).read_text().strip()}"
            for name in (*WANTED, *CHANGED_BY_KUBELET)
            if (SYSCTL / name).exists()
        ),
    )


def _processes() -> frozenset[str]:
    """Return components, containerd's helpers and pods' programs: a machine at work starts others, too."""
    in_pods = cgroups.processes()
    return frozenset(
        f"{process.info['name']} {process.pid}"
        for process in psutil.process_iter(["name", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and (
            process.pid in in_pods
            or str(process.info["name"]).startswith("containerd-shim")
            or any(name[:15] == process.info["name"] for name in NAMES)  # the kernel keeps 15 characters
        )
    )


def _rules() -> frozenset[str]:
    lines: list[str] = []
    for command in ("iptables-save", "ip6tables-save"):
        program = find_program(command)
        if program is not None:
            saved = COUNTERS.sub("", run([program])).splitlines()
            lines += [f"{command}: {line.strip()}" for line in saved if line.startswith((":", "-A"))]
    return frozenset(lines)
