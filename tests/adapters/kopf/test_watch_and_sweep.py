"""Watch, LIST and intake together, wired as the operator wires them, on a real API server."""

import asyncio
import contextlib
import time

import pytest

from backstop.adapters.kopf.login import Credentials
from backstop.adapters.kopf.watcher import WatchCallbacks, Watcher
from backstop.adapters.kubernetes.intake import Intake
from backstop.adapters.kubernetes.lister import Lister
from backstop.adapters.kubernetes.sweeper import Sweeper
from tests.adapters.kubernetes.slos import create_slos
from tests.adapters.kubernetes.waiting import eventually

pytestmark = pytest.mark.cluster


class Wired:
    """The reading side of the operator, and what its engine holds."""

    def __init__(self, client, clock, namespace):
        self.client = client
        self.namespace = namespace
        self.objects = {}  # uid: body
        self.deliveries = 0
        self.synced = 0
        self.deaf = []
        self.intake = Intake(
            on_object=self._put,
            on_deleted=lambda _, uid: self.objects.pop(uid, None),
            on_synced=self._keep,
            on_deaf=self.deaf.append,
            monotonic=time.monotonic,
        )
        self.sweeper = Sweeper(
            Lister(client),
            self.intake,
            clock=clock,
            namespaces=[namespace],
            on_absent=self.deaf.append,
            on_served=self.deaf.append,
        )
        self.watcher = None

    @property
    def names(self):
        return sorted(body["metadata"]["name"] for body in self.objects.values())

    def watch(self):
        callbacks = WatchCallbacks(
            on_object=self.intake.watched,
            on_deleted=self.intake.unwatched,
            on_listed=self.sweeper.request,
            on_restart=lambda kind, _: self.sweeper.request(kind),
        )
        self.watcher = Watcher(
            "SLO", callbacks, loop=asyncio.get_running_loop(), namespaces=[self.namespace], login=self._log_in
        )
        self.watcher.start()

    async def _log_in(self):
        given = await self.client.connection()
        return Credentials(server=given.server, ca_path=given.ca_path, token=given.token)

    def _put(self, _, body):
        self.deliveries += 1
        self.objects[body["metadata"]["uid"]] = body

    def _keep(self, kind, present):
        if kind == "SLO":  # these tests are about one kind
            self.synced += 1
            self.objects = {uid: body for uid, body in self.objects.items() if uid in present}


@pytest.fixture
async def wired(client, clock, namespace):
    made = Wired(client, clock, namespace)
    sweeping = asyncio.create_task(made.sweeper.run())
    made.watch()
    yield made
    sweeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sweeping
    await asyncio.to_thread(made.watcher.stop)


async def test_two_hundred_objects_are_delivered_once_each_although_two_see_them(slo_cluster, namespace, wired):
    create_slos(slo_cluster, namespace, *(f"slo-{n:03}" for n in range(200)))
    await eventually(lambda: len(wired.objects) == 200)
    before = wired.synced
    wired.sweeper.request("SLO")
    await eventually(lambda: wired.synced > before)
    assert wired.deliveries == 200
    assert wired.deaf == []


async def test_what_was_deleted_between_two_watches_is_gone_after_the_next_one_began(slo_cluster, namespace, wired):
    create_slos(slo_cluster, namespace, "stays", "goes")
    await eventually(lambda: wired.names == ["goes", "stays"])
    await asyncio.to_thread(wired.watcher.stop)
    slo_cluster.kubectl("delete", "slo", "goes", f"--namespace={namespace}")
    wired.watch()
    await eventually(lambda: wired.names == ["stays"])


async def test_an_object_made_anew_under_the_same_name_replaces_the_old_one(slo_cluster, namespace, wired):
    (old,) = create_slos(slo_cluster, namespace, "checkout")
    await eventually(lambda: old.uid in wired.objects)
    slo_cluster.kubectl("delete", "slo", "checkout", f"--namespace={namespace}")
    (new,) = create_slos(slo_cluster, namespace, "checkout")
    await eventually(lambda: set(wired.objects) == {new.uid})


async def test_changes_during_a_restart_of_the_api_server_are_not_lost(slo_cluster, namespace, wired):
    create_slos(slo_cluster, namespace, "stays", "goes")
    await eventually(lambda: wired.names == ["goes", "stays"])
    await asyncio.to_thread(slo_cluster.restart, "kube-apiserver")
    slo_cluster.kubectl("delete", "slo", "goes", f"--namespace={namespace}")
    create_slos(slo_cluster, namespace, "new")
    await eventually(lambda: wired.names == ["new", "stays"], 30.0)
