"""AlertPolicies as the watch sees them: what their rules say of SLOs, in their status and to the incidents."""

import asyncio

import pytest

from backstop.domain.alert import AlertStatus
from backstop.domain.alert_facts import ConditionFacts, NodeFacts, RunFacts, RunHistory
from backstop.domain.errors import SourceUnreachable
from backstop.engine.alerts import Alerting
from backstop.ports.metrics import Sample
from tests.engine.test_engine import BORN, a_body, stage
from tests.fakes.clock import START

pytestmark = pytest.mark.looptime

KIND = "AlertPolicy"
NOW = START.timestamp()
FAST = {"name": "fast", "severity": "P0", "when": {"burnRate": {"long": "10m", "short": "2m", "factor": 5}}}
BLIND = {"name": "blind", "severity": "P1", "when": {"noData": {"for": "10m"}}}
GONE = {"name": "gone", "severity": "P1", "when": {"budgetRemainingBelow": {"percent": 0}}}


class TakenAlerts:
    """Implements engine.alerts.TakesAlerts, and keeps what it was given."""

    def __init__(self):
        self.taken = {}
        self.open = {}

    def take(self, policy, alerts, at):
        self.taken[policy.name] = {(alert.rule, alert.subject.key): alert for alert in alerts}

    def open_incidents(self, policy_uid):
        return self.open

    def status_of(self, rule="fast", subject="SLO/checkout", policy="shop"):
        alert = self.taken.get(policy, {}).get((rule, subject))
        return None if alert is None else alert.state.status


class Nodes:
    """Implements ports.facts.NodeReader."""

    def __init__(self, *nodes):
        self.nodes = nodes

    async def read_nodes(self, selector):
        return list(self.nodes)


class RunsOf:
    """Implements ports.facts.RunReader."""

    def __init__(self, *runs):
        self.history = RunHistory(runs=runs, complete_since=0.0)

    async def read_runs(self, namespace, of):
        return self.history


def a_policy(name="shop", *, rules=(FAST,), generation=1, status=None, namespace="shop", **spec):
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": generation},
        "spec": {"rules": list(rules)} | spec if rules else spec,
    }
    return body | ({"status": status} if status else {})


def failing(since=0.0, until=float("inf"), *, per_second=2.0):
    """Return a counter of errors that rises in this stretch of the test, in seconds from its start."""
    begin, end = NOW + since, NOW + until
    return lambda t: (t - BORN) * 0.001 + per_second * (min(max(t, begin), end) - begin)


def stage_with(taken, *, nodes=None, runs=None):
    return stage(alerting=Alerting(incidents=taken, nodes=nodes or Nodes(), runs=runs or RunsOf()))


async def begin(s, *, policy=None, slo=None):
    """Apply an SLO and a policy, and wait until both were looked at."""
    s.engine.on_object("SLO", slo or a_body())
    s.engine.on_synced("SLO", frozenset({(slo or a_body())["metadata"]["uid"]}))
    s.engine.on_object(KIND, policy or a_policy())
    await asyncio.sleep(40)


async def test_a_burn_fires_within_minutes_and_clears_soon_after_it_ends():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(60, 60 + 600)
        await begin(s)
        assert taken.status_of() is AlertStatus.CLEAR
        assert s.status("shop")["state"] == "Quiet"
        await asyncio.sleep(300)
        alert = taken.taken["shop"]["fast", "SLO/checkout"]
        assert (alert.state.status, alert.severity.value, alert.notify) == (AlertStatus.FIRING, "P0", ())
        assert alert.state.started_at == pytest.approx(NOW + 60, abs=61)
        assert alert.state.numbers
        shown = s.status("shop")
        assert (shown["state"], shown["alertCounts"]["firing"]) == ("Firing", 1)
        assert shown["alerts"][0]["subject"] == "checkout"
        assert "burn" in shown["message"]
        await asyncio.sleep(600)
        assert taken.status_of() is AlertStatus.CLEAR
        assert s.status("shop")["state"] == "Quiet"
        assert "alerts" not in s.status("shop")


async def test_a_policy_is_not_quiet_before_a_rule_was_judged():
    async with stage_with(TakenAlerts()) as s:
        s.engine.on_synced("SLO", frozenset())
        s.engine.on_object(KIND, a_policy())
        await asyncio.sleep(5)
        assert (s.status("shop")["state"], s.status("shop")["reason"]) == ("Unknown", "NotJudgedYet")
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(60)
        assert s.status("shop")["state"] == "Quiet"


async def test_what_fires_is_written_at_once_and_told_as_an_event():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s)
        await asyncio.sleep(300)
        notes = [event.note for event in s.writer.events if event.ref.name == "shop"]
        assert any("Quiet → Firing" in note or "Unknown → Firing" in note for note in notes)


