"""The complete LIST on a real API server: finds what was deleted while nobody listened."""

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from backstop.adapters.kubernetes.calls import KINDS, SLOS, Resource
from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.errors import Expired, NotFound
from backstop.adapters.kubernetes.intake import Intake
from backstop.adapters.kubernetes.lister import Lister
from backstop.adapters.kubernetes.sweeper import Sweeper
from backstop.domain.errors import AccessDenied, ClusterUnavailable
from tests.adapters.kubernetes.slos import create_slos
from tests.adapters.kubernetes.waiting import eventually
from tests.fakes.clock import LoopClock

pytestmark = pytest.mark.cluster


class Engine:
    def __init__(self):
        self.objects = {}  # uid: kind, name
        self.synced = []
        self.served = []
        self.absent = []
        self.intake = Intake(
            on_object=lambda kind, body: self.objects.__setitem__(
                body["metadata"]["uid"], (kind, body["metadata"]["name"])
            ),
            on_deleted=lambda _, uid: self.objects.pop(uid, None),
            on_synced=self._keep,
            on_deaf=lambda _: None,
            monotonic=lambda: 0.0,
        )

    @property
    def names(self):
        return sorted(name for _, name in self.objects.values())

    def _keep(self, kind, present):
        self.synced.append((kind, present))
        self.objects = {uid: known for uid, known in self.objects.items() if known[0] != kind or uid in present}


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
async def sweeping(client, clock, engine):
    """Starts sweepers and stops them."""
    tasks = []

    def start(lister=None, **options):
        sweeper = Sweeper(
            lister or Lister(client, page_size=7),
            engine.intake,
            clock=clock,
            on_absent=engine.absent.append,
            on_served=engine.served.append,
            **options,
        )
        tasks.append(asyncio.create_task(sweeper.run()))
        return sweeper

    yield start
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_all_objects_are_listed_over_many_pages(slo_cluster, namespace, sweeping, engine):
    refs = create_slos(slo_cluster, namespace, *(f"slo-{n:02}" for n in range(30)))
    sweeping(namespaces=[namespace])
    await eventually(lambda: len(engine.synced) == len(KINDS))
    nothing = {kind: frozenset() for kind in KINDS}
    assert dict(engine.synced) == nothing | {"SLO": frozenset(ref.uid for ref in refs)}
    assert engine.names == [f"slo-{n:02}" for n in range(30)]


async def test_what_was_deleted_while_nobody_listened_is_found(slo_cluster, namespace, sweeping, engine):
    create_slos(slo_cluster, namespace, "a", "b")
    sweeper = sweeping(namespaces=[namespace])
    await eventually(lambda: engine.names == ["a", "b"])
    slo_cluster.kubectl("delete", "slo", "a", f"--namespace={namespace}")
    sweeper.request("SLO")
    await eventually(lambda: engine.names == ["b"])


async def test_it_lists_again_after_its_interval_without_being_asked(slo_cluster, namespace, sweeping, engine):
    sweeping(namespaces=[namespace], interval_seconds=0.1)
    await eventually(lambda: engine.synced)
    create_slos(slo_cluster, namespace, "later")
    await eventually(lambda: engine.names == ["later"])


async def test_several_namespaces_make_one_list(slo_cluster, namespace, sweeping, engine):
    create_slos(slo_cluster, namespace, "here")
    sweeping(namespaces=[namespace, "never-was"])
    await eventually(lambda: engine.synced)
    assert engine.names == ["here"]
    await eventually(lambda: len(engine.synced) == len(KINDS))
    assert [kind for kind, _ in engine.synced] == list(KINDS)  # each once


async def test_without_the_right_to_list_it_says_which_rule_is_missing_and_is_never_ready(
    powerless_client, namespace, sweeping, engine
):
    with capture_logs() as logs:
        sweeper = sweeping(Lister(powerless_client), namespaces=[namespace])
        await eventually(lambda: len(sweeper.problems) == len(KINDS))
    assert all(isinstance(problem, AccessDenied) for problem in sweeper.problems.values())
    assert logs[0]["event"] == "sweep.forbidden"
    assert 'grant {apiGroups: ["backstop.dev"], resources: ["slos"], verbs: ["list"]}' in logs[0]["problem"]
    assert engine.synced == []


