"""The election on real Leases: two replicas, and everything that can happen to the API server between them."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.lease import LeaseElector
from backstop.domain.leadership import LeaseSettings
from backstop.vocabulary import LEASE_NAME
from tests.adapters.kubernetes.fixtures import RealClock
from tests.adapters.kubernetes.stalling import stallable_proxy
from tests.adapters.kubernetes.waiting import eventually

pytestmark = pytest.mark.cluster

QUICK = LeaseSettings(duration=3, renew_deadline=2, retry_period=0.3)


class FrozenClock(RealClock):
    """The wall clock stands still; monotonic time goes on."""

    def now(self):
        return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Replica:
    """One elector, with a record of what it was told and when."""

    def __init__(self, client, namespace, identity, clock, settings=QUICK):
        self.changes = []
        self.elector = LeaseElector(
            client,
            namespace=namespace,
            identity=identity,
            clock=clock,
            settings=settings,
            on_change=lambda leading: self.changes.append((leading, time.monotonic())),
        )
        self.task = None

    @property
    def leads(self):
        return self.elector.is_leader()

    def start(self):
        self.task = asyncio.create_task(self.elector.run())

    async def kill(self):
        """Stop without a word, as kill -9 would."""
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def replicas(client, namespace, clock):
    """Makes replicas that take part in one election, and ends them."""
    made = []

    def make(identity, **options):
        replica = Replica(options.pop("client", client), namespace, identity, options.pop("clock", clock), **options)
        made.append(replica)
        replica.start()
        return replica

    yield make
    for replica in made:
        await replica.kill()


def the_lease(cluster, namespace):
    return cluster.get("lease", LEASE_NAME, f"--namespace={namespace}")


async def test_one_leads_and_the_lease_says_who(slo_cluster, namespace, replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    second = replicas("second")
    await eventually(lambda: second.elector.holder == "first")
    assert not second.leads
    spec = the_lease(slo_cluster, namespace)["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("first", 3, 0)
    assert first.elector.token.identity == "first"
    assert second.elector.token is None


async def test_a_renewal_is_visible_and_begins_no_new_term(slo_cluster, namespace, replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    before = the_lease(slo_cluster, namespace)["spec"]
    await eventually(lambda: the_lease(slo_cluster, namespace)["spec"]["renewTime"] != before["renewTime"])
    after = the_lease(slo_cluster, namespace)["spec"]
    assert after["leaseTransitions"] == before["leaseTransitions"]
    assert after["acquireTime"] == before["acquireTime"]


async def test_after_a_kill_the_other_takes_over_once_the_lease_expired(replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    second = replicas("second")
    await eventually(lambda: second.elector.holder == "first")
    await first.kill()
    killed = time.monotonic()
    await eventually(lambda: second.leads)
    assert not first.leads
    assert QUICK.renew_deadline < second.changes[-1][1] - killed < QUICK.duration + 2
    assert second.elector.token.transitions == 1


async def test_after_a_release_the_other_leads_at_once(replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    second = replicas("second")
    await eventually(lambda: second.elector.holder == "first")
    await first.kill()
    await first.elector.release()
    released = time.monotonic()
    assert not first.leads
    await eventually(lambda: second.leads)
    assert second.changes[-1][1] - released < 1.0


async def test_releasing_without_leading_touches_nothing(slo_cluster, namespace, replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    second = replicas("second")
    await eventually(lambda: second.elector.holder == "first")
    await second.elector.release()
    assert the_lease(slo_cluster, namespace)["spec"]["holderIdentity"] == "first"


async def test_a_lease_that_is_deleted_ends_the_term_and_begins_another(slo_cluster, namespace, replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    uid = first.elector.token.lease_uid
    slo_cluster.kubectl("delete", "lease", LEASE_NAME, f"--namespace={namespace}")
    await eventually(lambda: first.elector.token is not None and first.elector.token.lease_uid != uid)
    assert [leading for leading, _ in first.changes] == [True, False, True]


async def test_a_lease_taken_by_another_tool_ends_the_term(slo_cluster, namespace, replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    slo_cluster.kubectl(
        "patch", "lease", LEASE_NAME, f"--namespace={namespace}", "--type=merge",
        "-p", '{"spec": {"holderIdentity": "thief"}}',
    )  # fmt: skip
    await eventually(lambda: not first.leads)
    assert first.elector.holder == "thief"
    await eventually(lambda: first.leads)  # the thief does not renew


async def test_what_others_keep_in_the_lease_stays(slo_cluster, namespace, replicas):
    first = replicas("first")
    await eventually(lambda: first.leads)
    slo_cluster.kubectl("label", "lease", LEASE_NAME, f"--namespace={namespace}", "team=platform")
    before = the_lease(slo_cluster, namespace)["spec"]["renewTime"]
    await eventually(lambda: the_lease(slo_cluster, namespace)["spec"]["renewTime"] != before)
    assert the_lease(slo_cluster, namespace)["metadata"]["labels"] == {"team": "platform"}
    assert first.leads


async def test_wall_clocks_that_jump_change_nothing(slo_cluster, namespace, replicas):
    class JumpingClock(RealClock):
        jump = 0.0

        def now(self):
            return super().now() + timedelta(seconds=self.jump)

    mad, frozen = JumpingClock(), FrozenClock()
    first = replicas("first", clock=mad)
    await eventually(lambda: first.leads)
    second = replicas("second", clock=frozen)
    await eventually(lambda: second.elector.holder == "first")
    for jump in (-86400.0, 86400.0, -3600.0, 0.0):
        mad.jump = jump
        before = the_lease(slo_cluster, namespace)["spec"]["renewTime"]
        await eventually(lambda before=before: the_lease(slo_cluster, namespace)["spec"]["renewTime"] != before)
    assert first.changes[1:] == []
    assert second.changes == []


async def test_a_leader_whose_wall_clock_stands_still_keeps_its_lease(replicas):
    first = replicas("first", clock=FrozenClock())
    await eventually(lambda: first.leads)
    second = replicas("second")
    began = time.monotonic()
    await eventually(lambda: time.monotonic() > began + QUICK.duration + 1, 30.0)
    assert first.leads
    assert second.changes == []


async def test_during_an_outage_the_leader_steps_down_before_its_lease_expires_and_comes_back(slo_cluster, replicas):
    first, second = replicas("first"), replicas("second")
    await eventually(lambda: first.leads or second.leads)
    leader = first if first.leads else second
    with capture_logs() as logs:
        await asyncio.to_thread(slo_cluster.stop, "kube-apiserver")
        stopped = time.monotonic()
        await eventually(lambda: leader.changes[-1][0] is False)
        assert leader.changes[-1][1] - stopped < QUICK.renew_deadline + 0.2
        await asyncio.to_thread(slo_cluster.start, "kube-apiserver")
    await eventually(lambda: first.leads or second.leads, 30.0)
    assert not (first.leads and second.leads)
    assert "lease.unreachable" in {entry["event"] for entry in logs}


async def test_a_hanging_api_server_costs_the_leadership_in_time(operator_kubeconfig, replicas, tmp_path):
    async with stallable_proxy(operator_kubeconfig, tmp_path) as (kubeconfig, flowing):
        client = await KubernetesClient.connect(ClientSettings(kubeconfig=kubeconfig, timeout_seconds=60.0))
        first = replicas("first", client=client)
        await eventually(lambda: first.leads)
        flowing.clear()
        stalled = time.monotonic()
        await eventually(lambda: first.changes[-1][0] is False)
        assert first.changes[-1][1] - stalled < QUICK.renew_deadline + 0.2
        second = replicas("second")
        await eventually(lambda: second.leads)
        flowing.set()
        await eventually(lambda: first.elector.holder == "second", 30.0)
        assert not first.leads
        await first.kill()
        await client.close()


async def test_without_rights_the_log_prints_the_rule_and_nobody_leads(powerless_client, replicas):
    with capture_logs() as logs:
        first = replicas("first", client=powerless_client)
        await eventually(lambda: logs)
    assert not first.leads
    assert logs[0]["event"] == "lease.forbidden"
    assert f'resources: ["leases"], verbs: ["get"], resourceNames: ["{LEASE_NAME}"]' in logs[0]["problem"]
