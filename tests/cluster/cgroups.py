"""The pods' parent cgroup: made before the kubelet starts, emptied by force and removed when the cluster goes.

It is what makes pods ours: whichever way containerd or the kubelet died, every process of every pod is below it.
"""

import os
import signal
from pathlib import Path

from tests.cluster.mounts import Mount, read_mounts
from tests.cluster.settings import CGROUP
from tests.cluster.waiting import wait_until

V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")
INHERITED = ("cpuset.cpus", "cpuset.mems")  # cgroup v1 gives a new cpuset neither, and then refuses processes
EMPTY_TIMEOUT_SECONDS = 20.0


def create() -> None:
    """Make the parent cgroup in every hierarchy of the machine; safe to repeat."""
    for mount in _hierarchies():
        ours = mount.point / CGROUP
        if mount.kind == "cgroup2":
            _enable_controllers(mount.point)
        ours.mkdir(exist_ok=True)
        for name in INHERITED:
            own, parent = ours / name, mount.point / name
            if mount.kind == "cgroup" and own.exists() and not own.read_text().strip():
                own.write_text(parent.read_text())


def processes() -> set[int]:
    """Return the pids of everything that runs in the pods."""
    pids: set[int] = set()
    for group in _groups():
        try:
            pids.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
        except (FileNotFoundError, OSError):  # the group ended meanwhile, or is a threaded one without processes
            continue
    return pids


def kill_all() -> int:
    """Kill everything that runs in the pods and wait until it is gone; return how many processes there were."""
    killed: set[int] = set()

    def empty() -> bool:
        pids = processes()
        killed.update(pids)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended by itself
        return not pids

    wait_until(empty, EMPTY_TIMEOUT_SECONDS, describe="the pods' processes to end")
    return len(killed)


def remove() -> None:
    """Remove the parent cgroup and all below it. The processes must be gone."""

    def removed() -> bool:
        for group in _groups():
            try:
                group.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # busy for a moment after its last process ended; the deadline decides
                return False
        return True

    wait_until(removed, EMPTY_TIMEOUT_SECONDS, describe=f"the cgroups below {CGROUP} to be removable")


def left_over() -> list[Path]:
    return [mount.point / CGROUP for mount in _hierarchies() if (mount.point / CGROUP).exists()]


def _hierarchies() -> list[Mount]:
    return [mount for mount in read_mounts() if mount.kind in {"cgroup", "cgroup2"}]


def _groups() -> list[Path]:
    """Return all our groups, children before their parents."""
    found: list[Path] = []
    for root in left_over():
        found += [Path(folder) for folder, _folders, _files in os.walk(root, topdown=False)]
    return found


def _enable_controllers(root: Path) -> None:
    available = (root / "cgroup.controllers").read_text().split()
    control = root / "cgroup.subtree_control"
    wanted = [name for name in V2_CONTROLLERS if name in available and name not in control.read_text().split()]
    if wanted:
        control.write_text(" ".join(f"+{name}" for name in wanted))
