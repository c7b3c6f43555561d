"""The table of rights is exactly what the code uses: nothing missing, nothing to spare."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from backstop.adapters.admission.issuing import CertificateIssuer
from backstop.adapters.kubernetes.calls import KINDS, Verb
from backstop.adapters.kubernetes.events import EventRecorder
from backstop.adapters.kubernetes.intake import Intake
from backstop.adapters.kubernetes.lease import LeaseElector
from backstop.adapters.kubernetes.lister import Lister
from backstop.adapters.kubernetes.node_reader import KubernetesNodeReader
from backstop.adapters.kubernetes.permissions import PERMISSIONS
from backstop.adapters.kubernetes.records import KubernetesIncidents
from backstop.adapters.kubernetes.run_reader import KubernetesRunReader
from backstop.adapters.kubernetes.status_writer import KubernetesStatusWriter
from backstop.adapters.kubernetes.sweeper import Sweeper
from backstop.adapters.kubernetes.webhook_store import KubernetesWebhookStore
from backstop.adapters.kubernetes.workload_reader import KubernetesWorkloadReader
from backstop.api.crd import KINDS as API_KINDS
from backstop.domain.alert_policy import Runs
from backstop.domain.leadership import LeaseSettings
from backstop.domain.slo import Uid, Workload, WorkloadKind
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import WEBHOOK_CONFIGURATION
from tests.adapters.kubernetes.slos import create_slos, create_window
from tests.adapters.kubernetes.waiting import eventually
from tests.operator.webhook import webhook

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A_POLICY = {
    "apiVersion": "backstop.dev/v1alpha1",
    "kind": "AlertPolicy",
    "metadata": {"name": "shop"},
    "spec": {"preset": "google-sre"},
}
A_CHANNEL = {
    "apiVersion": "backstop.dev/v1alpha1",
    "kind": "NotificationChannel",
    "metadata": {"name": "oncall"},
    "spec": {"webhook": {"url": "https://hooks.example.com/x", "secretRef": {"name": "signing", "key": "key"}}},
}
AN_INCIDENT = {
    "apiVersion": "backstop.dev/v1alpha1",
    "kind": "Incident",
    "spec": {"title": "Checkout fails", "severity": "P0"},
}


def test_no_right_is_a_wildcard_or_listed_twice():
    rules = [(p.scope, p.resource.group, p.rbac_resource, p.verb) for p in PERMISSIONS]
    assert len(rules) == len(set(rules))
    assert not any("*" in part for rule in rules for part in rule)


def test_what_is_written_is_our_status_incidents_events_the_lease_and_what_the_webhook_needs():
    writing = {p.rbac_resource for p in PERMISSIONS if p.verb not in (Verb.GET, Verb.LIST, Verb.WATCH)}
    status = {f"{kind.plural}/status" for kind in API_KINDS}
    webhook_needs = {"secrets", "validatingwebhookconfigurations"}
    assert writing == status | {"incidents", "events", "leases"} | webhook_needs


def test_every_right_says_why():
    assert all(permission.why for permission in PERMISSIONS)


@pytest.mark.cluster
async def test_all_rights_but_the_watch_are_used_and_no_other(slo_cluster, namespace, client, clock, monkeypatch):
    used = set()
    request = type(client).request

    async def recording(self, call, **options):
        resource = call.resource.plural + (f"/{call.subresource}" if call.subresource else "")
        used.add((call.resource.group, resource, call.verb))
        return await request(self, call, **options)

    monkeypatch.setattr(type(client), "request", recording)
    (slo,) = create_slos(slo_cluster, namespace, "checkout")
    window = create_window(slo_cluster, namespace, "nightly")
    slo_cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
            },
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": 0,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {
                        "metadata": {"labels": {"app": "web"}},
                        "spec": {"containers": [{"name": "web", "image": "none"}]},
                    },
                },
            },
        ],
        namespace=namespace,
    )
    followed = [_create_valid(slo_cluster, namespace, body) for body in (A_POLICY, A_CHANNEL)]
    await _answer_and_record(client, clock, namespace, followed)
    with webhook(slo_cluster, namespace, port=1, name=WEBHOOK_CONFIGURATION):
        await _use_everything(client, clock, namespace, slo, window)
    granted = {(p.resource.group, p.rbac_resource, p.verb) for p in PERMISSIONS if p.verb is not Verb.WATCH}
    assert used == granted


def _create_valid(cluster, namespace, body):
    """Create an object and return the reference that the operator has of it."""
    cluster.apply(body, namespace=namespace)
    kind, name = body["kind"], body["metadata"]["name"]
    uid = cluster.get(f"{KINDS[kind].plural}.backstop.dev", name, "-n", namespace)["metadata"]["uid"]
    return ObjectRef(kind=kind, namespace=namespace, name=name, uid=Uid(uid))


async def _answer_and_record(client, clock, namespace, followed):
    """Write the statuses of what people wrote, and the life of an incident."""
    writer = KubernetesStatusWriter(client, EventRecorder(client, clock=clock, instance="test"))
    for ref in followed:
        await writer.apply_status(ref, {"observedGeneration": 1})
    incidents = KubernetesIncidents(client, namespaces=[namespace])
    metadata = {"name": "checkout-1", "namespace": namespace, "annotations": {"backstop.dev/note": "x"}}
    made = await incidents.create({**AN_INCIDENT, "metadata": metadata})
    seen = []
    assert await incidents.list_all(lambda body: seen.append(body["metadata"]["name"]))
    assert seen == ["checkout-1"]
    for_version = made["metadata"]["resourceVersion"]
    written = await incidents.write_status(namespace, "checkout-1", for_version, {"state": "Open"})
    version = written["metadata"]["resourceVersion"]
    assert await incidents.drop_annotations(namespace, "checkout-1", version, ["backstop.dev/note"])
    read = (await incidents.read(namespace, "checkout-1"))["metadata"]
    await incidents.delete(namespace, "checkout-1", read["uid"], read["resourceVersion"])
    assert await incidents.read(namespace, "checkout-1") is None


async def _use_everything(client, clock, namespace, slo, window):
    nothing = {"on_object": print, "on_deleted": print, "on_synced": print, "on_deaf": print}
    intake = Intake(**nothing, monotonic=clock.monotonic)
    sweeper = Sweeper(Lister(client), intake, clock=clock, namespaces=[namespace], on_absent=print, on_served=print)
    for kind in KINDS:
        await sweeper.sweep(kind)
    writer = KubernetesStatusWriter(client, EventRecorder(client, clock=clock, instance="test"))
    await writer.apply_status(slo, {"state": "Healthy"})
    await writer.apply_status(window, {"state": "Scheduled"})
    for _ in range(2):
        await writer.emit_event(slo, warning=False, reason="StateChanged", note="x", at=NOW)
    for kind in WorkloadKind:
        await KubernetesWorkloadReader(client).read_workload(namespace, Workload(kind=kind, name="web"))
    await KubernetesNodeReader(client).read_nodes({})
    for runs in (Runs(cron_job="nightly"), Runs(jobs={"app": "web"})):
        await KubernetesRunReader(client, clock=clock).read_runs(namespace, runs)
    store = KubernetesWebhookStore(client, namespace=namespace, configuration=WEBHOOK_CONFIGURATION)
    pair = CertificateIssuer().issue(["webhook"], now=NOW)
    await store.write(pair, (pair.authority,), version=(await store.read()).version)
    await store.trust((pair.authority,))
    quick = LeaseSettings(duration=3, renew_deadline=2, retry_period=0.1)
    elector = LeaseElector(client, namespace=namespace, identity="me", clock=clock, settings=quick)
    task = asyncio.create_task(elector.run())
    await eventually(elector.is_leader)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await elector.release()