async def test_a_source_that_is_away_neither_fires_nor_resolves_and_no_data_speaks_of_it():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s, policy=a_policy(rules=(FAST, BLIND)))
        await asyncio.sleep(300)
        assert taken.status_of() is AlertStatus.FIRING
        s.source.fail(SourceUnreachable("away"))
        await asyncio.sleep(480)
        assert taken.status_of() is AlertStatus.FIRING
        assert taken.status_of("blind") is not AlertStatus.FIRING
        await asyncio.sleep(600)
        assert taken.status_of() is AlertStatus.FIRING
        assert taken.status_of("blind") is AlertStatus.FIRING
        s.source.counters["errors_total"] = failing(0, 600)
        s.source.recover()
        await asyncio.sleep(900)
        assert taken.status_of() is AlertStatus.CLEAR
        assert taken.status_of("blind") is AlertStatus.CLEAR


async def test_a_source_that_was_never_there_is_unknown_and_not_clear():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.fail(SourceUnreachable("away"))
        await begin(s)
        await asyncio.sleep(200)
        assert taken.status_of() is AlertStatus.UNKNOWN
        assert s.status("shop")["state"] == "Unknown"


async def test_firing_survives_a_restart_without_evidence():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s)
        await asyncio.sleep(300)
        written, fired_at = s.status("shop"), taken.taken["shop"]["fast", "SLO/checkout"].state.since
    again = TakenAlerts()
    async with stage_with(again) as s:
        s.source.fail(SourceUnreachable("away"))
        await begin(s, policy=a_policy(status=written))
        await asyncio.sleep(200)
        alert = again.taken["shop"]["fast", "SLO/checkout"]
        assert (alert.state.status, alert.state.since) == (AlertStatus.FIRING, pytest.approx(fired_at, abs=0.01))


@pytest.mark.parametrize(
    "odd",
    [
        [{"rule": "fast"}],
        ["text"],
        [{"rule": "fast", "subjectKind": "Moon", "subject": "x"}],
        {"not": "a list"},
        None,
    ],
)
async def test_an_odd_status_from_before_is_no_obstacle(odd):
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        await begin(s, policy=a_policy(status={"alerts": odd}))
        assert taken.status_of() is AlertStatus.CLEAR


async def test_an_slo_that_goes_takes_its_alerts_along():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s)
        await asyncio.sleep(300)
        assert taken.status_of() is AlertStatus.FIRING
        s.engine.on_deleted("SLO", "uid-checkout")
        await asyncio.sleep(40)
        alert = taken.taken["shop"]["fast", "SLO/checkout"]
        assert (alert.state.status, alert.state.reason) == (AlertStatus.CLEAR, "SubjectGone")
        assert s.status("shop")["state"] == "Quiet"


async def test_a_policy_that_goes_leaves_no_alert():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s)
        await asyncio.sleep(300)
        s.engine.on_deleted(KIND, "uid-shop")
        await asyncio.sleep(5)
        assert taken.taken["shop"] == {}


async def test_a_rule_that_is_switched_off_is_judged_no_more():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s)
        await asyncio.sleep(300)
        s.engine.on_object(KIND, a_policy(generation=2, rules=(FAST | {"enabled": False}, GONE)))
        await asyncio.sleep(60)
        assert taken.status_of() is AlertStatus.CLEAR
        assert taken.status_of("gone") is AlertStatus.FIRING
        assert s.status("shop")["observedGeneration"] == 2


async def test_only_the_slos_that_match_are_judged():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        for body in (a_body(), a_body("search"), a_body("elsewhere", namespace="team-a")):
            s.engine.on_object("SLO", body)
        s.engine.on_synced("SLO", frozenset({"uid-checkout", "uid-search", "uid-elsewhere"}))
        s.engine.on_object(KIND, a_policy(slos={"names": ["search", "elsewhere"]}))
        await asyncio.sleep(60)
        assert set(taken.taken["shop"]) == {("fast", "SLO/search")}
        s.engine.on_object(KIND, a_policy(generation=2))
        await asyncio.sleep(60)
        assert set(taken.taken["shop"]) == {("fast", "SLO/search"), ("fast", "SLO/checkout")}


async def test_a_rule_that_does_not_fit_an_slo_is_told_and_the_others_are_judged():
    taken = TakenAlerts()
    too_long = {"name": "slow", "severity": "P2", "when": {"burnRate": {"long": "6h", "short": "30m", "factor": 2}}}
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s, policy=a_policy(rules=(FAST, too_long)))
        await asyncio.sleep(300)
        assert taken.status_of() is AlertStatus.FIRING
        assert taken.status_of("slow") is None
        ready = s.ready("shop")
        assert (ready["status"], ready["reason"]) == ("False", "RulesRefused")
        assert "rule slow cannot be judged for SLO checkout: long 6h is more than half" in ready["message"]
        tiers = {tier["name"]: tier for tier in s.status("shop")["tiers"]}
        assert tiers["fast"]["factor"] == 5
        assert tiers["slow"]["refused"] is True


