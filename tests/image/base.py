"""The base image where no registry can be reached: a minimal Debian with Python, made by debootstrap, kept per user.

It stands in for `python:3.12-slim`, the Dockerfile's default, and is meant for test clusters: it is as old as the
mirror's release and gets no security updates. The recipe is part of its name: a changed recipe is a new image.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.shell import run
from tests.image.buildah import Buildah

SUITE = "bookworm"
INCLUDED = ("python3", "python3-venv", "ca-certificates")
# Package indexes, manuals and translations: half of the folder, and nothing that a program reads.
PRUNED = (
    "var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale",
    "usr/share/info", "usr/share/lintian",
)  # fmt: skip
RECIPE = hashlib.sha256(repr((SUITE, INCLUDED, PRUNED)).encode()).hexdigest()[:12]
NAME = f"localhost/backstop-base:{SUITE}-{RECIPE}"
BOOTSTRAP_TIMEOUT_SECONDS = 900.0


def ensure_base(buildah: Buildah, *, work: Path, note: Callable[[str], None]) -> str:
    """Return the base image's name in buildah's store, made first where it is missing. Raises ClusterError."""
    if buildah.has(NAME):
        return NAME
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="base-", dir=work))
    root = folder / "root"
    try:
        note(f"debootstrap {SUITE} (about a minute, once per user)")
        bootstrap = ["debootstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}", SUITE, root]
        run(
            [*buildah.prefix, *bootstrap],
            timeout=BOOTSTRAP_TIMEOUT_SECONDS,
            hint="debootstrap needs a Debian mirror; with a docker engine the Dockerfile's own base image is used",
        )
        run([*buildah.prefix, "sh", "-c", 'cd "$1" && shift && for d; do rm -rf "$d"/*; done', "sh", root, *PRUNED])
        note("base image")
        buildah.commit_folder(root, NAME)
    finally:
        run([*buildah.prefix, "rm", "-rf", "--one-file-system", folder])
    return NAME


def remove_leftovers(work: Path) -> None:
    """Remove what an interrupted bootstrap left. A folder in use by another user's process is none of ours."""
    for folder in work.glob("base-*"):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise ClusterError(f"{folder} is left from an interrupted build and cannot be removed")
