"""The watch on a real API server: what changes arrives, whatever happens to the server or stands in an object."""

import asyncio
import json
import threading

import pytest
import yaml
from structlog.testing import capture_logs

from backstop.adapters.kopf.login import Credentials
from backstop.adapters.kopf.watcher import KINDS, WatchCallbacks, Watcher, explain, snapshot
from backstop.adapters.kubernetes.calls import SLOS
from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.permissions import PERMISSIONS
from tests.adapters.kubernetes.rights import create_account, kubeconfig_for, rules_of
from tests.adapters.kubernetes.slos import an_slo, create_slos, create_window
from tests.adapters.kubernetes.waiting import eventually

pytestmark = pytest.mark.cluster


class Listener:
    """What the engine would have been told, and in which thread."""

    def __init__(self):
        self.objects = {}  # name: body
        self.deleted = []
        self.lists = 0
        self.restarts = []
        self.threads = set()

    def callbacks(self):
        return WatchCallbacks(
            on_object=self._object, on_deleted=self._deleted, on_listed=self._listed, on_restart=self._restarted
        )

    def _object(self, kind, body):
        assert kind == body["kind"]
        self.threads.add(threading.get_ident())
        self.objects[body["metadata"]["name"]] = body

    def _deleted(self, _, uid):
        self.deleted.append(uid)

    def _listed(self, _):
        self.lists += 1

    def _restarted(self, _, why):
        self.restarts.append(why)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
async def watch(listener, operator_kubeconfig):
    """Starts watchers with the operator's rights, and stops them."""
    watchers = []

    def start(*, kind="SLO", kubeconfig=operator_kubeconfig, **options):
        async def login():
            client = await KubernetesClient.connect(ClientSettings(kubeconfig=kubeconfig))
            try:
                given = await client.connection()
            finally:
                await client.close()
            return Credentials(
                server=given.server,
                insecure=given.insecure,
                ca_path=given.ca_path,
                certificate_path=given.certificate_path,
                private_key_path=given.private_key_path,
                token=given.token,
            )

        watcher = Watcher(
            kind,
            listener.callbacks(),
            loop=asyncio.get_running_loop(),
            login=login,
            **{"pauses_seconds": (0.2, 0.5)} | options,
        )
        watcher.start()
        watchers.append(watcher)
        return watcher

    yield start
    for watcher in watchers:
        assert await asyncio.to_thread(watcher.stop), "the watching thread did not end"
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("backstop-")]
    assert left == [], "a run of kopf was abandoned"


def names(listener, namespace):
    return {name for name, body in listener.objects.items() if body["metadata"]["namespace"] == namespace}


async def test_objects_that_are_there_that_come_change_and_go_are_all_told(slo_cluster, namespace, watch, listener):
    (old,) = create_slos(slo_cluster, namespace, "old")
    watch()
    await eventually(lambda: "old" in names(listener, namespace))
    create_slos(slo_cluster, namespace, "new")
    await eventually(lambda: "new" in names(listener, namespace))
    slo_cluster.kubectl(
        "patch", "slo", "new", f"--namespace={namespace}", "--type=merge", "-p", '{"spec":{"target":99.5}}'
    )
    await eventually(lambda: listener.objects["new"]["spec"]["target"] == 99.5)
    slo_cluster.kubectl("delete", "slo", "old", f"--namespace={namespace}")
    await eventually(lambda: old.uid in listener.deleted)
    assert listener.threads == {threading.get_ident()}  # the engine's, not kopf's


async def test_every_kind_of_ours_is_watched(slo_cluster, namespace, watch, listener):
    for kind in KINDS:
        watch(kind=kind, namespaces=[namespace])
    create_slos(slo_cluster, namespace, "checkout")
    window = create_window(slo_cluster, namespace, "nightly")
    await eventually(lambda: names(listener, namespace) == {"checkout", "nightly"})
    slo_cluster.kubectl("delete", "maintenancewindow", "nightly", f"--namespace={namespace}")
    await eventually(lambda: window.uid in listener.deleted)


async def test_a_kind_that_is_not_installed_is_waited_for_in_silence(
    slo_cluster, namespace, watch, listener, monkeypatch
):
    monkeypatch.setitem(KINDS, "Later", "not-yet-there")
    watch(kind="Later", namespaces=[namespace])
    watch(namespaces=[namespace])
    create_slos(slo_cluster, namespace, "checkout")
    await eventually(lambda: "checkout" in listener.objects)
    assert listener.restarts == []


