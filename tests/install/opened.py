"""The cluster that is up, for programs that are no tests."""

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.paths import Paths
from tests.cluster.state import read_state


def open_cluster(paths: Paths | None = None) -> Cluster:
    """Return the cluster that is up and answers. Raises ClusterError with what to do."""
    paths = paths or Paths()
    state = read_state(paths.state)
    if state is None:
        raise ClusterError("no cluster is up", hint="make cluster-up")
    cluster = Cluster(kubeconfig=paths.kubeconfig, bin=paths.bin, kind=state.kind)
    try:
        cluster.kubectl("get", "--raw=/readyz", timeout=15.0)
    except ClusterError as error:
        raise ClusterError(
            f"the cluster does not answer: {error.message}", hint="make cluster-up repairs it"
        ) from error
    return cluster
