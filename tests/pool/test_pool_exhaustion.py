"""From a real PostgreSQL that is full to an alert: its exporter, Prometheus, and the rules of the example."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import yaml

from backstop.adapters.clock import SystemClock
from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.api.to_alert_policy import check_alert_policy, to_alert_policy
from backstop.api.to_channel import check_channel
from backstop.domain.alert import AlertStatus
from backstop.domain.alert_judging import for_seconds
from backstop.domain.alert_state import advance
from backstop.engine.rule_evidence import RuleEvidence
from backstop.engine.rule_judging import judge_rule
from backstop.engine.sources import SourceBinding
from backstop.vocabulary import AlertReason
from tests.generators.registry import REPOSITORY
from tests.pool.postgres import ConnectionRefused, PostgresExporter, PostgresServer
from tests.prometheus_server import PATIENCE_SECONDS, PrometheusServer

EXAMPLE = REPOSITORY / "manifests" / "examples" / "pool-exhaustion"
FULL, SCARCE, UNSEEN = "connections-exhausted", "connections-scarce", "database-unseen"


def manifest(name):
    return yaml.safe_load((EXAMPLE / name).read_text())


class NoReader:
    """The rules of the example ask the cluster nothing."""


class Alerts:
    """The rules of a policy, judged as evidence comes in."""

    def __init__(self, policy, binding):
        self.policy = policy
        self.states = {}
        self._news = asyncio.Event()
        self.evidence = RuleEvidence(clock=SystemClock(), nodes=NoReader(), runs=NoReader(), changed=self._judge)
        self.evidence.set_sources({"default": binding})
        self.evidence.follow([policy])

    def status(self, rule):
        return {subject.name: state.status for (of, subject), state in self.states.items() if of == rule}

    async def until(self, rule, status, reason):
        """Wait until a rule says this of the only thing that it is about; return the state."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self._news.clear()
                found = [state for (of, _), state in self.states.items() if of == rule]
                if found and all((state.status, state.reason) == (status, reason) for state in found):
                    return found[0]
                await self._news.wait()

    def _judge(self, uid, name):
        rule = next(rule for rule in self.policy.rules if rule.name == name)
        evidence = self.evidence.evidence_of(uid, name)
        known = [
            subject
            for (of, subject), state in self.states.items()
            if of == name and state.status in (AlertStatus.FIRING, AlertStatus.PENDING)
        ]
        findings = judge_rule(rule, evidence, known)
        self.states = {key: state for key, state in self.states.items() if key[0] != name or key[1] in findings}
        for subject, finding in findings.items():
            self.states[name, subject] = advance(
                self.states.get((name, subject)),
                finding,
                for_seconds=for_seconds(rule),
                keep_firing_seconds=0.0,  # else the test would wait for it
                at=evidence.at,
            )
        self._news.set()


@asynccontextmanager
async def alerts_of_the_example(prometheus):
    body = manifest("alert-policy.yaml")
    body["metadata"] |= {"uid": "uid-1", "generation": 1}
    for rule in body["spec"]["rules"]:
        rule["when"]["query"] |= {"interval": "1s"}
    source = connect(Source(name="default", url=prometheus.url))
    alerts = Alerts(to_alert_policy(body), SourceBinding(source=source))
    task = asyncio.create_task(alerts.evidence.run())
    try:
        yield alerts
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.close()


@pytest.fixture
def database():
    with PostgresServer(max_connections=20) as server:
        yield server


@pytest.fixture
def exporter(database):
    with PostgresExporter(database) as running:
        yield running


@pytest.fixture
def scraping(exporter, tmp_path):
    server = PrometheusServer(tmp_path / "prometheus", targets={"postgres": exporter.target})
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("name", "check"), [("alert-policy.yaml", check_alert_policy), ("notification-channel.yaml", check_channel)]
)
def test_the_example_is_valid_without_a_warning(name, check):
    checked = check(manifest(name))
    assert (checked.problems, checked.warnings) == ((), ())


@pytest.mark.prometheus
async def test_a_server_without_connections_left_fires_and_clears(database, scraping):
    async with alerts_of_the_example(scraping) as alerts:
        quiet = await alerts.until(FULL, AlertStatus.CLEAR, AlertReason.THRESHOLD_NOT_CROSSED)
        assert quiet.numbers["value"] < 0.5
        with database.exhausted() as sessions:
            with pytest.raises(ConnectionRefused, match="remaining connection slots are reserved"):
                database.connect()
            firing = await alerts.until(FULL, AlertStatus.FIRING, AlertReason.THRESHOLD_CROSSED)
            assert alerts.status(FULL) == {f"{database.address}:{database.port}": AlertStatus.FIRING}
            assert firing.numbers["value"] >= 1.0  # the exporter's own sessions use what is kept back
            assert len(sessions) <= database.client_connections
            await alerts.until(SCARCE, AlertStatus.PENDING, AlertReason.THRESHOLD_CROSSED)
            assert set(alerts.status(UNSEEN).values()) == {AlertStatus.CLEAR}
        await alerts.until(FULL, AlertStatus.CLEAR, AlertReason.THRESHOLD_NOT_CROSSED)


@pytest.mark.prometheus
async def test_while_nobody_sees_the_server_a_firing_alert_neither_clears_nor_is_it_said_to_be_well(
    database, exporter, scraping
):
    async with alerts_of_the_example(scraping) as alerts:
        with database.exhausted():
            await alerts.until(FULL, AlertStatus.FIRING, AlertReason.THRESHOLD_CROSSED)
            exporter.stop()
            lost = await alerts.until(FULL, AlertStatus.FIRING, AlertReason.EMPTY_RESULT)
            assert lost.unknown_since is not None
        scraping.stop()
        away = await alerts.until(FULL, AlertStatus.FIRING, AlertReason.EVIDENCE_UNKNOWN)
        assert "source default" in away.message
        scraping.start()
        exporter.start()
        await alerts.until(FULL, AlertStatus.CLEAR, AlertReason.THRESHOLD_NOT_CROSSED)
