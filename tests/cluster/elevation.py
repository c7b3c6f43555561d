"""Running a command of the test bed as root, for users who have sudo without a password.

Programs are fetched and built as the user, into the user's cache; only what changes the machine runs as root. What the
user must read or remove afterwards is given back.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.cluster.paths import REPOSITORY, Paths

KEPT = ("HOME", "PATH", "XDG_CACHE_HOME", "CLUSTER", "BACKSTOP_BINARY_SOURCES", "BACKSTOP_DOWNLOAD_BASE")


def is_root() -> bool:
    return os.geteuid() == 0


def rerun_as_root(arguments: Sequence[str]) -> int:
    """Run `python -m tests.cluster ARGUMENTS` under sudo and return its exit code."""
    kept = [f"{name}={os.environ[name]}" for name in KEPT if name in os.environ]
    command = ["sudo", "-n", "env", *kept, "PYTHONDONTWRITEBYTECODE=1", sys.executable, "-m", "tests.cluster"]
    return subprocess.run([*command, *arguments], cwd=REPOSITORY, check=False).returncode


def give_back(paths: Paths) -> None:
    """Give kubeconfig, state and logs to the user on whose behalf sudo runs us."""
    user, group = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if user is None or group is None or not is_root():
        return
    files = [paths.root, paths.kubeconfig, paths.state, paths.log, *paths.log.glob("*.*")]
    for file in files:
        if file.exists():
            os.chown(file, int(user), int(group))
