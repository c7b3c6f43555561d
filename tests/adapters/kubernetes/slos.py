"""SLO objects for tests that care about their transport, not about their meaning."""

from pathlib import Path

import yaml

from backstop.domain.slo import Uid
from backstop.ports.cluster import ObjectRef
from tests.cluster.fixtures import wait_until

CRDS = Path(__file__).parents[3] / "crds"


def ensure_crd(cluster):
    """Install the CRD as it is committed, and wait until it is served."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    cluster.wait("--for=condition=Established", "crd/slos.backstop.dev")
    wait_until(lambda: cluster.kubectl("get", "slos", "--all-namespaces") or True, 30.0, describe="SLOs to be served")


def an_slo(name, **metadata):
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": name, **metadata},
        "spec": {"target": 99.9, "indicator": {"ratio": {"bad": "errors_total", "total": "requests_total"}}},
    }


def create_slos(cluster, namespace, *names):
    """Create SLOs and return references to them, in the same order."""
    text = yaml.safe_dump_all([an_slo(name) for name in names])
    cluster.kubectl("create", f"--namespace={namespace}", "-f", "-", stdin=text)
    items = cluster.get("slos", f"--namespace={namespace}")["items"]
    uids = {item["metadata"]["name"]: Uid(item["metadata"]["uid"]) for item in items}
    return [ObjectRef(kind="SLO", namespace=namespace, name=name, uid=uids[name]) for name in names]
