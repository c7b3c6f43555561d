"""The engine as the watch sees it: objects come, change, are refused and go; sources come and go."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from backstop.api.to_domain import to_domain
from backstop.domain.errors import AccessDenied, ClusterUnavailable, SourceUnreachable
from backstop.domain.health import WorkloadFacts
from backstop.domain.status_change import WriteLimits
from backstop.engine import evaluator
from backstop.engine.engine import Engine
from backstop.engine.publisher import StatusPublisher
from backstop.engine.sources import SourceBinding
from backstop.engine.witnesses import Witnesses
from tests.fakes.clock import START, LoopClock
from tests.fakes.counters import CounterSource
from tests.fakes.status import RecordingStatusWriter, SettableLeadership
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime

BORN = START.timestamp() - 86_400


def a_body(name="checkout", *, uid=None, generation=1, namespace="shop", status=None, **spec):
    known = {
        "target": 99,
        "windows": [{"name": "1h", "rolling": "1h"}],
        "indicator": {"ratio": {"bad": "errors_total", "total": "requests_total"}},
    }
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": name, "namespace": namespace, "uid": uid or f"uid-{name}", "generation": generation},
        "spec": known | spec,
    }
    return body | ({"status": status} if status else {})


class Stage:
    def __init__(self, workloads=None, checkpoints=None, awaited=(), alerting=None):
        self.clock = LoopClock()
        self.writer = RecordingStatusWriter()
        self.telemetry = RecordingTelemetry()
        self.leadership = SettableLeadership()
        self.source = CounterSource(self.clock)
        self.source.counters = {
            "requests_total": lambda t: (t - BORN) * 10,
            "errors_total": lambda t: (t - BORN) * 0.05,
            "other_total": lambda t: (t - BORN) * 5.0,
        }
        publisher = StatusPublisher(
            writer=self.writer,
            clock=self.clock,
            leadership=self.leadership,
            telemetry=self.telemetry,
            limits=WriteLimits(),
            writes_per_second=50,
        )
        self.engine = Engine(
            parse=to_domain,
            clock=self.clock,
            telemetry=self.telemetry,
            publisher=publisher,
            witnesses=Witnesses(workloads, self.clock),
            checkpoints=checkpoints,
            awaited=awaited,
            alerting=alerting,
        )
        self.binding = SourceBinding(source=self.source, allowed_namespaces=("shop", "team-*"))
        self.engine.set_sources({"default": self.binding})

    def status(self, name="checkout"):
        return next((status for ref, status in reversed(self.writer.writes) if ref.name == name), None)

    def ready(self, name="checkout"):
        return next(c for c in self.status(name)["conditions"] if c["type"] == "Ready")


@asynccontextmanager
async def stage(workloads=None, checkpoints=None, awaited=(), alerting=None):
    built = Stage(workloads, checkpoints, awaited, alerting)
    task = asyncio.create_task(built.engine.run())
    try:
        yield built
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_object_is_evaluated_within_seconds_and_its_first_status_has_its_history():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        assert [status["reason"] for _, status in s.writer.writes] == ["WaitingForFirstEvaluation", "WithinBudget"]
        assert s.status()["state"] == "Healthy"
        assert s.writer.events == []  # coming to life is no news
        window = s.status()["windows"][0]
        assert window["sli"] == pytest.approx(99.5)
        assert window["coverage"] == pytest.approx(1, abs=0.001)


async def test_a_restart_never_takes_back_what_was_written_while_history_is_read():
    async with stage() as s:
        s.source.counters["requests_total"] = lambda t: (t - BORN) * 10
        s.engine.on_object("SLO", a_body(windows=[{"name": "30d", "rolling": "30d"}]))
        await asyncio.sleep(5)
        written = s.status()
    async with stage() as s:
        s.source.query_range = lambda *_, **__: asyncio.Event().wait()  # the history comes late
        s.engine.on_object("SLO", a_body(windows=[{"name": "30d", "rolling": "30d"}], status=written))
        await asyncio.sleep(60)
        assert all(status["state"] == written["state"] for _, status in s.writer.writes)


async def test_a_restart_while_the_source_is_away_waits_for_stale_after_before_it_says_unknown():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        written = s.status()
    async with stage() as s:
        s.source.fail(SourceUnreachable("away"))
        s.engine.on_object("SLO", a_body(status=written))
        await asyncio.sleep(110)
        assert s.writer.writes == []
        await asyncio.sleep(20)
        assert (s.status()["state"], s.status()["lastKnown"]["state"]) == ("Unknown", "Healthy")


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        ({"target": 100}, "Invalid", "spec.target: "),
        ({"source": "nowhere"}, "SourceUnknown", "spec.source: no source is named 'nowhere'; use one of: default"),
        ({"workload": {"statefulSet": "db"}}, "NotSupportedYet", "spec.workload.statefulSet"),
    ],
)
async def test_a_refused_object_names_the_field_and_the_others_go_on(change, reason, message):
    async with stage() as s:
        s.engine.on_object("SLO", a_body("wrong", **change))
        s.engine.on_object("SLO", a_body("fine"))
        await asyncio.sleep(5)
        assert (s.ready("wrong")["status"], s.ready("wrong")["reason"]) == ("False", reason)
        assert message in s.ready("wrong")["message"]
        assert s.ready("fine")["status"] == "True"
        assert (s.telemetry.counts["valid"], s.telemetry.counts["refused"]) == (1, 1)


async def test_a_source_is_for_its_namespaces_only():
    async with stage() as s:
        s.engine.on_object("SLO", a_body("in", namespace="team-a"))
        s.engine.on_object("SLO", a_body("out", namespace="elsewhere"))
        await asyncio.sleep(5)
        assert s.ready("in")["status"] == "True"
        assert s.ready("out")["reason"] == "SourceNotAllowed"
        assert "sources[].allowedNamespaces" in s.ready("out")["message"]


async def test_a_changed_target_keeps_the_ledger_and_a_changed_indicator_starts_anew():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        # Whoever read history again would find a million errors half an hour ago.
        edge = s.clock.now().timestamp() - 1800
        s.source.counters["errors_total"] = lambda t: (t - BORN) * 0.05 + (1e6 if t > edge else 0)
        s.engine.on_object("SLO", a_body(generation=2, target=99.9))
        await asyncio.sleep(3)
        assert s.status()["observedGeneration"] == 2
        assert s.status()["state"] == "Exhausted"
        assert s.status()["windows"][0]["badEvents"] == pytest.approx(180, abs=2)
        other = {"ratio": {"bad": "errors_total", "total": "other_total"}}
        s.engine.on_object("SLO", a_body(generation=3, target=99.9, indicator=other))
        await asyncio.sleep(5)
        assert s.status()["windows"][0]["sli"] == pytest.approx(99)


async def test_an_invalid_edit_stops_the_evaluation_and_a_valid_one_resumes_it():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        s.engine.on_object("SLO", a_body(generation=2, target=0))
        await asyncio.sleep(2)
        assert (s.status()["state"], s.status()["lastKnown"]["state"]) == ("Unknown", "Healthy")
        s.engine.on_object("SLO", a_body(generation=3))
        await asyncio.sleep(5)
        assert (s.status()["state"], s.status()["observedGeneration"]) == ("Healthy", 3)


async def test_a_deletion_and_one_that_was_missed_both_end_an_slo():
    async with stage() as s:
        for name in ("a", "b", "c"):
            s.engine.on_object("SLO", a_body(name))
        await asyncio.sleep(5)
        s.engine.on_deleted("SLO", "uid-a")
        s.engine.on_synced("SLO", frozenset({"uid-c"}))
        assert sorted(slo.name for slo in s.telemetry.forgotten_slos) == ["a", "b"]
        writes = len(s.writer.writes)
        await asyncio.sleep(1500)
        assert {ref.name for ref, _ in s.writer.writes[writes:]} == {"c"}
        assert s.engine.synced


async def test_the_same_name_again_is_another_object():
    async with stage() as s:
        s.engine.on_object("SLO", a_body(uid="first"))
        await asyncio.sleep(5)
        s.engine.on_deleted("SLO", "first")
        s.engine.on_object("SLO", a_body(uid="second"))
        await asyncio.sleep(5)
        assert {ref.uid for ref, _ in s.writer.writes} == {"first", "second"}


async def test_sources_can_be_replaced_and_granted_while_running():
    async with stage() as s:
        s.engine.on_object("SLO", a_body(source="late"))
        s.engine.on_object("SLO", a_body("other"))
        await asyncio.sleep(5)
        assert s.ready()["reason"] == "SourceUnknown"
        late = SourceBinding(source=CounterSource(s.clock, "late"))
        late.source.counters = s.source.counters
        s.engine.set_sources({"default": s.binding, "late": late})
        await asyncio.sleep(5)
        assert s.status()["state"] == "Healthy"
        s.engine.set_sources({"late": late})
        await asyncio.sleep(5)
        assert s.ready("other")["reason"] == "SourceUnknown"


@pytest.mark.parametrize(
    "body", [{}, {"metadata": None}, {"metadata": {"name": 1}}, {"metadata": {"uid": "u", "name": ""}}]
)
async def test_a_body_without_an_identity_is_dropped_without_harm(body):
    async with stage() as s:
        s.engine.on_object("SLO", body)
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        assert s.status()["state"] == "Healthy"


async def test_a_source_away_at_start_is_said_within_the_first_evaluation():
    async with stage() as s:
        s.source.fail(SourceUnreachable("connection refused"))
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(3)
        data = next(c for c in s.status()["conditions"] if c["type"] == "DataAvailable")
        assert (data["status"], data["reason"]) == ("False", "SourceUnreachable")
        assert "connection refused" in data["message"]


async def test_a_slow_query_does_not_hold_up_the_others_of_its_source():
    async with stage() as s:
        s.source.counters["slow_total"] = s.source.counters["requests_total"]
        s.source.hang(on="slow_total")
        slow = {"ratio": {"bad": "errors_total", "total": "slow_total"}}
        s.engine.on_object("SLO", a_body("slow", indicator=slow, evaluation={"interval": "10s", "staleAfter": "30s"}))
        s.engine.on_object("SLO", a_body("fine", evaluation={"interval": "10s", "staleAfter": "30s"}))
        await asyncio.sleep(60)  # time to find out which one it is
        seen = len([a for a in s.telemetry.assessments if a.slo.name == "fine"])
        await asyncio.sleep(120)
        assert len([a for a in s.telemetry.assessments if a.slo.name == "fine"]) == seen + 12
        assert s.status("fine")["state"] == "Healthy"
        data = next(c for c in s.status("slow")["conditions"] if c["type"] == "DataAvailable")
        assert (data["status"], data["reason"]) == ("False", "SourceUnreachable")
        s.source.recover()
        await asyncio.sleep(60)
        assert s.status("slow")["state"] == "Healthy"


class Workloads:
    """Implements ports.cluster.WorkloadReader."""

    def __init__(self, answer):
        self.answer = answer

    async def read_workload(self, namespace, workload):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.contract(1)
@pytest.mark.parametrize(
    ("answer", "state", "condition"),
    [
        pytest.param(
            WorkloadFacts(found=True, pods=3, failing_pods=3), "AtRisk", ("False", "NoReadyEndpoint"), id="down"
        ),
        pytest.param(
            WorkloadFacts(found=True, ready_endpoints=3, pods=3),
            "Unknown",
            ("True", "EndpointsReady"),
            id="up, yet silent",
        ),
        pytest.param(WorkloadFacts(found=False), "Unknown", ("Unknown", "WorkloadNotFound"), id="not there"),
        pytest.param(ClusterUnavailable("away"), "Unknown", ("Unknown", "WorkloadUnreadable"), id="both silent"),
        pytest.param(AccessDenied("grant {get, pods}"), "Unknown", ("Unknown", "Forbidden"), id="not allowed to look"),
    ],
)
async def test_the_kubernetes_api_is_asked_when_the_sli_is_silent_and_may_speak_alone(answer, state, condition):
    async with stage(workloads=Workloads(answer)) as s:
        del s.source.counters["requests_total"]
        s.engine.on_object("SLO", a_body(workload={"service": {"name": "checkout"}}))
        await asyncio.sleep(5)
        assert s.status()["state"] == state
        found = next(c for c in s.status()["conditions"] if c["type"] == "WorkloadHealthy")
        assert (found["status"], found["reason"]) == condition


async def test_nobody_asks_about_a_workload_whose_sli_speaks():
    async with stage(workloads=Workloads(RuntimeError("must not be asked"))) as s:
        s.engine.on_object("SLO", a_body(workload={"deployment": "checkout"}))
        await asyncio.sleep(5)
        assert s.status()["state"] == "Healthy"
        assert "WorkloadHealthy" not in {c["type"] for c in s.status()["conditions"]}


async def test_a_defect_that_one_object_brings_to_light_is_shown_on_it_and_ends_nothing(monkeypatch):
    real = evaluator.slice_questions

    def broken(slo, **arguments):
        if slo.name == "cursed":
            raise ZeroDivisionError("a bug of ours")
        return real(slo, **arguments)

    monkeypatch.setattr(evaluator, "slice_questions", broken)
    async with stage() as s:
        s.engine.on_object("SLO", a_body("cursed"))
        s.engine.on_object("SLO", a_body("fine"))
        await asyncio.sleep(65)
        assert (s.ready("cursed")["status"], s.ready("cursed")["reason"]) == ("False", "InternalError")
        assert "ZeroDivisionError: a bug of ours" in s.ready("cursed")["message"]
        assert s.status("fine")["state"] == "Healthy"
        monkeypatch.setattr(evaluator, "slice_questions", real)
        await asyncio.sleep(65)
        assert s.status("cursed")["state"] == "Healthy"
