"""Composites as the watch sees them: components come before and after them, change, are refused and go."""

import asyncio
from collections import Counter

import pytest

from backstop.api.to_domain import to_domain
from backstop.domain.errors import QueryRejected
from backstop.engine.composites import Composites
from backstop.engine.registry import Registry
from tests.engine.test_engine import BORN, a_body, stage
from tests.fakes.clock import LoopClock

pytestmark = pytest.mark.looptime

SOON = 3  # seconds in which a change of a component must have reached its composites
EVALUATED = 10  # and in which they show numbers of it, with their history


def a_composite(name="whole", *components, mode="Weighted", generation=1, spec=None, **composite):
    parts = [c if isinstance(c, dict) else {"slo": c} for c in components or ("a", "b")]
    indicator = {"composite": {"components": parts, "mode": mode} | composite}
    return a_body(name, generation=generation, indicator=indicator, **(spec or {}))


def a_part(name, metric="errors_total", **changes):
    return a_body(name, indicator={"ratio": {"bad": metric, "total": "requests_total"}}, **changes)


def put(s, *bodies):
    for body in bodies:
        s.engine.on_object("SLO", body)


def rates(s, **error_ratios):
    """Let counters of errors grow with these shares of ten requests a second."""
    for name, ratio in error_ratios.items():
        s.source.counters[f"{name}_errors_total"] = lambda t, ratio=ratio: (t - BORN) * 10 * ratio


def sync(s, *names):
    s.engine.on_synced("SLO", frozenset(f"uid-{name}" for name in names))


def sli(s, name="whole"):
    return s.status(name)["windows"][0]["sli"]


async def test_a_composite_shows_the_weighted_mean_of_its_components():
    async with stage() as s:
        rates(s, a=0.01, b=0.04)
        parts = a_part("a", "a_errors_total"), a_part("b", "b_errors_total")
        put(s, *parts, a_composite("whole", {"slo": "a", "weight": 3}, "b"))
        await asyncio.sleep(EVALUATED)
        assert sli(s) == pytest.approx(100 * (1 - (3 * 0.01 + 0.04) / 4), abs=1e-4)
        window = s.status("whole")["windows"][0]
        assert window["coverage"] == pytest.approx(1, abs=0.001)
        assert window["budget"]["unit"] == "Minutes"
        assert s.status("whole")["burnRates"]["5m"] == pytest.approx(1.75, abs=0.01)


async def test_any_bad_counts_a_slice_as_bad_when_one_component_is():
    async with stage() as s:
        rates(s, a=0.0, b=0.5)
        sliced = {"budgeting": "Timeslices", "timeslice": {"length": "1m", "target": 90}}
        put(s, a_part("a", "a_errors_total"), a_part("b", "b_errors_total"))
        put(s, a_composite("whole", "a", "b", mode="AnyBad", spec=sliced))
        await asyncio.sleep(40)  # what burns so fast is shown before its history was read
        assert sli(s) == 0
        assert s.status("whole")["state"] == "Exhausted"


async def test_components_may_come_after_their_composite_and_nothing_wrong_is_said_meanwhile():
    async with stage() as s:
        put(s, a_composite("whole", "a", "b"))
        sync(s, "whole")
        await asyncio.sleep(0.5)
        put(s, a_part("a"), a_part("b"))
        await asyncio.sleep(EVALUATED)
        assert s.status("whole")["state"] == "Healthy"
        assert "ComponentMissing" not in {status["reason"] for _, status in s.writer.writes}
        assert s.writer.events == []


async def test_at_a_start_nothing_is_called_missing_before_all_slos_are_known():
    async with stage() as s:
        put(s, a_composite("whole", "a", "b"))
        await asyncio.sleep(60)
        assert s.status("whole") is None
        put(s, a_part("a"))
        sync(s, "whole", "a")
        await asyncio.sleep(SOON)
        assert s.ready("whole")["reason"] == "ComponentMissing"


async def test_a_missing_component_is_named_with_its_path_and_appears_later():
    async with stage() as s:
        put(s, a_part("a"), a_composite("whole", "a", "b"))
        sync(s, "a", "whole")
        await asyncio.sleep(SOON)
        ready = s.ready("whole")
        assert (ready["status"], ready["reason"]) == ("False", "ComponentMissing")
        assert ready["message"].startswith("spec.indicator.composite.components[1].slo: no SLO is named 'b'")
        assert (s.telemetry.counts["valid"], s.telemetry.counts["refused"]) == (1, 1)
        put(s, a_part("b"))
        await asyncio.sleep(EVALUATED)
        assert (s.status("whole")["state"], s.ready("whole")["status"]) == ("Healthy", "True")
        assert s.telemetry.counts["refused"] == 0


