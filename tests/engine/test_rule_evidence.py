"""Evidence of rules that are not about SLOs, over simulated time: paces, trouble and recovery, edits, and bounds."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from backstop.domain.alert_facts import NodeFacts, RunFacts, RunHistory, SampleFacts, Unreadable
from backstop.domain.alert_policy import (
    AlertPolicy,
    BurnRate,
    ConsecutiveFailures,
    NodeCondition,
    NoSuccess,
    Query,
    Rule,
    Runs,
    Severity,
)
from backstop.domain.errors import AccessDenied, ClusterUnavailable, QueryRejected, SourceUnreachable
from backstop.domain.slo import Comparison, Uid
from backstop.engine.rule_evidence import NODES_EVERY_SECONDS, RUNS_EVERY_SECONDS, Evidence, RuleEvidence
from backstop.engine.rule_queries import LOOK_AGAIN_SECONDS
from backstop.engine.sources import SourceBinding
from backstop.ports.metrics import Sample
from tests.fakes.clock import START, LoopClock
from tests.fakes.metrics_source import FakeMetricsSource

pytestmark = pytest.mark.looptime

AHEAD = 100.0  # seconds by which the source's clock differs from ours
BACKUP = Runs(cron_job="backup")


class FakeNodes:
    def __init__(self):
        self.asked = []
        self.nodes = [NodeFacts(name="worker-1")]
        self.problem = None

    async def read_nodes(self, selector):
        self.asked.append((asyncio.get_running_loop().time(), dict(selector)))
        if self.problem is not None:
            raise self.problem
        return self.nodes


class FakeRuns:
    def __init__(self):
        self.asked = []
        self.history = RunHistory(runs=(), complete_since=0.0)
        self.problem = None

    async def read_runs(self, namespace, of):
        self.asked.append((asyncio.get_running_loop().time(), namespace, of))
        if self.problem is not None:
            raise self.problem
        return self.history


class Scene:
    """Rules being asked for, with everything around them faked."""

    def __init__(self, *, timeout_seconds=10.0, concurrency=8, **binding):
        self.clock = LoopClock()
        self.source = FakeMetricsSource(timeout_seconds=timeout_seconds, concurrency=concurrency)
        self.source.answer_by(lambda e, _: [Sample({}, self.source_time())] if e == "time()" else None)
        self.nodes, self.runs = FakeNodes(), FakeRuns()
        self.changes = []
        self.evidence = RuleEvidence(
            clock=self.clock, nodes=self.nodes, runs=self.runs, changed=lambda *key: self.changes.append(key)
        )
        self.binding = SourceBinding(source=self.source, **binding)
        self.evidence.set_sources({"default": self.binding})

    def source_time(self):
        return self.clock.now().timestamp() + AHEAD

    def asked(self, part):
        return [each for each in self.source.asked if part in each.expression]

    def facts(self, rule, policy="shop"):
        found = self.evidence.evidence_of(Uid(policy), rule)
        return None if found is None else found.facts


@asynccontextmanager
async def scene(**settings):
    built = Scene(**settings)
    task = asyncio.create_task(built.evidence.run())
    try:
        yield built
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def a_policy(*rules, uid="shop", namespace="shop"):
    return AlertPolicy(uid=Uid(uid), namespace=namespace, name=uid, generation=1, slos=None, rules=rules)


def a_rule(when, name="rule", **changes):
    return Rule(name=name, severity=Severity.P1, when=when, **changes)


def a_query(expression="pool_used", *, name="pool", interval=30.0, **changes):
    limit = {"op": Comparison.GT, "value": Decimal(10), "source": "default", **changes}
    return a_rule(Query(expression=expression, interval_seconds=interval, **limit), name)


def on_nodes(name="nodes", **selector):
    return a_rule(NodeCondition(type="Ready", statuses=frozenset({"False"}), selector=selector), name)


def all_near(seconds, expected):
    """The loop looks for what is due every 50 ms at most."""
    return all(each == pytest.approx(expected, abs=0.06) for each in seconds)


def gaps(times):
    return [later - earlier for earlier, later in pairwise(times)]


async def test_a_query_is_asked_at_once_at_source_time_and_its_answer_kept():
    async with scene() as s:
        s.source.answer("pool_used", Sample({"pod": "db"}, 20.0))
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        (asked,) = s.asked("pool_used")
        assert asked.at == pytest.approx(START.timestamp() + AHEAD, abs=0.5)
        assert s.evidence.evidence_of(Uid("shop"), "pool") == Evidence(
            asked.at, (SampleFacts(labels={"pod": "db"}, value=20.0),)
        )
        assert s.changes == [("shop", "pool")]


async def test_a_source_whose_samples_come_late_is_asked_for_a_time_by_which_they_have_come():
    async with scene(ingestion_delay_seconds=40.0) as s:
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        assert s.asked("pool_used")[0].at == pytest.approx(START.timestamp() + AHEAD - 40, abs=0.5)


@pytest.mark.parametrize("interval", [1, 5, 30, 300])
async def test_each_query_keeps_its_interval(interval):
    async with scene() as s:
        s.evidence.follow([a_policy(a_query(interval=float(interval)))])
        await asyncio.sleep(20.5 * interval)
        assert 20 <= len(s.asked("pool_used")) <= 22
        assert all_near(gaps([each.at for each in s.asked("pool_used")])[1:], interval)


async def test_no_query_is_asked_more_than_once_a_second():
    async with scene() as s:
        s.evidence.follow([a_policy(a_query(interval=0.01))])
        await asyncio.sleep(30)
        assert len(s.asked("pool_used")) <= 31


async def test_what_several_rules_ask_alike_is_asked_once_at_the_shortest_interval():
    async with scene() as s:
        rules = [a_query(name="slow", interval=60.0), a_query(name="fast", interval=10.0)]
        s.evidence.follow([a_policy(*rules, uid="a"), a_policy(*rules, uid="b")])
        await asyncio.sleep(300)
        assert 30 <= len(s.asked("pool_used")) <= 31
        assert {s.changes.count((uid, rule)) for uid in "ab" for rule in ("slow", "fast")} == {
            len(s.asked("pool_used"))
        }


async def test_a_rule_that_joins_hears_of_what_is_known_without_asking_again():
    async with scene() as s:
        first = a_policy(on_nodes(), uid="a")
        s.evidence.follow([first])
        await asyncio.sleep(NODES_EVERY_SECONDS * 2)
        asked, known = len(s.nodes.asked), [first]
        for number in range(20):
            known.append(a_policy(on_nodes(), uid=f"b{number}"))
            s.evidence.follow(known)
        await asyncio.sleep(0.2)
        assert len(s.nodes.asked) <= asked + 1
        assert s.changes.count(("b19", "nodes")) >= 1
        assert s.facts("nodes", "b19") == (NodeFacts(name="worker-1"),)


async def test_enforced_matchers_are_in_what_is_asked():
    async with scene(enforced_matchers={"namespace": "$namespace"}) as s:
        s.evidence.follow([a_policy(a_query('sum(pool_used{namespace="other"}) / pool_size'))])
        await asyncio.sleep(1)
        (asked,) = s.asked("pool_used")
        assert asked.expression == 'sum(pool_used{namespace="other",namespace="shop"}) / pool_size{namespace="shop"}'


async def test_two_tenants_who_ask_alike_are_asked_for_apart():
    async with scene(enforced_matchers={"namespace": "$namespace"}) as s:
        s.source.answer('namespace="a"', 1.0)
        s.source.answer('namespace="b"', 2.0)
        s.evidence.follow([a_policy(a_query(), uid=name, namespace=name) for name in "ab"])
        await asyncio.sleep(1)
        assert [s.facts("pool", name)[0].value for name in "ab"] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("settings", "query", "problem"),
    [
        ({"allowed_namespaces": ("ads",)}, {}, "source 'default' is not allowed for namespace 'shop'"),
        ({}, {"source": "elsewhere"}, "no source is named 'elsewhere'; use one of: default"),
        ({"enforced_matchers": {"namespace": "x"}}, {"expression": "sum("}, "is missing at the end"),
        ({"enforced_matchers": {"namespace": "x"}}, {"expression": "info(up)"}, "reads the targets of all tenants"),
    ],
)
async def test_a_query_that_may_not_be_asked_is_unknown_with_the_reason_and_never_sent(settings, query, problem):
    async with scene(**settings) as s:
        s.evidence.follow([a_policy(a_query(**query), a_query("fine", name="fine", source="default"))])
        await asyncio.sleep(1)
        assert problem in s.facts("pool").message
        assert not s.asked("pool_used")
        assert ("shop", "pool") in s.changes


async def test_a_source_that_is_granted_later_is_asked_then():
    async with scene() as s:
        s.evidence.set_sources({})
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        assert "no source is configured for this namespace" in s.facts("pool").message
        s.evidence.set_sources({"default": s.binding})
        s.source.answer("pool_used", 7.0)
        await asyncio.sleep(1)
        assert s.facts("pool") == (SampleFacts(labels={}, value=7.0),)


async def test_evidence_of_a_source_that_was_replaced_is_not_kept():
    async with scene() as s:
        s.source.answer("pool_used", 7.0)
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        other = FakeMetricsSource()
        other.answer("time()", s.source_time())
        other.hang("pool_used")
        s.evidence.set_sources({"default": SourceBinding(source=other)})
        assert s.facts("pool") is None
        await asyncio.sleep(1)
        assert [each.expression for each in other.asked] == ["time()", "pool_used"]


async def test_a_source_that_is_away_makes_it_unknown_and_after_its_return_everything_is_asked_at_once():
    async with scene() as s:
        s.source.answer("pool_used", 20.0)
        s.evidence.follow([a_policy(a_query(interval=60.0))])
        await asyncio.sleep(61)
        s.source.fail(SourceUnreachable("source default: connection refused"))
        await asyncio.sleep(600)
        assert s.facts("pool") == Unreadable("source default: connection refused")
        asked = len(s.asked("pool_used"))
        s.source.recover()
        await asyncio.sleep(LOOK_AGAIN_SECONDS + 1)
        assert len(s.asked("pool_used")) == asked + 1
        assert s.facts("pool") == (SampleFacts(labels={}, value=20.0),)


async def test_a_source_that_is_away_is_asked_for_its_time_alone_however_many_rules_there_are():
    async with scene() as s:
        s.source.fail(SourceUnreachable("away"))
        s.evidence.follow([a_policy(*(a_query(f"q{n}", name=f"q{n}", interval=1.0) for n in range(200)))])
        await asyncio.sleep(120)
        assert {each.expression for each in s.source.asked} == {"time()"}
        assert len(s.source.asked) <= 120 / LOOK_AGAIN_SECONDS + 2
        assert all(isinstance(s.facts(f"q{n}"), Unreadable) for n in range(200))


async def test_unknown_is_said_at_each_interval_while_the_source_is_away():
    async with scene() as s:
        s.source.fail(SourceUnreachable("away"))
        s.evidence.follow([a_policy(a_query(interval=10.0))])
        await asyncio.sleep(100)
        assert 10 <= len(s.changes) <= 12
        assert s.evidence.evidence_of(Uid("shop"), "pool").at == pytest.approx(s.clock.now().timestamp(), abs=11)


async def test_a_source_that_hangs_is_given_up_and_all_of_its_rules_recover_within_seconds_of_its_return():
    async with scene(timeout_seconds=5.0) as s:
        s.source.answer("q", 1.0)
        names = [f"q{n}" for n in range(200)]
        s.evidence.follow([a_policy(*(a_query(name, name=name, interval=30.0) for name in names))])
        await asyncio.sleep(60)
        s.source.hang()
        await asyncio.sleep(300)
        assert all(isinstance(s.facts(name), Unreadable) for name in names)
        s.source.recover()
        await asyncio.sleep(2 * 5 + LOOK_AGAIN_SECONDS + 5)
        assert all(s.facts(name) == (SampleFacts(labels={}, value=1.0),) for name in names)


async def test_one_slow_query_delays_no_other_and_is_asked_more_rarely():
    async with scene(timeout_seconds=5.0, concurrency=2) as s:
        s.source.answer("quick", 1.0)
        s.source.hang("heavy")
        slow = [a_query(f"heavy{n}", name=f"heavy{n}", interval=10.0) for n in range(3)]
        s.evidence.follow([a_policy(a_query("quick", interval=10.0)), a_policy(*slow, uid="slow")])
        await asyncio.sleep(60)
        s.source.asked.clear()
        await asyncio.sleep(400)
        assert all_near(gaps([each.at for each in s.asked("quick")]), 10)
        assert len(s.asked("quick")) == 40
        assert len(s.asked("heavy")) <= 3 * 400 / 40 + 3
        assert "no answer within 5 s" in s.facts("heavy0", "slow").message


async def test_a_slow_query_that_has_become_quick_is_asked_at_its_interval_again():
    async with scene(timeout_seconds=5.0) as s:
        s.source.hang("heavy")
        s.evidence.follow([a_policy(a_query("heavy", interval=10.0))])
        await asyncio.sleep(100)
        s.source.recover()
        s.source.answer("heavy", 1.0)
        await asyncio.sleep(50)
        s.source.asked.clear()
        await asyncio.sleep(100)
        assert len(s.asked("heavy")) == 10


async def test_a_query_that_the_source_refuses_is_unknown_with_its_words_and_the_others_go_on():
    async with scene() as s:
        s.source.answer("fine", 1.0)
        s.source.fail(QueryRejected("bad_data: many-to-many matching"), on="wrong")
        s.evidence.follow([a_policy(a_query("wrong", name="wrong"), a_query("fine", name="fine"))])
        await asyncio.sleep(60)
        assert s.facts("wrong") == Unreadable("source default: bad_data: many-to-many matching")
        assert s.facts("fine") == (SampleFacts(labels={}, value=1.0),)


async def test_an_answer_with_warnings_is_not_whole_and_therefore_unknown():
    async with scene() as s:
        s.source.answer("pool_used", 1.0, warnings=["store-3 is unavailable"])
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        assert s.facts("pool") == Unreadable("source default: the answer is not whole: store-3 is unavailable")


@pytest.mark.parametrize(("series", "judged"), [(1000, True), (1001, False)])
async def test_more_than_a_thousand_series_are_refused_with_a_way_out(series, judged):
    async with scene() as s:
        s.source.answer("pool_used", *(Sample({"pod": str(n)}, 1.0) for n in range(series)))
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        if judged:
            assert len(s.facts("pool")) == series
        else:
            assert "1,001 series, more than 1,000; aggregate it, for example" in s.facts("pool").message


async def test_an_empty_answer_is_evidence_and_not_a_failure():
    async with scene() as s:
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        assert s.facts("pool") == ()


async def test_an_edited_query_is_asked_at_once_and_the_old_answer_does_not_stand_in():
    async with scene() as s:
        s.source.answer("old", 1.0)
        s.evidence.follow([a_policy(a_query("old"), on_nodes())])
        await asyncio.sleep(1)
        s.source.hang("new")
        s.evidence.follow([a_policy(a_query("new"), on_nodes())])
        assert s.facts("pool") is None
        assert s.facts("nodes") == (NodeFacts(name="worker-1"),)
        await asyncio.sleep(1)
        asked = [each.expression for each in s.source.asked]
        assert asked == ["time()", "old", "new"]
        await asyncio.sleep(100)
        assert len(s.asked("old")) == 1


async def test_a_shorter_interval_holds_at_once():
    async with scene() as s:
        s.evidence.follow([a_policy(a_query(interval=3600.0))])
        await asyncio.sleep(1)
        s.evidence.follow([a_policy(a_query(interval=5.0))])
        await asyncio.sleep(50)
        assert 10 <= len(s.asked("pool_used")) <= 12


async def test_a_policy_that_is_gone_is_not_asked_for_and_leaves_nothing_behind():
    async with scene() as s:
        backup = a_rule(NoSuccess(of=BACKUP, within_seconds=60.0), "backup")
        s.evidence.follow([a_policy(a_query(), on_nodes(), backup)])
        await asyncio.sleep(60)
        s.evidence.follow([])
        asked, changes = len(s.source.asked), len(s.changes)
        nodes, runs = len(s.nodes.asked), len(s.runs.asked)
        await asyncio.sleep(55)
        assert (len(s.source.asked) - asked, len(s.changes), len(s.nodes.asked), len(s.runs.asked)) == (
            1,  # for its time
            changes,
            nodes,
            runs,
        )
        assert s.facts("pool") is s.facts("nodes") is s.facts("backup") is None
        assert not s.evidence._asked
        assert not s.evidence._topics
        assert not s.evidence._policies


async def test_an_answer_that_comes_after_its_policy_was_deleted_changes_nothing():
    async with scene(timeout_seconds=5.0) as s:
        s.source.hang("pool_used")
        s.evidence.follow([a_policy(a_query())])
        await asyncio.sleep(1)
        s.evidence.follow([])
        await asyncio.sleep(60)
        assert s.changes == []


async def test_rules_that_are_switched_off_or_about_slos_ask_nothing():
    async with scene() as s:
        burning = BurnRate(long_seconds=3600, short_seconds=300, factor=Decimal(14))
        off = a_rule(NodeCondition(type="Ready", statuses=frozenset({"False"})), "off", enabled=False)
        s.evidence.follow([a_policy(a_rule(burning, "burn"), off)])
        await asyncio.sleep(60)
        assert {each.expression for each in s.source.asked} == {"time()"}
        assert s.nodes.asked == []
        assert s.evidence.evidence_of(Uid("shop"), "burn") is None


async def test_nodes_are_read_every_ten_seconds_per_selector_however_many_rules():
    async with scene() as s:
        rules = [on_nodes(f"r{n}", pool="gpu" if n % 2 else "cpu") for n in range(32)]
        s.evidence.follow([a_policy(*rules, uid=f"p{n}") for n in range(10)])
        await asyncio.sleep(100)
        for pool in ("gpu", "cpu"):
            times = [at for at, selector in s.nodes.asked if selector == {"pool": pool}]
            assert all_near(gaps(times)[1:], NODES_EVERY_SECONDS)
            assert len(times) in (10, 11)


async def test_runs_are_read_every_thirty_seconds_in_the_namespace_of_the_policy():
    async with scene() as s:
        rules = [
            a_rule(NoSuccess(of=BACKUP, within_seconds=60.0), "late"),
            a_rule(ConsecutiveFailures(of=BACKUP, count=3, within_seconds=60.0), "failing"),
        ]
        s.evidence.follow([a_policy(*rules, namespace="shop"), a_policy(*rules, uid="ads", namespace="ads")])
        await asyncio.sleep(300)
        assert {(namespace, of) for _, namespace, of in s.runs.asked} == {("shop", BACKUP), ("ads", BACKUP)}
        assert len(s.runs.asked) <= 2 * (300 / RUNS_EVERY_SECONDS + 1)


async def test_runs_that_were_deleted_meanwhile_are_still_counted():
    async with scene() as s:
        s.evidence.follow([a_policy(a_rule(ConsecutiveFailures(of=BACKUP, count=3, within_seconds=3600.0)))])
        for number in range(3):
            ended = s.clock.now().timestamp()
            run = RunFacts(name=f"backup-{number}", finished_at=ended, succeeded=False)
            s.runs.history = RunHistory(runs=(run,), complete_since=ended)
            await asyncio.sleep(60)
        assert [run.name for run in s.facts("rule").runs] == ["backup-2", "backup-1", "backup-0"]


async def test_a_cron_job_that_does_not_exist_is_named_and_unknown():
    async with scene() as s:
        s.runs.history = None
        s.evidence.follow([a_policy(a_rule(NoSuccess(of=BACKUP, within_seconds=60.0)))])
        await asyncio.sleep(1)
        assert s.facts("rule") == Unreadable("there is no CronJob backup in namespace shop")


@pytest.mark.parametrize("problem", [AccessDenied("grant {…}"), ClusterUnavailable("no answer")])
async def test_a_cluster_that_cannot_be_asked_is_unknown_and_comes_back(problem):
    async with scene() as s:
        s.nodes.problem = s.runs.problem = problem
        s.evidence.follow([a_policy(on_nodes(), a_rule(NoSuccess(of=BACKUP, within_seconds=60.0), "backup"))])
        await asyncio.sleep(60)
        assert s.facts("nodes") == s.facts("backup") == Unreadable(str(problem))
        s.nodes.problem = s.runs.problem = None
        await asyncio.sleep(RUNS_EVERY_SECONDS + 1)
        assert s.facts("nodes") == (NodeFacts(name="worker-1"),)
        assert s.facts("backup") == s.runs.history


async def test_a_defect_on_one_topic_ends_no_other():
    async with scene() as s:
        s.source.answer("pool_used", 1.0)
        s.nodes.problem = ZeroDivisionError("oops")
        s.evidence.follow([a_policy(on_nodes(), a_query())])
        with capture_logs() as logs:
            await asyncio.sleep(60)
        assert {(each["event"], *each["rules"]) for each in logs} == {("rule.defect", ("shop", "nodes"))}
        assert s.facts("nodes") == Unreadable("Backstop failed on it: ZeroDivisionError: oops")
        assert len(s.asked("pool_used")) >= 2


async def test_a_thousand_rules_stay_within_the_places_of_their_source_and_keep_their_intervals():
    async with scene(concurrency=8) as s:
        s.source.answer("q", 1.0)
        policies = [
            a_policy(*(a_query(f"q{p}_{r}", name=f"r{r}", interval=30.0) for r in range(20)), uid=f"p{p}")
            for p in range(50)
        ]
        s.evidence.follow(policies)
        await asyncio.sleep(60)
        s.source.asked.clear()
        await asyncio.sleep(90)
        assert s.source.max_in_flight <= 7  # of 8: the SLOs' queries find a place at any time
        assert 2_900 <= len(s.asked("q")) <= 3_100
        by_second = Counter(int(each.at) for each in s.asked("q"))
        assert max(by_second.values()) <= 100  # 33 on average: they are spread over the interval


async def test_a_clock_that_jumps_moves_no_question():
    async with scene() as s:
        s.evidence.follow([a_policy(a_query(interval=10.0))])
        await asyncio.sleep(30)
        s.clock.jump(-86_400)
        await asyncio.sleep(29)
        assert all_near(gaps([each.at for each in s.asked("pool_used")])[1:], 10)
        assert 6 <= len(s.asked("pool_used")) <= 7
