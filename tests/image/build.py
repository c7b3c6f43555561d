"""`make image`: the image as build/backstop.tar, built only when something in it has changed."""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import packages
from tests.cluster.paths import REPOSITORY, cache_root
from tests.cluster.progress import Progress
from tests.image import docker
from tests.image.base import ensure_base, remove_leftovers
from tests.image.buildah import open_buildah
from tests.image.inputs import fingerprint, image_name
from tests.image.pip_settings import pip_settings, read_listing

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: its name, the archive that holds it, and the fingerprint of what went into it."""

    name: str
    archive: Path
    fingerprint: str


def build_image(progress: Progress, checkout: Path = REPOSITORY) -> Image:
    """Return the image of the checkout as it is now; seconds when nothing has changed. Raises ClusterError."""
    archive = checkout / "build" / "backstop.tar"
    base = os.environ.get("BASE")
    image = Image(image_name(checkout), archive, fingerprint(checkout) + (f" on {base}" if base else ""))
    with progress.step("image") as step, _alone(archive.parent, note=step.note):
        if _is_built(image):
            step.note(f"{_describe(image)}, nothing has changed")
            return image
        _record(archive).unlink(missing_ok=True)
        _build(image, checkout, base=base, note=step.note)
        _record(archive).write_text(json.dumps({"name": image.name, "fingerprint": image.fingerprint}) + "\n")
        step.note(_describe(image))
    return image


def _build(image: Image, checkout: Path, *, base: str | None, note: Callable[[str], None]) -> None:
    settings = pip_settings(read_listing(), os.environ)
    with tempfile.TemporaryDirectory(prefix="backstop-image-") as folder:
        configuration = Path(folder) / "pip.conf"
        configuration.touch(mode=0o600)  # an index URL may hold a password
        configuration.write_text(settings.configuration)
        secrets = {"pip.conf": configuration} | ({"ca.pem": settings.ca} if settings.ca else {})
        if docker.engine_answers():
            note("docker build")
            docker.build(checkout, name=image.name, secrets=secrets, base=base, archive=image.archive)
            return
        packages.ensure("buildah", "debootstrap", note=note)
        work = cache_root().parent / "image"
        buildah = open_buildah(work)
        remove_leftovers(work)
        base = base or ensure_base(buildah, work=work, note=note)
        note("buildah, in chroot isolation")
        buildah.build(checkout, name=image.name, base=base, secrets=secrets)
        note("writing the archive")
        buildah.save(image.name, image.archive)


@contextmanager
def _alone(folder: Path, *, note: Callable[[str], None]) -> Iterator[None]:
    """Keep a second build of this checkout waiting: it will then find that nothing has changed."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        note("waiting for another build of this checkout")
        fcntl.flock(lock, fcntl.LOCK_EX)
        note("")
        yield


def _record(archive: Path) -> Path:
    return archive.with_suffix(".json")


def _is_built(image: Image) -> bool:
    record = _record(image.archive)
    if not (image.archive.exists() and record.exists()):
        return False
    return bool(json.loads(record.read_text()) == {"name": image.name, "fingerprint": image.fingerprint})


def _describe(image: Image) -> str:
    return f"{image.name} in {image.archive.parent.name}/{image.archive.name}, {_mebibytes(image.archive)} MiB"


def _mebibytes(path: Path) -> int:
    return round(path.stat().st_size / MEBIBYTE)
