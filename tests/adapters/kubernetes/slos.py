"""Objects of our kinds for tests that care about their transport, not about their meaning."""

from pathlib import Path

import yaml

from backstop.adapters.kubernetes.calls import KINDS
from backstop.domain.slo import Uid
from backstop.ports.cluster import ObjectRef
from tests.cluster.fixtures import wait_until

CRDS = Path(__file__).parents[3] / "crds"


def ensure_crd(cluster):
    """Install the CRDs as they are committed, and wait until they are served."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    for kind in KINDS.values():
        cluster.wait("--for=condition=Established", f"crd/{kind.plural}.backstop.dev")
        wait_until(
            lambda plural=kind.plural: cluster.kubectl("get", plural, "--all-namespaces") or True,
            30.0,
            describe=f"{kind.plural} to be served",
        )


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


def create_window(cluster, namespace, name):
    """Create a MaintenanceWindow and return a reference to it."""
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "MaintenanceWindow",
        "metadata": {"name": name},
        "spec": {"slos": {"names": ["checkout"]}, "schedule": {"cron": "0 2 * * 6", "duration": "2h"}},
    }
    cluster.apply(body, namespace=namespace)
    uid = cluster.get("maintenancewindows", name, f"--namespace={namespace}")["metadata"]["uid"]
    return ObjectRef(kind="MaintenanceWindow", namespace=namespace, name=name, uid=Uid(uid))
