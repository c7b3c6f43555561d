"""Loading images into the cluster's nodes."""

from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.paths import Runtime
from tests.cluster.settings import KIND_NAME
from tests.cluster.shell import find_program, run
from tests.cluster.state import Kind

IMPORT_TIMEOUT_SECONDS = 300.0


def load(archive: Path, kind: Kind, runtime: Runtime) -> str:
    """Load an OCI or Docker archive into every node; return what the tool said. Raises ClusterError."""
    if not archive.is_file():
        raise ClusterError(f"there is no archive {archive}", hint="make cluster-load TAR=path/to/image.tar")
    if kind is Kind.LOCAL:
        return import_local(archive, runtime)
    if kind is Kind.KIND:
        return run(["kind", "load", "image-archive", archive, "--name", KIND_NAME], timeout=IMPORT_TIMEOUT_SECONDS)
    raise ClusterError(
        "CLUSTER=current uses a cluster of yours, whose nodes the test bed has no way into",
        hint="push the image to a registry that its nodes can pull from, or load it with that cluster's own tool",
    )


def import_local(archive: Path, runtime: Runtime) -> str:
    client = find_program("ctr") or Path("ctr")
    return run(
        [client, "--address", runtime.containerd_socket, "--namespace", "k8s.io", "images", "import", archive],
        timeout=IMPORT_TIMEOUT_SECONDS,
    )
