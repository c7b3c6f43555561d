"""Semantics K14 and E6 as a user of the API server sees them."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from backstop.domain.assessment import Assessment, HistoryStatus
from backstop.domain.budget import WindowCounts, budget
from backstop.domain.errors import AccessDenied, ClusterUnavailable, SpecError
from backstop.domain.evidence import Slice, unknown
from backstop.domain.slo import NoTraffic, Uid
from backstop.domain.status_change import WriteLimits
from backstop.domain.verdict import follow_data, judge_budget
from backstop.engine.publisher import StatusPublisher
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import Reason
from tests.builders import a_slo
from tests.fakes.clock import START, LoopClock
from tests.fakes.status import RecordingStatusWriter, SettableLeadership
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime

REF = ObjectRef(kind="SLO", namespace="shop", name="checkout", uid=Uid("uid-1"))
AT = START.timestamp()


def an_assessment(*, bad=0.0, at=AT, lost: Reason | None = None, burn=None, slo=None):
    slo = slo or a_slo()
    window = WindowCounts(name="1h", seconds=3600, good=100_000 - bad, bad=bad, unknown_seconds=0)
    data = follow_data(None, Slice(1, 0), at=at, stale_after_seconds=120)
    if lost is not None:
        data = follow_data(None, unknown(lost, "nothing there"), at=at, stale_after_seconds=120)
    budgets = (budget(window, slo.objective, no_traffic=NoTraffic.NEUTRAL),)
    return Assessment(
        slo=slo,
        at=at,
        budgets=budgets,
        burn_rates=burn or {"5m": 1.0},
        data=data,
        verdict=judge_budget(budgets, data),
        witness=None,
        groups=(),
        history=HistoryStatus(start=AT - 7200, known_from=AT - 7200, complete=True, lost_edges=()),
        scrape_interval_seconds=15.0,
        clock_skew_seconds=0.0,
    )


class Bench:
    def __init__(self, *, leader=True, writes_per_second=50.0, writer=None):
        self.clock = LoopClock()
        self.writer = writer or RecordingStatusWriter()
        self.leadership = SettableLeadership(leader=leader)
        self.telemetry = RecordingTelemetry()
        self.publisher = StatusPublisher(
            writer=self.writer,
            clock=self.clock,
            leadership=self.leadership,
            telemetry=self.telemetry,
            limits=WriteLimits(numbers_every=60, heartbeat=600),
            writes_per_second=writes_per_second,
        )

    @property
    def last(self):
        return self.writer.writes[-1][1]

    def condition(self, kind):
        return next(c for c in self.last["conditions"] if c["type"] == kind)


@asynccontextmanager
async def running(bench):
    task = asyncio.create_task(bench.publisher.run())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_first_status_is_written_at_once_with_all_conditions():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=3)
        await asyncio.sleep(0.1)
        assert bench.last["observedGeneration"] == 3
        assert bench.last["state"] == "Healthy"
        assert {c["type"]: c["status"] for c in bench.last["conditions"]} == {
            "Ready": "True",
            "DataAvailable": "True",
            "BudgetHealthy": "True",
            "HistoryIncomplete": "False",
            "ClockSkew": "False",
        }
        assert bench.last["windows"][0] == {
            "name": "1h",
            "sli": 100.0,
            "consumedPercent": 0.0,
            "remainingPercent": 100.0,
            "goodEvents": 100_000,
            "badEvents": 0,
            "coverage": 1.0,
            "since": "2026-03-01T11:00:00Z",
            "budget": {"unit": "Events", "total": 1000.0, "consumed": 0.0, "remaining": 1000.0, "forecast": False},
        }


async def test_an_idle_slo_costs_a_heartbeat_and_no_more():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        for tick in range(3600 // 30):
            bench.publisher.assessed(REF.uid, an_assessment(at=AT + tick * 30), generation=1)
            await asyncio.sleep(30)
        assert 1 + 3600 / 720 - 1 <= len(bench.writer.writes) <= 1 + 3600 / 480


async def test_two_hundred_idle_slos_restarted_write_nothing_but_heartbeats():
    async with running(Bench()) as bench:
        refs = [replace(REF, name=f"s{n}", uid=Uid(f"u{n}")) for n in range(200)]
        for ref in refs:
            bench.publisher.seen(ref, None)
            bench.publisher.assessed(ref.uid, an_assessment(), generation=1)
        await asyncio.sleep(10)
        written = {ref.uid: status for ref, status in bench.writer.writes}
        assert len(bench.writer.writes) == 200
    async with running(Bench()) as bench:
        for ref in refs:
            bench.publisher.seen(ref, written[ref.uid])
            bench.publisher.assessed(ref.uid, an_assessment(), generation=1)
        await asyncio.sleep(400)
        assert bench.writer.writes == []


async def test_a_state_change_is_written_at_once_and_told_as_an_event():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(1)
        bench.publisher.assessed(REF.uid, an_assessment(bad=900), generation=1)
        await asyncio.sleep(0.1)
        assert bench.last["state"] == "AtRisk"
        assert [(e.warning, e.reason) for e in bench.writer.events] == [(True, "StateChanged")]
        assert bench.writer.events[0].note.startswith("Healthy → AtRisk: 10.0 % of the 1h budget left")


async def test_numbers_wait_a_minute():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(1)
        bench.publisher.assessed(REF.uid, an_assessment(bad=100), generation=1)
        await asyncio.sleep(50)
        assert len(bench.writer.writes) == 1
        await asyncio.sleep(15)
        assert bench.last["windows"][0]["remainingPercent"] == 90.0


async def test_states_overtake_numbers_when_writes_are_scarce():
    async with running(Bench(writes_per_second=1)) as bench:
        refs = [replace(REF, name=f"s{n}", uid=Uid(f"u{n}")) for n in range(40)]
        for ref in refs:
            bench.publisher.seen(ref, None)
            bench.publisher.assessed(ref.uid, an_assessment(), generation=1)
        await asyncio.sleep(110)
        bench.writer.writes.clear()
        for ref in refs[:-1]:
            bench.publisher.assessed(ref.uid, an_assessment(bad=100), generation=1)
        bench.publisher.assessed(refs[-1].uid, an_assessment(bad=2000), generation=1)
        await asyncio.sleep(10)
        # Workers that already wait for their slot cannot be overtaken; everybody else is.
        assert refs[-1] in [ref for ref, _ in bench.writer.writes[:6]]


async def test_writes_never_exceed_the_rate():
    async with running(Bench(writes_per_second=5)) as bench:
        for n in range(100):
            ref = replace(REF, name=f"s{n}", uid=Uid(f"u{n}"))
            bench.publisher.seen(ref, None)
            bench.publisher.assessed(ref.uid, an_assessment(), generation=1)
        await asyncio.sleep(10)
        assert 45 <= len(bench.writer.writes) <= 52


async def test_only_the_leader_writes_and_a_new_leader_goes_on_where_the_old_one_stopped():
    async with running(Bench(leader=False)) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(5)
        assert bench.writer.writes == []
        other = Bench()
        async with running(other):
            other.publisher.seen(REF, None)
            other.publisher.assessed(REF.uid, an_assessment(), generation=1)
            await asyncio.sleep(1)
        bench.publisher.seen(REF, other.last)  # the watch brings what the leader wrote
        bench.leadership.leader = True
        await asyncio.sleep(5)
        assert bench.writer.writes == []
        bench.publisher.assessed(REF.uid, an_assessment(bad=2000), generation=1)
        await asyncio.sleep(5)
        assert bench.last["state"] == "Exhausted"


async def test_lost_data_keeps_the_last_known_state_with_its_time():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(bad=100), generation=1)
        await asyncio.sleep(1)
        for later in (300, 330):
            bench.publisher.assessed(
                REF.uid, an_assessment(at=AT + later, lost=Reason.SOURCE_UNREACHABLE), generation=1
            )
            await asyncio.sleep(1)
        assert bench.last["state"] == "Unknown"
        assert bench.last["lastKnown"]["state"] == "Healthy"
        assert bench.last["lastKnown"]["at"] == "2026-03-01T12:00:00.000Z"
        assert bench.last["lastKnown"]["windows"][0]["remainingPercent"] == 90.0
        assert bench.condition("DataAvailable")["reason"] == "SourceUnreachable"
        bench.publisher.assessed(REF.uid, an_assessment(at=AT + 400), generation=1)
        await asyncio.sleep(1)
        assert "lastKnown" not in bench.last
        assert [e.reason for e in bench.writer.events] == ["DataLost", "StateChanged", "DataRestored", "StateChanged"]


async def test_a_refused_object_says_why_and_keeps_what_was_known():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(bad=100), generation=1)
        await asyncio.sleep(1)
        problem = SpecError("spec.target", "must lie between 0 and 100; write 99.9 for three nines")
        bench.publisher.refused(REF.uid, problem, Reason.INVALID, generation=2)
        await asyncio.sleep(1)
        ready = bench.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("False", "Invalid")
        assert ready["message"] == "spec.target: must lie between 0 and 100; write 99.9 for three nines"
        assert bench.last["observedGeneration"] == 2
        assert bench.last["lastKnown"]["state"] == "Healthy"
        assert "Refused" in [e.reason for e in bench.writer.events]


async def test_transition_times_move_only_with_the_status_and_survive_a_restart():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(1)
        first = bench.last
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, first)
        await asyncio.sleep(300)
        bench.publisher.assessed(REF.uid, an_assessment(bad=2000), generation=1)
        await asyncio.sleep(1)
        assert bench.condition("Ready")["lastTransitionTime"] == "2026-03-01T12:00:00Z"
        assert bench.condition("BudgetHealthy")["lastTransitionTime"] > "2026-03-01T12:04:00Z"


@pytest.mark.parametrize("problem", [ClusterUnavailable("away"), AccessDenied("no right")])
async def test_a_failed_write_is_tried_again_and_the_newest_status_wins(problem):
    async with running(Bench()) as bench:
        bench.writer.fail_with = problem
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(2)
        assert bench.writer.writes == []
        bench.publisher.assessed(REF.uid, an_assessment(bad=2000), generation=1)
        bench.writer.fail_with = None
        await asyncio.sleep(70)
        assert [status["state"] for _, status in bench.writer.writes] == ["Exhausted"]


async def test_a_deleted_object_is_never_written():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.forget(REF.uid)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(1000)
        assert bench.writer.writes == []


async def test_no_traffic_in_the_window_is_the_reason_of_available_data():
    async with running(Bench()) as bench:
        bench.publisher.seen(REF, None)
        idle = an_assessment()
        counts = replace(idle.budgets[0].counts, good=0.0, bad=0.0)
        budgets = (budget(counts, idle.slo.objective, no_traffic=NoTraffic.NEUTRAL),)
        bench.publisher.assessed(REF.uid, replace(idle, budgets=budgets), generation=1)
        await asyncio.sleep(1)
        assert (bench.condition("DataAvailable")["status"], bench.condition("DataAvailable")["reason"]) == (
            "True",
            "NoTraffic",
        )


class SlowWriter(RecordingStatusWriter):
    """An API server that takes its time; notes how many writes of one object are under way at once."""

    def __init__(self, *, seconds):
        super().__init__()
        self.seconds = seconds
        self.under_way = Counter()
        self.most_at_once = 0

    async def apply_status(self, ref, status):
        self.under_way[ref] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[ref])
        await asyncio.sleep(self.seconds)
        self.under_way[ref] -= 1
        await super().apply_status(ref, status)


async def test_a_slow_api_server_gets_one_write_per_object_at_a_time_and_no_event_twice():
    writer = SlowWriter(seconds=8)
    async with running(Bench(writer=writer)) as bench:
        bench.publisher.seen(REF, None)
        bench.publisher.assessed(REF.uid, an_assessment(), generation=1)
        await asyncio.sleep(30)
        for bad in (900, 910, 920, 2000):
            bench.publisher.assessed(REF.uid, an_assessment(bad=bad), generation=1)
            await asyncio.sleep(2)
        await asyncio.sleep(120)
        assert writer.most_at_once == 1
        assert [status["state"] for _, status in writer.writes] == ["Healthy", "AtRisk", "Exhausted"]
        assert [e.note.partition(":")[0] for e in writer.events] == ["Healthy → AtRisk", "AtRisk → Exhausted"]


async def test_a_state_change_overtakes_hundreds_of_queued_numbers_its_own_among_them():
    async with running(Bench(writes_per_second=10)) as bench:
        refs = [replace(REF, name=f"s{n}", uid=Uid(f"u{n}")) for n in range(400)]
        for ref in refs:
            bench.publisher.seen(ref, None)
            bench.publisher.assessed(ref.uid, an_assessment(), generation=1)
        await asyncio.sleep(110)
        for ref in refs:
            bench.publisher.assessed(ref.uid, an_assessment(bad=100), generation=1)
        await asyncio.sleep(1)
        bench.writer.writes.clear()
        bench.publisher.assessed(refs[-1].uid, an_assessment(bad=2000), generation=1)
        await asyncio.sleep(1)
        assert ("s399", "Exhausted") in [(ref.name, status["state"]) for ref, status in bench.writer.writes]
        await asyncio.sleep(60)
        assert [ref.name for ref, _ in bench.writer.writes].count("s399") == 1
        assert len({ref for ref, _ in bench.writer.writes}) > 380  # the numbers follow
