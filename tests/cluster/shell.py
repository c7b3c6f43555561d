"""Running other programs to their end, with an error that shows what they said."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 120.0,
    hint: str = "",
) -> str:
    """Return the standard output of a program that ends with 0 within `timeout` seconds. Raises ClusterError."""
    command = [str(part) for part in argv]
    try:
        done = subprocess.run(
            command, input=stdin, env=env, cwd=cwd, timeout=timeout, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as exc:
        raise ClusterError(f"{command[0]} is not installed", hint=hint) from exc
    except subprocess.TimeoutExpired as exc:
        raise ClusterError(f"{' '.join(command)} did not end within {timeout:g} s", hint=hint) from exc
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ClusterError(f"{' '.join(command)} ended with {done.returncode}: {said}", hint=hint)
    return done.stdout


def succeeds(argv: Sequence[str | Path], *, timeout: float = 30.0) -> bool:
    """Tell whether a program exists and ends with 0 in time."""
    try:
        run(argv, timeout=timeout)
    except ClusterError:
        return False
    return True


def find_program(name: str) -> Path | None:
    """Return a program's path; also looks in the sbin folders, which the PATH of plain users lacks."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    return Path(found) if found else None


def direct_environment() -> dict[str, str]:
    """Return our environment without proxies: the cluster's own traffic never leaves the machine."""
    environment = {key: value for key, value in os.environ.items() if key not in PROXY_VARIABLES}
    environment["PATH"] = environment.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return environment
