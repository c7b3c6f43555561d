"""A client whose API server is a local web server that answers what a test puts there."""

import pytest
import yaml
from pytest_httpserver import HTTPServer

from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient


@pytest.fixture
async def canned_client(httpserver: HTTPServer, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "one", "cluster": {"server": httpserver.url_for("").rstrip("/")}}],
                "users": [{"name": "me", "user": {"token": "secret"}}],
                "contexts": [{"name": "one", "context": {"cluster": "one", "user": "me"}}],
                "current-context": "one",
            }
        )
    )
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=path, timeout_seconds=5.0))
    yield client
    await client.close()