async def test_a_deleted_component_refuses_the_composite_which_keeps_what_was_known_last():
    async with stage() as s:
        put(s, a_part("a"), a_part("b"), a_composite("whole", "a", "b"))
        sync(s, "a", "b", "whole")
        await asyncio.sleep(EVALUATED)
        s.engine.on_deleted("SLO", "uid-b")
        await asyncio.sleep(SOON)
        assert s.ready("whole")["reason"] == "ComponentMissing"
        assert (s.status("whole")["state"], s.status("whole")["lastKnown"]["state"]) == ("Unknown", "Healthy")
        assert s.status("a")["state"] == "Healthy"
        put(s, a_part("b", uid="another"))
        await asyncio.sleep(EVALUATED)
        assert s.status("whole")["state"] == "Healthy"


async def test_a_component_that_is_replaced_at_once_interrupts_nothing():
    async with stage() as s:
        put(s, a_part("a"), a_part("b"), a_composite("whole", "a", "b"))
        sync(s, "a", "b", "whole")
        await asyncio.sleep(EVALUATED)
        s.engine.on_deleted("SLO", "uid-b")
        put(s, a_part("b", uid="another"))
        await asyncio.sleep(30)
        assert {status["state"] for ref, status in s.writer.writes if ref.name == "whole"} <= {"Healthy", "Unknown"}
        assert [status["reason"] for ref, status in s.writer.writes if ref.name == "whole"].count(
            "ComponentMissing"
        ) == 0


async def test_a_refused_component_refuses_the_composite_with_the_reason_and_heals_with_it():
    async with stage() as s:
        put(s, a_part("a"), a_part("b", target=100), a_composite("whole", "a", "b"))
        sync(s, "a", "b", "whole")
        await asyncio.sleep(SOON)
        assert s.ready("whole")["reason"] == "ComponentMissing"
        assert "SLO 'b' is refused itself (spec.target: " in s.ready("whole")["message"]
        put(s, a_part("b", generation=2))
        await asyncio.sleep(EVALUATED)
        assert s.status("whole")["state"] == "Healthy"
        put(s, a_part("b", generation=3, source="nowhere"))
        await asyncio.sleep(SOON)
        assert "SLO 'b' is refused itself (spec.source: no source is named 'nowhere'" in s.ready("whole")["message"]


@pytest.mark.parametrize(
    ("bodies", "messages"),
    [
        pytest.param([("a", ["a"])], {"a": "a → a"}, id="itself"),
        pytest.param([("a", ["b"]), ("b", ["a"])], {"a": "a → b → a", "b": "b → a → b"}, id="one another"),
    ],
)
async def test_cycles_are_refused_with_the_names_and_heal_when_they_are_opened(bodies, messages):
    async with stage() as s:
        put(s, a_part("plain"), *(a_composite(name, *parts) for name, parts in bodies))
        sync(s, "plain", *(name for name, _ in bodies))
        await asyncio.sleep(EVALUATED)
        for name, path in messages.items():
            assert (s.ready(name)["status"], s.ready(name)["reason"]) == ("False", "Invalid")
            assert (
                f"spec.indicator.composite.components[0].slo: leads back to itself: {path};" in s.ready(name)["message"]
            )
        assert s.status("plain")["state"] == "Healthy"
        put(s, a_composite("a", "plain", generation=2))
        await asyncio.sleep(EVALUATED)
        assert {s.status(name)["state"] for name in messages} == {"Healthy"}


async def test_a_composite_in_a_composite_follows_the_innermost_component():
    async with stage() as s:
        rates(s, deep=0.005)
        put(s, a_composite("outer", "inner"), a_composite("inner", "deep"), a_part("deep", "deep_errors_total"))
        sync(s, "outer", "inner", "deep")
        await asyncio.sleep(EVALUATED)
        assert sli(s, "outer") == sli(s, "inner") == pytest.approx(99.5, abs=1e-4)
        s.engine.on_deleted("SLO", "uid-deep")
        await asyncio.sleep(SOON)
        assert {s.ready(name)["reason"] for name in ("outer", "inner")} == {"ComponentMissing"}


async def test_a_changed_indicator_of_a_component_gives_the_composite_a_new_meaning_with_its_history():
    async with stage() as s:
        rates(s, a=0.001, worse=0.2)
        put(s, a_part("a", "a_errors_total"), a_composite("whole", "a"))
        await asyncio.sleep(EVALUATED)
        assert sli(s) == pytest.approx(99.9, abs=1e-4)
        put(s, a_part("a", "worse_errors_total", generation=2))
        await asyncio.sleep(30)
        assert sli(s) == pytest.approx(80, abs=1e-4)
        assert s.status("whole")["observedGeneration"] == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"target": 90}, id="target"),
        pytest.param({"windows": [{"name": "2h", "rolling": "2h"}]}, id="window"),
        pytest.param({"description": "new words"}, id="words"),
        pytest.param({"groupBy": ["region"]}, id="groups, since the sum is used"),
        pytest.param({"budgeting": "RatioTimeslices", "timeslice": {"length": "5m"}}, id="its own slices"),
        pytest.param({"evaluation": {"interval": "1m"}}, id="interval"),
    ],
)
async def test_what_a_composite_does_not_count_may_change_in_a_component_and_its_data_stays(change):
    async with stage() as s:
        put(s, a_part("a"), a_composite("whole", "a"))
        await asyncio.sleep(EVALUATED)
        # Whoever read history again would find a quarter of an hour in which half of the requests failed.
        edge = s.clock.now().timestamp() - 1800
        s.source.counters["errors_total"] = lambda t: (t - BORN) * 0.05 + min(max(t - edge, 0.0), 900.0) * 5
        put(s, a_part("a", generation=2, **change))
        await asyncio.sleep(60)
        assert sli(s) == pytest.approx(99.5, abs=0.01)


