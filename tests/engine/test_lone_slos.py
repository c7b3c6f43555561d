"""SLOs that are asked alone, or whose witness is slow, take no turn from the others, and come back into company."""

import asyncio
from itertools import pairwise

import pytest

from backstop.domain.errors import ClusterUnavailable, QueryRejected
from backstop.ports.metrics import InstantAnswer
from tests.engine.test_engine import a_body, stage
from tests.fakes.clock import START

pytestmark = pytest.mark.looptime


def a_ratio(total):
    return {"ratio": {"bad": "errors_total", "total": total}}


def longest_wait(s, name):
    """Seconds without an evaluation, from the start to now."""
    evaluated = [a.at for a in s.telemetry.assessments if a.slo.name == name]
    times = [START.timestamp(), *evaluated, s.clock.now().timestamp()]
    return max(after - before for before, after in pairwise(times))


def states(s, names):
    return {s.status(name)["state"] for name in names}


async def test_many_lone_slos_each_get_their_turn_and_recover():
    names = [f"lame{n}" for n in range(8)]
    async with stage() as s:
        for name in names:
            s.source.counters[f"{name}_total"] = s.source.counters["requests_total"]
            s.source.fail(QueryRejected("too many samples"), on=f"{name}_total")
            s.engine.on_object("SLO", a_body(name, indicator=a_ratio(f"{name}_total")))
        s.engine.on_object("SLO", a_body("fine"))
        await asyncio.sleep(1200)
        assert all(tracked.alone for uid, tracked in s.engine._tracked.items() if uid != "uid-fine")
        assert max(longest_wait(s, name) for name in names) <= 4 * 30 + 30
        assert longest_wait(s, "fine") <= 31
        s.source.recover()
        # Two of them go on failing, which is as many as may be asked alone at a time.
        for name in names[:2]:
            s.source.fail(QueryRejected("too many samples"), on=f"{name}_total")
        await asyncio.sleep(300)
        assert states(s, names[2:]) == {"Healthy"}
        assert states(s, names[:2]) == {"Unknown"}


async def test_a_minute_of_answers_that_are_not_whole_leaves_nobody_alone_for_long():
    names = [f"s{n}" for n in range(40)]
    async with stage() as s:
        for name in names:
            s.engine.on_object("SLO", a_body(name))
        await asyncio.sleep(120)
        whole = s.source._answer
        s.source.answer_by(
            lambda e, at: (
                None if e == "time()" else InstantAnswer(tuple(whole(e, at)), warnings=("a store is missing",))
            )
        )
        await asyncio.sleep(60)
        s.source.answer_by(whole)
        await asyncio.sleep(90)
        assert not [tracked for tracked in s.engine._tracked.values() if tracked.alone]
        assert states(s, names) == {"Healthy"}


async def test_a_slow_workload_api_does_not_delay_other_slos():
    class Slow:
        async def read_workload(self, namespace, workload):
            await asyncio.sleep(15)
            raise ClusterUnavailable("no answer within 15 s")

    async with stage(workloads=Slow()) as s:
        for n in range(40):
            body = a_body(f"silent{n}", indicator=a_ratio("never_written_total"), workload={"deployment": "checkout"})
            s.engine.on_object("SLO", body)
        s.engine.on_object("SLO", a_body("fine"))
        await asyncio.sleep(600)
        assert longest_wait(s, "fine") <= 34
        assert s.status("fine")["state"] == "Healthy"
        assert s.telemetry.counts["dropped default"] == 0
