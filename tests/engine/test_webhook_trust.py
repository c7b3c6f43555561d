"""The webhook's certificate over months: made, trusted before it is shown, renewed by the leader, and survived."""

import asyncio
import contextlib
import itertools

import pytest
from structlog.testing import capture_logs

from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict
from backstop.domain.webhook_certificate import BACKDATED, LIFETIME, Certificate
from backstop.engine.webhook_trust import LOOK_SECONDS, RETRY_SECONDS, SETTLE_SECONDS, WebhookTrust
from backstop.ports.webhook import KeyPair, Stored
from tests.fakes.clock import LoopClock

pytestmark = pytest.mark.looptime

NAME = "backstop-webhook.backstop-system.svc"
DAY = 86_400.0
ROUND = LOOK_SECONDS + SETTLE_SECONDS + 1  # by then every replica has looked, and a renewal is done


class Issuer:
    """Certificates as numbers; what is not among them cannot be read."""

    def __init__(self):
        self.made = {}

    def issue(self, names, *, now):
        number = len(self.made) + 1
        pair = KeyPair(certificate=b"c%d" % number, key=b"k%d" % number, authority=b"a%d" % number)
        self.made[pair] = Certificate(names=frozenset(names), not_before=now - BACKDATED, not_after=now + LIFETIME)
        return pair

    def read(self, pair):
        return self.made.get(pair)


class Cluster:
    """The Secret and the configuration. `problem` is raised by the next calls of that name until it is taken away."""

    def __init__(self):
        self.secret = Stored(version="0", pair=None)
        self.trusted = ()
        self.problems = {}
        self.told = []
        self._versions = itertools.count(1)

    async def read(self):
        self._complain("read")
        return self.secret

    async def write(self, pair, authorities, *, version):
        self._complain("write")
        if version != self.secret.version:
            raise Conflict("the Secret moved on")
        self.secret = Stored(version=str(next(self._versions)), pair=pair, authorities=authorities)
        self.told.append(("write", pair.certificate))
        return self.secret

    async def trust(self, authorities):
        self._complain("trust")
        if set(authorities) <= set(self.trusted):
            return False
        self.trusted = authorities
        self.told.append(("trust", authorities))
        return True

    def _complain(self, call):
        if call in self.problems:
            raise self.problems[call]


