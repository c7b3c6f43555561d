"""Which mounts lie below our folders, and their removal."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.shell import run

OCTAL = re.compile(r"\\([0-7]{3})")
POINT_FIELD = 4


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount point and its file system's kind."""

    point: Path
    kind: str


def parse_mounts(mountinfo: str) -> list[Mount]:
    """Return the mounts of a /proc/PID/mountinfo, in the order they were made."""
    mounts: list[Mount] = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = OCTAL.sub(lambda found: chr(int(found[1], 8)), before.split()[POINT_FIELD])
        mounts.append(Mount(Path(point), after.split()[0]))
    return mounts


def read_mounts() -> list[Mount]:
    return parse_mounts(Path("/proc/self/mountinfo").read_text())


def mounts_below(folders: Iterable[Path], mounts: Iterable[Mount]) -> list[Path]:
    """Return the mount points at or below the folders, the last made first: the order to unmount them in."""
    parents = [folder.resolve() for folder in folders]
    return [mount.point for mount in reversed(list(mounts)) if any(mount.point.is_relative_to(p) for p in parents)]


def unmount_below(*folders: Path) -> int:
    """Unmount everything at or below the folders, even if something still has it open; return how many there were."""
    points = mounts_below(folders, read_mounts())
    for point in points:
        run(["umount", "--lazy", point])
    left = mounts_below(folders, read_mounts())
    if left:  # the caller deletes files next, and must not reach what is mounted there
        raise ClusterError(f"still mounted: {', '.join(map(str, left))}", hint="unmount them by hand, then try again")
    return len(points)


def file_system_of(path: Path) -> str:
    """Return the kind of the file system that holds `path`."""
    resolved = path.resolve()
    holding = [mount for mount in read_mounts() if resolved.is_relative_to(mount.point)]
    return max(holding, key=lambda mount: len(mount.point.parts)).kind


def bind_privately(source: Path, target: Path) -> None:
    """Mount `source` on `target`, once; mounts made below `target` later do not show below `source`."""
    source.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    if any(mount.point == target.resolve() for mount in read_mounts()):
        return
    run(["mount", "--bind", source, target])
    run(["mount", "--make-private", target])
    run(["mount", "--make-shared", target])  # pods may ask for mount propagation, which needs a shared mount