async def test_a_missing_right_to_one_kind_leaves_the_others_alone(slo_cluster, namespace, watch, listener, tmp_path):
    create_account(slo_cluster, namespace, "older")
    rbac = "rbac.authorization.k8s.io"
    slo_cluster.apply(
        [
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "Role",
                "metadata": {"name": "older"},
                "rules": rules_of(p for p in PERMISSIONS if p.resource == SLOS),
            },
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "older"},
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "older"},
                "subjects": [{"kind": "ServiceAccount", "name": "older", "namespace": namespace}],
            },
        ],
        namespace=namespace,
    )
    path = tmp_path / "older.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig_for(slo_cluster, namespace, "older")))
    for kind in KINDS:
        watch(kind=kind, kubeconfig=path, namespaces=[namespace], pauses_seconds=(60.0,))
    others = {plural for kind, plural in KINDS.items() if kind != "SLO"}
    await eventually(lambda: len(listener.restarts) == len(others), 40.0)
    for plural in others:
        rule = f'grant {{apiGroups: ["backstop.dev"], resources: ["{plural}"]'
        assert any(rule in reason for reason in listener.restarts)
    create_slos(slo_cluster, namespace, "checkout")
    await eventually(lambda: "checkout" in listener.objects)
    assert len(listener.restarts) == len(others)


async def test_two_hundred_objects_arrive(slo_cluster, namespace, watch, listener):
    watch(namespaces=[namespace])
    refs = create_slos(slo_cluster, namespace, *(f"slo-{n:03}" for n in range(200)))
    await eventually(lambda: len(listener.objects) == 200)
    slo_cluster.kubectl("delete", "slos", "--all", f"--namespace={namespace}", "--wait=false")
    await eventually(lambda: len(listener.deleted) == 200)
    assert set(listener.deleted) == {ref.uid for ref in refs}


async def test_a_namespaced_watch_hears_of_its_namespaces_only(slo_cluster, namespace, watch, listener):
    watch(namespaces=[namespace])
    create_slos(slo_cluster, "default", "elsewhere")
    try:
        create_slos(slo_cluster, namespace, "here")
        await eventually(lambda: "here" in listener.objects)
    finally:
        slo_cluster.kubectl("delete", "slo", "elsewhere", "--namespace=default")
    assert set(listener.objects) == {"here"}


async def test_the_watch_writes_nothing_into_the_objects(slo_cluster, namespace, watch, listener):
    (ref,) = create_slos(slo_cluster, namespace, "checkout")
    before = slo_cluster.get("slo", ref.name, f"--namespace={namespace}")
    watch(namespaces=[namespace])
    await eventually(lambda: "checkout" in listener.objects)
    create_slos(slo_cluster, namespace, "second")
    await eventually(lambda: "second" in listener.objects)
    assert slo_cluster.get("slo", ref.name, f"--namespace={namespace}") == before


HOSTILE_ANNOTATIONS = {
    "kopf.zalando.org/last-handled-configuration": "{not json",
    "kopf.zalando.org/watch-slos": "[]",
    "kopf.dev/watch-slos": "null",
    "example.com/odd": "a\u0001b\u202eevil\u200b🙂\ufffd",
}