async def test_a_refused_policy_names_the_field():
    async with stage_with(TakenAlerts()) as s:
        await begin(s, policy=a_policy(rules=({"name": "x", "severity": "P9", "when": {"noData": {"for": "1m"}}},)))
        assert s.status("shop")["state"] == "Refused"
        assert "spec.rules[0].severity" in s.ready("shop")["message"]


async def test_few_events_keep_a_rule_pending():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["requests_total"] = lambda t: (t - BORN) // 60  # one request a minute
        s.source.counters["errors_total"] = lambda t: float(t >= NOW + 30)
        await begin(s)
        await asyncio.sleep(90)
        assert taken.status_of() is AlertStatus.PENDING
        assert s.status("shop")["alerts"][0]["reason"] == "LowTraffic"


async def test_incidents_are_named_beside_their_alerts():
    taken = TakenAlerts()
    taken.open = {("fast", "SLO/checkout"): "shop-12345678-1"}
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0)
        await begin(s)
        await asyncio.sleep(300)
        assert s.status("shop")["alerts"][0]["incident"] == "shop-12345678-1"


async def test_a_query_is_asked_at_its_own_interval_and_judged_by_its_answer():
    taken = TakenAlerts()
    expr = "pool_in_use / pool_size"
    pool = {
        "name": "pool",
        "severity": "P1",
        "when": {"query": {"expr": expr, "op": "gte", "value": 0.9, "for": "10s"}},
    }
    pool["when"]["query"]["interval"] = "5s"
    async with stage_with(taken) as s:
        known, value = s.source._answer, [0.5]
        s.source.answer_by(lambda e, at: [Sample({}, value[0])] if "pool_in_use" in e else known(e, at))
        await begin(s, policy=a_policy(rules=(pool,)))
        assert taken.status_of("pool", "Query/pool") is AlertStatus.CLEAR
        value[0] = 0.95
        await asyncio.sleep(8)
        assert taken.status_of("pool", "Query/pool") is AlertStatus.PENDING
        await asyncio.sleep(12)
        assert taken.status_of("pool", "Query/pool") is AlertStatus.FIRING
        s.source.fail(SourceUnreachable("away"))
        await asyncio.sleep(60)
        assert taken.status_of("pool", "Query/pool") is AlertStatus.FIRING
        value[0] = 0.5
        s.source.recover()
        await asyncio.sleep(60)
        assert taken.status_of("pool", "Query/pool") is AlertStatus.CLEAR


async def test_a_node_fires_since_its_condition_changed_and_others_are_clear():
    taken = TakenAlerts()
    not_ready = {"name": "node", "severity": "P1"}
    not_ready["when"] = {"nodeCondition": {"type": "Ready", "status": ["False", "Unknown"], "for": "5m"}}
    nodes = Nodes(
        NodeFacts(name="a", conditions={"Ready": ConditionFacts(status="True", since=NOW - 9000)}),
        NodeFacts(name="b", conditions={"Ready": ConditionFacts(status="Unknown", since=NOW - 600)}),
        NodeFacts(name="c", conditions={"Ready": ConditionFacts(status="False", since=NOW - 60)}),
    )
    async with stage_with(taken, nodes=nodes) as s:
        await begin(s, policy=a_policy(rules=(not_ready,)))
        assert taken.status_of("node", "Node/a") is AlertStatus.CLEAR
        assert taken.status_of("node", "Node/b") is AlertStatus.FIRING
        assert taken.status_of("node", "Node/c") is AlertStatus.PENDING
        await asyncio.sleep(300)
        assert taken.status_of("node", "Node/c") is AlertStatus.FIRING


async def test_a_job_that_failed_three_times_fires():
    taken = TakenAlerts()
    flaky = {"name": "flaky", "severity": "P1"}
    flaky["when"] = {"consecutiveFailures": {"cronJob": "encoder", "count": 3, "within": "60m"}}
    runs = RunsOf(*(RunFacts(name=f"encoder-{n}", finished_at=NOW - n * 300, succeeded=False) for n in range(3)))
    async with stage_with(taken, runs=runs) as s:
        await begin(s, policy=a_policy(rules=(flaky,)))
        assert taken.status_of("flaky", "CronJob/encoder") is AlertStatus.FIRING


async def test_an_slo_that_burns_is_at_risk_however_much_is_left():
    taken = TakenAlerts()
    async with stage_with(taken) as s:
        s.source.counters["errors_total"] = failing(0, 400)
        await begin(s, slo=a_body(windows=[{"name": "10d", "rolling": "10d"}]))
        await asyncio.sleep(200)
        assert taken.status_of() is AlertStatus.FIRING
        assert (s.status()["state"], s.status()["reason"]) == ("AtRisk", "BurningFast")
        assert "rule shop/fast fires" in s.status()["message"]
        s.engine.on_deleted(KIND, "uid-shop")
        await asyncio.sleep(70)
        assert s.status()["state"] == "Healthy"