async def test_a_composite_stays_in_its_namespace():
    async with stage() as s:
        put(s, a_part("a", namespace="team-a"), a_composite("whole", "a"))
        sync(s, "a", "whole")
        await asyncio.sleep(SOON)
        assert "no SLO is named 'a' in namespace 'shop'" in s.ready("whole")["message"]


async def test_an_unknown_component_makes_the_composite_unknown_and_is_named():
    async with stage() as s:
        put(s, a_part("a"), a_body("b", indicator={"ratio": {"bad": "never_errors", "total": "never_written"}}))
        put(s, a_composite("whole", "a", "b"), a_composite("lenient", "a", "b", whenUnknown="Ignore"))
        await asyncio.sleep(30)
        data = next(c for c in s.status("whole")["conditions"] if c["type"] == "DataAvailable")
        assert (data["status"], data["reason"]) == ("False", "NoData")
        assert "component b: " in data["message"]
        assert s.status("lenient")["state"] == "Healthy"
        assert s.status("lenient")["windows"][0]["coverage"] > 0.99


async def test_a_component_whose_query_is_refused_is_unknown_like_any_other():
    async with stage() as s:
        s.source.counters["broken_total"] = s.source.counters["requests_total"]
        s.source.fail(QueryRejected("many-to-many matching not allowed"), on="broken_total")
        put(s, a_part("a"), a_body("b", indicator={"ratio": {"bad": "errors_total", "total": "broken_total"}}))
        put(s, a_composite("whole", "a", "b"), a_composite("lenient", "a", "b", whenUnknown="Ignore"))
        await asyncio.sleep(300)
        data = next(c for c in s.status("whole")["conditions"] if c["type"] == "DataAvailable")
        assert (data["status"], data["reason"]) == ("False", "QueryFailed")
        assert "component b: " in data["message"]
        assert s.status("lenient")["state"] == "Healthy"
        assert s.status("lenient")["windows"][0]["coverage"] > 0.99
        assert s.status("a")["state"] == "Healthy"
        s.source.recover()
        await asyncio.sleep(300)
        assert {s.status(name)["state"] for name in ("whole", "lenient")} == {"Healthy"}
        assert s.status("whole")["windows"][0]["coverage"] > 0.99  # what was not read then was read now


async def test_rows_and_series_of_a_composite_are_given_back():
    async with stage() as s:
        put(s, a_part("a"), a_part("b"), a_composite("whole", "a", "b"), a_composite("outer", "whole"))
        sync(s, "a", "b", "whole", "outer")
        await asyncio.sleep(EVALUATED)
        evaluator = s.engine._evaluators["default"]
        assert len(evaluator._standard) == 4
        for name in ("a", "b", "whole", "outer"):
            s.engine.on_deleted("SLO", f"uid-{name}")
        await asyncio.sleep(SOON)
        assert len(evaluator._standard) == len(evaluator._traits) == 0
        composites = s.engine._composites
        assert not any((composites._uids, composites._users, composites._used, composites._waiting))
        assert {slo.name for slo in s.telemetry.forgotten_slos} == {"a", "b", "whole", "outer"}


async def test_many_slos_and_their_composites_are_looked_up_a_few_times_each():
    """Of 2,000 SLOs half are composites of ten others, and come before these."""
    registry, clock, followed = Registry(to_domain), LoopClock(), Counter()

    def follow(registered, *, known_before, patient):
        followed[registered.ref.name] += 1
        assert composites.resolve(registered.parsed)

    composites = Composites(registry, clock=clock, follow=follow, may_tell=lambda: True)
    names = [f"p{n}" for n in range(1000)]
    bodies = [a_composite(f"c{n}", *names[n : n + 10]) for n in range(990)] + [a_part(name) for name in names]
    for body in bodies:
        composites.put(registry.put("SLO", body, lambda _: None)[0])
    task = asyncio.create_task(composites.run())
    await asyncio.sleep(SOON)
    task.cancel()
    assert followed == Counter({f"c{n}": 1 for n in range(990)})