async def test_a_hostile_object_arrives_and_harms_no_other(slo_cluster, namespace, watch, listener):
    watch(namespaces=[namespace])
    hostile = an_slo(
        "hostile",
        annotations={**HOSTILE_ANNOTATIONS, "example.com/huge": "x" * 200_000},
        labels={"kopf.zalando.org/x": "y"},
    )
    hostile["spec"]["description"] = "\u202e🙂 " * 200
    slo_cluster.kubectl("create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(hostile))
    await eventually(lambda: "hostile" in listener.objects)
    assert listener.objects["hostile"]["metadata"]["annotations"]["example.com/huge"] == "x" * 200_000
    create_slos(slo_cluster, namespace, "harmless")
    await eventually(lambda: "harmless" in listener.objects)
    slo_cluster.kubectl(
        "patch", "slo", "hostile", f"--namespace={namespace}", "--type=merge", "-p", '{"spec":{"target":99.5}}'
    )
    await eventually(lambda: listener.objects["hostile"]["spec"]["target"] == 99.5)
    assert listener.restarts == []


async def test_a_listener_that_fails_does_not_stop_the_watch(slo_cluster, namespace, watch, listener):
    loop = asyncio.get_running_loop()
    failures = []
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    take = listener._object
    listener._object = lambda kind, body: 1 / 0 if body["metadata"]["name"] == "bad" else take(kind, body)
    watch(namespaces=[namespace])
    create_slos(slo_cluster, namespace, "bad", "good")
    await eventually(lambda: "good" in listener.objects and failures)
    assert isinstance(failures[0], ZeroDivisionError)


async def test_after_a_restart_of_the_api_server_changes_arrive_again(slo_cluster, namespace, watch, listener):
    create_slos(slo_cluster, namespace, "before")
    watch(namespaces=[namespace])
    await eventually(lambda: "before" in listener.objects)
    await asyncio.to_thread(slo_cluster.restart, "kube-apiserver")
    create_slos(slo_cluster, namespace, "after")
    await eventually(lambda: "after" in listener.objects, 30.0)


async def test_a_user_without_a_name_can_watch_as_in_a_container(slo_cluster, namespace, watch, listener, monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr("getpass.getuser", nobody)
    create_slos(slo_cluster, namespace, "checkout")
    watch(namespaces=[namespace])
    await eventually(lambda: "checkout" in listener.objects)
    assert listener.restarts == []


async def test_a_wanted_restart_lists_anew(slo_cluster, namespace, watch, listener):
    create_slos(slo_cluster, namespace, "checkout")
    watcher = watch(namespaces=[namespace])
    await eventually(lambda: listener.lists == 1)
    watcher.restart("the watch is deaf")
    await eventually(lambda: listener.lists == 2)
    assert listener.restarts == ["the watch is deaf"]


async def test_a_missing_right_restarts_the_watch_again_and_again_and_prints_the_rule(
    slo_cluster, namespace, watch, listener, nobody_kubeconfig
):
    with capture_logs() as logs:
        watch(kubeconfig=nobody_kubeconfig, namespaces=[namespace])
        await eventually(lambda: len(listener.restarts) >= 2, 40.0)
    rule = 'grant {apiGroups: ["backstop.dev"], resources: ["slos"], verbs: ["list", "watch"]}'
    assert listener.restarts[0].endswith(rule)
    restarts = [entry for entry in logs if entry["event"] == "watch.restarted"]
    assert [entry["attempt"] for entry in restarts[:2]] == [1, 2]
    assert restarts[0]["reason"].endswith(rule)


async def test_credentials_that_cannot_be_read_yet_are_tried_again(
    slo_cluster, namespace, watch, listener, operator_kubeconfig, tmp_path
):
    create_slos(slo_cluster, namespace, "checkout")
    path = tmp_path / "written-later"
    with capture_logs() as logs:
        watch(kubeconfig=path, namespaces=[namespace])
        await eventually(lambda: "watch.login_failed" in {entry["event"] for entry in logs})
        path.write_text(operator_kubeconfig.read_text())
        await eventually(lambda: "checkout" in listener.objects)
    assert listener.restarts == []


async def test_a_watch_without_credentials_can_be_stopped(watch, tmp_path):
    with capture_logs() as logs:
        watcher = watch(kubeconfig=tmp_path / "missing")
        await eventually(lambda: logs)
    assert await asyncio.to_thread(watcher.stop)


async def test_credentials_that_the_server_does_not_take_end_the_run(
    namespace, watch, listener, operator_kubeconfig, tmp_path
):
    given = yaml.safe_load(operator_kubeconfig.read_text())
    given["users"][0]["user"]["token"] = "forged"
    path = tmp_path / "forged"
    path.write_text(yaml.safe_dump(given))
    watch(kubeconfig=path, namespaces=[namespace])
    await eventually(lambda: len(listener.restarts) >= 2)
    assert "LoginError" in listener.restarts[0]


async def test_stopping_is_quick_even_while_the_server_cannot_be_reached(
    watch, listener, operator_kubeconfig, tmp_path
):
    given = yaml.safe_load(operator_kubeconfig.read_text())
    given["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "unreachable"
    path.write_text(yaml.safe_dump(given))
    watcher = watch(kubeconfig=path)
    began = asyncio.get_running_loop().time()
    await eventually(lambda: listener.restarts, 30.0)
    assert asyncio.get_running_loop().time() - began < 20
    began = asyncio.get_running_loop().time()
    assert await asyncio.to_thread(watcher.stop)
    assert asyncio.get_running_loop().time() - began < 3


def test_a_snapshot_is_a_copy_without_managed_fields():
    body = {"metadata": {"name": "a", "managedFields": [1], "labels": {"x": "y"}}, "spec": {"list": [1]}}
    copied = snapshot(body)
    body["spec"]["list"].append(2)
    body["metadata"]["labels"]["x"] = "z"
    assert copied == {"metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"list": [1]}}


def test_other_errors_are_named_as_they_are():
    assert explain(ValueError("odd"), "SLO") == "ValueError: odd"