class Server:
    """Notes what it shows, and whether the API server trusted it at that moment."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.shown = None
        self.refuses = False
        self.ends = []  # when what it shows ends, as it is told

    def serve(self, pair):
        if self.refuses:
            raise ValueError("the certificate cannot be used")
        self.shown = pair

    @property
    def trusted(self):
        return self.shown is not None and self.shown.authority in self.cluster.trusted


class Leads:
    def __init__(self, *, leads):
        self.leads = leads

    def is_leader(self):
        return self.leads


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
def replica(cluster, issuer, clock):
    """Start replicas; they end with the test."""
    with contextlib.ExitStack() as ended:

        def start(*, leads=True, names=(NAME,)):
            server, leadership = Server(cluster), Leads(leads=leads)
            trust = WebhookTrust(
                store=cluster,
                issuer=issuer,
                server=server,
                clock=clock,
                leadership=leadership,
                names=names,
                in_use_until=server.ends.append,
            )
            task = asyncio.get_running_loop().create_task(trust.run())
            ended.callback(task.cancel)
            return server, leadership

        yield start


async def test_the_first_certificate_is_made_trusted_and_shown_at_once(cluster, replica):
    server, _ = replica()
    await asyncio.sleep(1)
    assert server.trusted
    assert cluster.told == [("write", b"c1"), ("trust", (b"a1",))]


async def test_without_any_certificate_a_replica_that_does_not_lead_makes_one_rather_than_wait(cluster, replica):
    server, _ = replica(leads=False)
    await asyncio.sleep(1)
    assert server.trusted


async def test_of_many_replicas_that_start_together_all_show_the_same_certificate(cluster, replica):
    servers = [replica(leads=False)[0] for _ in range(5)]
    await asyncio.sleep(1)
    assert {server.shown for server in servers} == {cluster.secret.pair}
    assert all(server.trusted for server in servers)


async def test_only_the_leader_renews_and_it_does_so_after_60_days(cluster, replica, clock):
    _, leadership = replica(leads=False)
    await asyncio.sleep(1)
    clock.jump(61 * DAY)
    await asyncio.sleep(ROUND)
    assert cluster.secret.pair.certificate == b"c1"
    leadership.leads = True
    await asyncio.sleep(ROUND)
    assert cluster.secret.pair.certificate == b"c2"


async def test_over_a_year_no_replica_ever_shows_what_the_api_server_does_not_trust(cluster, replica, issuer, clock):
    servers = [replica()[0], replica(leads=False)[0], replica(leads=False)[0]]
    await asyncio.sleep(1)
    for _ in range(365):
        clock.jump(DAY)
        for _ in range(int(ROUND)):
            await asyncio.sleep(1)
            assert all(server.trusted for server in servers)
    assert len(issuer.made) == 7  # the first, and one each 60 days
    assert len(cluster.trusted) == 2  # the present one and the one before


async def test_a_new_authority_is_trusted_a_while_before_any_certificate_of_it_can_be_seen(cluster, replica, clock):
    server, _ = replica()
    await asyncio.sleep(1)
    clock.jump(60 * DAY)
    first = cluster.secret.pair
    await asyncio.sleep(LOOK_SECONDS)
    assert cluster.trusted == (b"a2", b"a1")
    assert cluster.secret.pair == server.shown == first
    await asyncio.sleep(SETTLE_SECONDS - 2)
    assert cluster.secret.pair == server.shown == first
    await asyncio.sleep(3)
    assert server.shown.certificate == b"c2"
    assert [(end - server.ends[0]).days for end in server.ends] == [0, 60]


async def test_a_lost_authority_in_the_configuration_is_put_back(cluster, replica):
    server, _ = replica(leads=False)
    await asyncio.sleep(1)
    cluster.trusted = ()
    await asyncio.sleep(LOOK_SECONDS)
    assert server.trusted


async def test_a_secret_that_somebody_emptied_gets_a_new_certificate(cluster, replica):
    server, _ = replica(leads=False)
    await asyncio.sleep(1)
    cluster.secret = Stored(version="emptied", pair=None)
    await asyncio.sleep(LOOK_SECONDS)
    assert server.shown == cluster.secret.pair != None  # noqa: E711
    assert server.trusted


async def test_what_cannot_be_read_in_the_secret_is_replaced(cluster, replica, issuer):
    cluster.secret = Stored(version="0", pair=KeyPair(certificate=b"x", key=b"y", authority=b"z"), authorities=(b"z",))
    server, _ = replica(leads=False)
    await asyncio.sleep(1)
    assert server.shown in issuer.made
    assert server.trusted


async def test_a_certificate_for_other_names_is_replaced_by_the_leader_alone(cluster, replica):
    replica(leads=False, names=("old.svc",))
    await asyncio.sleep(1)
    server, leadership = replica(leads=False)
    await asyncio.sleep(1)
    assert server.shown.certificate == b"c1"
    leadership.leads = True
    await asyncio.sleep(ROUND)
    assert server.shown.certificate == b"c2"


@pytest.mark.parametrize("problem", [ClusterUnavailable("no answer"), AccessDenied("grant get secrets")])
@pytest.mark.parametrize("call", ["read", "write", "trust"])
async def test_what_fails_is_tried_again_and_said(cluster, replica, call, problem):
    cluster.problems[call] = problem
    with capture_logs() as logs:
        server, _ = replica()
        await asyncio.sleep(1)
    assert not server.trusted
    assert str(problem) in str(logs)
    del cluster.problems[call]
    await asyncio.sleep(RETRY_SECONDS)
    assert server.trusted


async def test_while_the_cluster_cannot_be_asked_what_is_shown_stays(cluster, replica, clock):
    server, _ = replica()
    await asyncio.sleep(1)
    cluster.problems["read"] = ClusterUnavailable("no answer")
    clock.jump(80 * DAY)
    await asyncio.sleep(ROUND)
    assert server.shown.certificate == b"c1"


async def test_a_certificate_that_the_server_cannot_use_is_said_and_the_replica_stays_without(cluster, replica):
    server, _ = replica(leads=False)
    server.refuses = True
    with capture_logs() as logs:
        await asyncio.sleep(1)
    assert server.shown is None
    assert "webhook.certificate_unusable" in [entry["event"] for entry in logs]
    server.refuses = False
    await asyncio.sleep(LOOK_SECONDS)
    assert server.trusted
