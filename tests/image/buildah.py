"""Building without a container engine: buildah in chroot isolation, with a store of its own in the per-user cache."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.shell import run, succeeds

BUILD_TIMEOUT_SECONDS = 1800.0  # 35 s with a near index; a far mirror on a slow line needs many times that
STAGES = ("dependencies", "application")  # tagged, so that pruning the store keeps their layers for the next build


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah as root (chroot isolation needs it), apart from any store that the user has."""

    store: Path
    driver: str

    @property
    def prefix(self) -> list[str]:
        return as_root()

    def build(self, checkout: Path, *, name: str, base: str, secrets: Mapping[str, Path]) -> None:
        """Build the Dockerfile; unchanged layers come from the store. Raises ClusterError with buildah's words."""
        common = ["bud", "--layers", "--isolation", "chroot", "--build-arg", f"BASE={base}"]
        for key, path in secrets.items():
            common += ["--secret", f"id={key},src={path}"]
        for stage in STAGES:
            self._run(*common, "--target", stage, "--tag", f"localhost/backstop-{stage}:cache", checkout)
        self._run(*common, "--tag", name, checkout)
        self._run("rmi", "--prune")

    def save(self, name: str, archive: Path) -> None:
        """Write the image as an OCI archive."""
        archive.unlink(missing_ok=True)
        self._run("push", "--quiet", name, f"oci-archive:{archive}:{name}")
        run([*self.prefix, "chown", f"{os.getuid()}:{os.getgid()}", archive])

    def has(self, name: str) -> bool:
        return succeeds([*self._command(), "inspect", "--type", "image", name])

    def commit_folder(self, folder: Path, name: str) -> None:
        """Make an image whose only layer is `folder`."""
        container = self._run("from", "scratch").strip()
        try:
            self._run("add", "--quiet", container, folder, "/")
            self._run("commit", "--quiet", container, name)
        finally:
            self._run("rm", container)

    def _command(self) -> list[str]:
        return [
            *self.prefix, "env", f"TMPDIR={self.store}", "buildah",
            "--root", str(self.store / "images"), "--runroot", str(self.store / "run"),
            "--storage-driver", self.driver,
        ]  # fmt: skip

    def _run(self, *arguments: str | Path) -> str:
        hint = "the last lines above name the failing step; make image runs it again from there"
        return run([*self._command(), *arguments], timeout=BUILD_TIMEOUT_SECONDS, hint=hint)


def open_buildah(store: Path) -> Buildah:
    """Return buildah with the storage driver that works here: overlay cannot lie on an overlay. Raises ClusterError."""
    store.mkdir(parents=True, exist_ok=True)
    for driver in ("overlay", "vfs"):
        candidate = Buildah(store / driver, driver)
        candidate.store.mkdir(exist_ok=True)
        if succeeds([*candidate._command(), "images", "--quiet"]):
            return candidate
    raise ClusterError(
        f"buildah works neither with overlay nor with vfs in {store}",
        hint="try by hand: buildah --root DIR info",
    )


def as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "-n"]
