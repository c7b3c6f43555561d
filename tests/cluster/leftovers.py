"""Removing what a cluster left on the machine, whichever way it ended. Safe to repeat, and safe when there is nothing.

`down` ends with it, and `up` begins with it when the components of the last cluster are dead.
"""

import os
import shutil
import signal
from pathlib import Path

import psutil

from tests.cluster import cgroups, network
from tests.cluster.mounts import unmount_below
from tests.cluster.paths import Paths, Runtime
from tests.cluster.settings import CNI_NETWORK
from tests.cluster.waiting import wait_until

CNI_RESULTS = Path("/var/lib/cni/results")  # the CNI library keeps its results here, whatever its callers configure
CONTAINER_LOG_LINKS = Path("/var/log/containers")  # likewise the kubelet's links for log collectors
SHIM_SOCKET_PREFIX = "unix://"
SHIM_TIMEOUT_SECONDS = 10.0


def end_pods(runtime: Runtime) -> None:
    """Kill the pods' processes and containerd's helpers. The kubelet and containerd must be dead, or restart them."""
    cgroups.kill_all()
    sockets = _shim_sockets(runtime)
    wait_until(lambda: _kill_shims(runtime), SHIM_TIMEOUT_SECONDS, describe="containerd's helper processes to end")
    for path in sockets:
        path.unlink(missing_ok=True)


def remove_traces(paths: Paths, runtime: Runtime, *, keep_logs: bool = True) -> None:
    """Remove mounts, network, cgroups and files of the cluster; its processes must be dead."""
    unmount_below(runtime.root, paths.root)
    network.tear_down(runtime.sysctls)
    cgroups.remove()
    for result in _cni_results():
        result.unlink()
    for link in _container_log_links(paths):
        link.unlink()
    for entry in _entries(paths.root):
        if entry != paths.bin and not (keep_logs and entry == paths.log):
            _remove(entry)
    for entry in _entries(runtime.root):
        if entry != runtime.lock:
            _remove(entry)


def _shim_sockets(runtime: Runtime) -> list[Path]:
    """Return the sockets of containerd's helpers; they lie in a folder that other containerds use, too."""
    addresses = runtime.containerd_state.glob("io.containerd.runtime.v2.task/*/*/address")
    return [Path(file.read_text().strip().removeprefix(SHIM_SOCKET_PREFIX)) for file in addresses]


def _kill_shims(runtime: Runtime) -> bool:
    """Kill the helpers that belong to our containerd, told by its socket on their command line; True when none is."""
    shims = [
        process
        for process in psutil.process_iter(["name", "cmdline", "status"])
        if str(process.info["name"]).startswith("containerd-shim")
        and str(runtime.containerd_socket) in (process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
    for shim in shims:
        try:
            os.kill(shim.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended by itself
    return not shims


def _cni_results() -> list[Path]:
    """Return what was kept about our pods: files NETWORK-POD-INTERFACE, of our network and of each pod's loopback."""
    ours = [result.name.removeprefix(f"{CNI_NETWORK}-") for result in CNI_RESULTS.glob(f"{CNI_NETWORK}-*")]
    pods = {name.rpartition("-")[0] for name in ours}
    return [result for result in _entries(CNI_RESULTS) if any(f"-{pod}-" in result.name for pod in pods)]


def _container_log_links(paths: Paths) -> list[Path]:
    links = [entry for entry in _entries(CONTAINER_LOG_LINKS) if entry.is_symlink()]
    return [link for link in links if link.readlink().is_relative_to(paths.pod_logs)]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
