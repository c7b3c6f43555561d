"""A real API server, our CRD on it, and clients with exactly the rights of the permissions table."""

import asyncio
import contextlib
import secrets
import time
from datetime import UTC, datetime

import pytest
import yaml

from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from tests.adapters.kubernetes.rights import create_account, grant_everything_needed, kubeconfig_for
from tests.adapters.kubernetes.slos import ensure_crd


class RealClock:
    """ports.clock.Clock on the machine's clocks."""

    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic()

    async def sleep(self, seconds):
        await asyncio.sleep(max(seconds, 0.0))


@pytest.fixture
def clock():
    return RealClock()


@pytest.fixture(scope="session")
def slo_cluster(cluster):
    """The cluster, with our CRD."""
    ensure_crd(cluster)
    return cluster


@pytest.fixture
def no_operator(slo_cluster):
    """An operator that is installed would write statuses and Events of the tests' objects, under the same name."""
    running = slo_cluster.kubectl("get", "deployments", "-A", "-l", "app.kubernetes.io/name=backstop", "-o", "name")
    if running:
        pytest.fail("Backstop runs on this cluster: `make uninstall` or `make demo-down` first", pytrace=False)


@pytest.fixture
def operator_kubeconfig(slo_cluster, no_operator, namespace, tmp_path):
    """A kubeconfig of a service account that may do what the table says, and nothing else."""
    account = f"operator-{secrets.token_hex(3)}"
    with contextlib.ExitStack() as undo:
        undo.callback(grant_everything_needed(slo_cluster, namespace, account))
        path = tmp_path / "operator.kubeconfig"
        path.write_text(yaml.safe_dump(kubeconfig_for(slo_cluster, namespace, account)))
        yield path


@pytest.fixture
def nobody_kubeconfig(slo_cluster, namespace, tmp_path):
    """A kubeconfig of a service account that may log in, and nothing else."""
    create_account(slo_cluster, namespace, "nobody")
    path = tmp_path / "nobody.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig_for(slo_cluster, namespace, "nobody")))
    return path


@pytest.fixture
async def powerless_client(nobody_kubeconfig):
    made = await KubernetesClient.connect(ClientSettings(kubeconfig=nobody_kubeconfig))
    yield made
    await made.close()


@pytest.fixture
async def client(operator_kubeconfig):
    made = await KubernetesClient.connect(ClientSettings(kubeconfig=operator_kubeconfig))
    yield made
    await made.close()
