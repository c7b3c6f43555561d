"""Debian packages that the test bed needs, installed only when missing.

Presence is judged by the file a package brings, not by its name: a machine with Docker has `containerd` from another
package, and installing Debian's would remove Docker. For the same reason apt may never remove anything here.
"""

import os
from collections.abc import Callable
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.shell import find_program, run

CNI_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
LOCAL_CLUSTER = (
    "containerd", "runc", "containernetworking-plugins", "iptables", "conntrack", "socat", "iproute2", "kmod",
    "mount", "ca-certificates",
)  # fmt: skip
PROGRAM_OF_PACKAGE = {
    "iproute2": "ip",
    "kmod": "modprobe",
    "build-essential": "gcc",
}
INSTALL_TIMEOUT_SECONDS = 600.0


def cni_plugins() -> Path | None:
    """Return the folder with all the CNI plugins that we use, or None."""
    return next((d for d in CNI_DIRECTORIES if all((d / plugin).exists() for plugin in CNI_PLUGINS)), None)


def postgresql_programs() -> Path | None:
    """Return the folder with PostgreSQL's own programs, of the newest version that is installed, or None.

    Debian keeps them out of the PATH, in a folder for each version.
    """
    versions = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(versions, key=lambda folder: int(folder.parent.name), default=None)


def is_present(package: str) -> bool:
    """Tell whether what we use of a package is there, whoever installed it."""
    if package == "containernetworking-plugins":
        return cni_plugins() is not None
    if package == "postgresql":
        return postgresql_programs() is not None
    if package == "ca-certificates":
        return Path("/etc/ssl/certs").is_dir()
    return find_program(PROGRAM_OF_PACKAGE.get(package, package)) is not None


def ensure(*names: str, note: Callable[[str], None] = lambda _text: None) -> None:
    """Install those of the named Debian packages that are missing. Raises ClusterError naming what is still missing."""
    missing = [name for name in names if not is_present(name)]
    if not missing:
        return
    wanted = " ".join(missing)
    hint = f"install them yourself, then try again: apt-get install {wanted}"
    if find_program("apt-get") is None:
        raise ClusterError(f"these programs are missing, and this system has no apt-get: {wanted}", hint=hint)
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    note("apt-get update")
    run([*apt, "update"], timeout=INSTALL_TIMEOUT_SECONDS, hint=hint)
    note(f"apt-get install {wanted}")
    install = [*apt, "install", "-y", "--no-remove", "--no-install-recommends", *missing]
    run(install, timeout=INSTALL_TIMEOUT_SECONDS, hint=hint)
    still = [name for name in missing if not is_present(name)]
    if still:
        raise ClusterError(f"apt-get succeeded, but these packages brought no usable program: {' '.join(still)}")
