"""Prometheus in the cluster: the manifest, and its image where none can be pulled."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.catalogue import prometheus
from tests.cluster.client import Cluster
from tests.cluster.oci import ImageFile, write_archive
from tests.cluster.paths import REPOSITORY
from tests.cluster.progress import Progress
from tests.cluster.state import Kind
from tests.install.apply import apply
from tests.install.rollout import wait_for_deployment

NAMESPACE = "monitoring"
MANIFEST = REPOSITORY / "manifests" / "monitoring" / "prometheus.yaml"
LOCAL_IMAGE = f"localhost/prometheus:{prometheus().version}"
ARCHIVE = REPOSITORY / "build" / "prometheus.tar"


def install_prometheus(cluster: Cluster, progress: Progress) -> None:
    """Bring Prometheus up, or up to date. Raises ClusterError with events and logs."""
    objects = list(yaml.safe_load_all(MANIFEST.read_text()))
    with progress.step("prometheus") as step:
        if cluster.kind is Kind.LOCAL:  # its node pulls nothing; the test bed has the program already
            step.note("image")
            package(cluster.bin / "prometheus", ARCHIVE)
            cluster.load(ARCHIVE)
            objects = with_image(objects, "prometheus", LOCAL_IMAGE)
        apply(cluster, *objects)
        wait_for_deployment(cluster, NAMESPACE, "prometheus", note=step.note)


def remove_prometheus(cluster: Cluster, progress: Progress) -> None:
    with progress.step("remove prometheus"):
        cluster.kubectl("delete", "-f", MANIFEST, "--ignore-not-found", "--wait=true", "--timeout=120s")


def package(program: Path, archive: Path) -> None:
    """Write an image that holds nothing but the static program, unless it is there already."""
    real = program.resolve()
    if archive.exists() and archive.stat().st_mtime > real.stat().st_mtime:
        return
    write_archive(
        archive,
        name=LOCAL_IMAGE,
        files=[ImageFile("/bin/prometheus", real)],
        entrypoint=["/bin/prometheus"],
        user="65534:65534",
        labels={"org.opencontainers.image.title": "prometheus"},
    )


def with_image(objects: Iterable[dict[str, Any]], container: str, image: str) -> list[dict[str, Any]]:
    """Return the objects with another image in the containers of that name."""
    changed = list(objects)
    for item in changed:
        for entry in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if entry["name"] == container:
                entry["image"] = image
    return changed