async def test_a_kind_that_is_installed_later_is_listed_and_announced(slo_cluster, sweeping, engine, monkeypatch):
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=slo_cluster.kubeconfig))
    kinds = "backstop.adapters.kubernetes.{}.KINDS"
    later = {"Later": Resource("backstop.dev", "v1alpha1", "not-yet-there")}
    for module in ("lister", "sweeper"):
        monkeypatch.setattr(kinds.format(module), later)
    with capture_logs() as logs:
        sweeper = sweeping(Lister(client))
        await eventually(lambda: sweeper.problems)
        later["Later"] = SLOS
        await eventually(lambda: engine.synced)
    assert engine.served == ["Later"]
    assert engine.absent[0] == "Later"
    assert sweeper.problems == {}
    assert [entry["event"] for entry in logs if entry["log_level"] != "debug"] == [
        "sweep.kind_not_served",
        "sweep.kind_served",
    ]
    await client.close()


class AgingLister:
    """Its pages expire the given number of times."""

    def __init__(self, times):
        self.times = times

    async def list_all(self, kind, *, namespace, deliver):
        deliver({"metadata": {"uid": f"try-{self.times}", "name": f"try-{self.times}", "resourceVersion": "1"}})
        if self.times:
            self.times -= 1
            raise Expired("the continue token is too old")


async def test_a_list_whose_pages_expire_begins_anew_and_keeps_nothing_of_the_old_one(engine, clock):
    sweeper = Sweeper(AgingLister(2), engine.intake, clock=clock, on_absent=print, on_served=print)
    await sweeper.sweep("SLO")
    assert engine.names == ["try-0"]


async def test_a_list_whose_pages_always_expire_is_a_failure_not_a_sync(engine, clock):
    sweeper = Sweeper(AgingLister(99), engine.intake, clock=clock, on_absent=print, on_served=print)
    with pytest.raises(ClusterUnavailable, match="expire faster than they can be read"):
        await sweeper.sweep("SLO")
    assert engine.synced == []


class PartLister:
    """Knows SLOs only: what an installation looks like whose CRDs or roles are older than its operator."""

    def __init__(self, problem):
        self.problem = problem
        self.asked = []

    async def list_all(self, kind, *, namespace, deliver):
        self.asked.append(kind)
        if kind != "SLO" and self.problem is not None:
            raise self.problem
        deliver({"metadata": {"uid": kind, "name": kind.lower(), "resourceVersion": "1"}})


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(NotFound("no such kind"), id="not installed"),
        pytest.param(AccessDenied("grant it"), id="forbidden"),
    ],
)
@pytest.mark.looptime
async def test_a_kind_that_cannot_be_listed_holds_up_no_other_and_is_tried_alone(problem, engine):
    lister = PartLister(problem)
    sweeper = Sweeper(
        lister, engine.intake, clock=LoopClock(), on_absent=engine.absent.append, on_served=engine.served.append
    )
    sweeping = asyncio.create_task(sweeper.run())
    await asyncio.sleep(200)
    assert engine.synced == [("SLO", frozenset({"SLO"}))]
    assert lister.asked.count("SLO") == 1
    others = set(KINDS) - {"SLO"}
    assert all(lister.asked.count(kind) > 5 for kind in others)
    assert set(engine.absent) == others
    lister.problem = None
    await asyncio.sleep(20)
    assert sorted(engine.served) == sorted(others)
    assert sorted(engine.names) == sorted(kind.lower() for kind in KINDS)
    sweeping.cancel()


@pytest.mark.looptime
async def test_a_request_lists_the_kind_that_it_names_and_no_other(engine):
    lister = PartLister(None)
    sweeper = Sweeper(lister, engine.intake, clock=LoopClock(), on_absent=print, on_served=print)
    sweeping = asyncio.create_task(sweeper.run())
    await asyncio.sleep(5)
    for _ in range(10):
        sweeper.request("MaintenanceWindow")
    await asyncio.sleep(5)
    assert lister.asked == [*KINDS, "MaintenanceWindow"]
    sweeping.cancel()
