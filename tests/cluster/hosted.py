"""Pods that run programs of the local node itself: tests get a Python without an image of one.

The image holds nothing; the node's program folders are mounted into it, read-only. Resolver, network and `/etc` are the
pod's own, so what such a pod resolves and reaches is what any pod does. For the local cluster only.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.client import Cluster
from tests.cluster.oci import ImageFile, write_archive

IMAGE = "localhost/backstop-hosted:1"
PROGRAM_FOLDERS = ("/bin", "/lib", "/lib64", "/usr")
PYTHON = str(Path(sys.executable).resolve())


def load_image(cluster: Cluster, scratch: Path) -> None:
    """Load the image into the node; `scratch` is a folder for the archive."""
    archive = scratch / "hosted.tar"
    write_archive(archive, name=IMAGE, files=[ImageFile("/README", b"Mount the node's programs here.\n", 0o644)])
    cluster.load(archive)


def pod_spec(command: Sequence[str], *, port: int | None = None) -> dict[str, Any]:
    """Return a pod spec that runs a program of the node; ready when it listens on `port`, where one is given."""
    base = Path(sys.base_prefix).resolve()
    folders = [folder for folder in PROGRAM_FOLDERS if Path(folder).exists()]
    if not any(base.is_relative_to(folder) for folder in folders):
        folders.append(str(base))
    container: dict[str, Any] = {
        "name": "main",
        "image": IMAGE,
        "command": list(command),
        "volumeMounts": [
            {"name": f"host-{number}", "mountPath": folder, "readOnly": True} for number, folder in enumerate(folders)
        ],
    }
    if port is not None:
        container["ports"] = [{"containerPort": port}]
        container["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1}
    return {
        "containers": [container],
        "volumes": [
            {"name": f"host-{number}", "hostPath": {"path": str(Path(folder).resolve())}}
            for number, folder in enumerate(folders)
        ],
        "terminationGracePeriodSeconds": 0,
    }


def pod(name: str, spec: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a pod object."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": dict(labels or {})}, "spec": spec}
