"""What every end-to-end test has: Prometheus and Backstop in the cluster, installed as a user installs them."""

from collections.abc import Iterator

import pytest

from tests.cluster.client import Cluster
from tests.cluster.fixtures import TEST_LABEL, namespace_name
from tests.cluster.progress import Progress
from tests.demo.shop import Shop
from tests.install.monitoring import install_prometheus
from tests.install.release import install_backstop, remove_backstop

VALUES = {"status": {"minimumInterval": "1s"}}  # tests wait for numbers; people have a minute


@pytest.fixture(scope="session")
def backstop(cluster: Cluster) -> Iterator[Cluster]:
    """Give the cluster with Prometheus and the chart in it; the operator is removed afterwards."""
    progress = Progress()
    install_prometheus(cluster, progress)
    install_backstop(cluster, progress, VALUES)
    yield cluster
    remove_backstop(cluster, progress, crds=False)  # other tests of the session use them


@pytest.fixture(scope="module")
def shop(backstop: Cluster, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give the checkout application, both colours, in a namespace of its own."""
    name = namespace_name(request.module.__name__.rpartition(".")[2])
    labels = {TEST_LABEL: "pytest"}
    backstop.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    installed = Shop(backstop, name)
    installed.install(Progress())
    yield installed
    backstop.kubectl("delete", "namespace", name, "--wait=false")
