"""What an edit keeps and what it drops, what is told of it, and how far the past of a source reaches."""

import asyncio

import pytest

from tests.engine.test_engine import BORN, a_body, stage
from tests.fakes.clock import START

pytestmark = pytest.mark.looptime

NOW, DAY = START.timestamp(), 86_400
WEEK = [{"name": "7d", "rolling": "7d"}]
BY_TIME = {"budgeting": "Timeslices", "timeslice": {"length": "1m", "target": 99}}


def ranges(source, asked=0):
    """The queries of history since then: those that end well in the past."""
    return [a for a in source.asked[asked:] if a.at is not None and a.at < NOW - 3600]


def condition(status, kind):
    return next(c for c in status["conditions"] if c["type"] == kind)


def forget_the_past(stage):
    """From now on the source knows nothing older than now, as after its retention was shortened."""
    stage.source.silent = lambda t: t < NOW


KEEPING = [
    pytest.param({"target": 90}, id="target"),
    pytest.param({"windows": [{"name": "3d", "rolling": "3d"}]}, id="shorter window"),
    pytest.param({"windows": [*WEEK, {"name": "1h", "rolling": "1h"}]}, id="another window"),
    pytest.param({"windows": [{"name": "day", "calendar": {"unit": "Day"}}, *WEEK]}, id="calendar"),
    pytest.param({"evaluation": {"interval": "10s", "staleAfter": "5m"}}, id="interval"),
    pytest.param({"description": "something else"}, id="description"),
]


@pytest.mark.parametrize("edit", KEEPING)
async def test_an_edit_of_what_is_promised_keeps_all_that_was_counted(edit):
    async with stage() as s:
        s.source.counters = {"requests_total": lambda t: (t - NOW) * 10, "errors_total": lambda t: (t - NOW) * 0.05}
        s.engine.on_object("SLO", a_body(windows=WEEK))
        await asyncio.sleep(120)
        forget_the_past(s)
        asked = len(s.source.asked)
        s.engine.on_object("SLO", a_body(generation=2, **({"windows": WEEK} | edit)))
        await asyncio.sleep(120)
        assert s.status()["observedGeneration"] == 2
        assert all(w["coverage"] == pytest.approx(1, abs=1e-3) for w in s.status()["windows"])
        assert all(w["sli"] == pytest.approx(99.5, rel=1e-3) for w in s.status()["windows"])
        assert ranges(s.source, asked) == []
        assert condition(s.status(), "Ready")["reason"] == "Evaluated"
        assert "Recounted" not in [e.reason for e in s.writer.events]


async def test_a_window_too_long_for_the_row_takes_along_what_the_source_has_forgotten():
    async with stage() as s:
        s.source.counters = {"requests_total": lambda t: (t - NOW) * 10, "errors_total": lambda t: (t - NOW) * 0.05}
        s.engine.on_object("SLO", a_body(windows=[{"name": "30d", "rolling": "30d"}]))
        await asyncio.sleep(120)
        forget_the_past(s)
        s.engine.on_object("SLO", a_body(generation=2, windows=[{"name": "60d", "rolling": "60d"}]))
        await asyncio.sleep(300)
        window = s.status()["windows"][0]
        assert window["coverage"] == pytest.approx(0.5, abs=0.01)
        assert window["goodEvents"] == pytest.approx(9.95 * 30 * DAY, rel=0.01)
        told = condition(s.status(), "HistoryIncomplete")
        assert (told["status"], told["reason"]) == ("True", "NoOlderData")


DROPPING = [
    pytest.param({"indicator": {"ratio": {"bad": "other_total", "total": "requests_total"}}}, id="indicator"),
    pytest.param(BY_TIME, id="budgeting"),
    pytest.param({"evaluation": {"noData": "Good"}}, id="noData"),
    pytest.param({"evaluation": {"noTraffic": "Unknown"}}, id="noTraffic"),
    pytest.param({"groupBy": ["region"]}, id="groupBy"),
]


@pytest.mark.parametrize("edit", DROPPING)
async def test_an_edit_of_what_is_counted_counts_anew_and_says_so(edit):
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(120)
        edited = s.clock.now()
        s.engine.on_object("SLO", a_body(generation=2, status=s.status(), **edit))
        await asyncio.sleep(180)
        assert s.status()["observedGeneration"] == 2
        ready = condition(s.status(), "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "Recounted")
        assert edited.strftime("%Y-%m-%dT%H:%M:%SZ") in ready["message"]
        assert [(e.warning, e.note) for e in s.writer.events if e.reason == "Recounted"] == [(False, ready["message"])]
        if "indicator" in edit:
            assert s.status()["windows"][0]["sli"] == pytest.approx(50)
        assert s.status()["windows"][0]["coverage"] == pytest.approx(1, abs=1e-3)


async def test_a_changed_target_of_a_slice_reads_the_past_anew():
    async with stage() as s:
        s.engine.on_object("SLO", a_body(**BY_TIME))  # 0.5 % of every minute fails
        await asyncio.sleep(120)
        assert s.status()["windows"][0]["sli"] == 100
        strict = BY_TIME | {"timeslice": {"length": "1m", "target": 99.9}}
        s.engine.on_object("SLO", a_body(generation=2, status=s.status(), **strict))
        await asyncio.sleep(180)
        assert s.status()["windows"][0]["sli"] == 0
        assert s.status()["windows"][0]["budget"]["consumed"] == pytest.approx(60, abs=0.1)


async def test_a_window_longer_than_the_source_keeps_its_data_is_evaluated_with_its_coverage():
    async with stage() as s:
        s.source.silent = lambda t: t < NOW - 15 * DAY  # Prometheus's default
        s.source.counters = {"requests_total": lambda t: (t - NOW) * 10, "errors_total": lambda t: (t - NOW) * 0.05}
        s.engine.on_object("SLO", a_body(windows=[{"name": "30d", "rolling": "30d"}, *WEEK]))
        await asyncio.sleep(120)
        assert condition(s.status(), "Ready")["status"] == "True"
        told = condition(s.status(), "HistoryIncomplete")
        assert (told["status"], told["reason"]) == ("True", "NoOlderData")
        assert "coverage is 50%" in told["message"]
        long, short = s.status()["windows"]
        assert (long["coverage"], short["coverage"]) == (pytest.approx(0.5, abs=0.01), pytest.approx(1, abs=1e-3))
        assert s.status()["state"] == "Healthy"


async def test_history_that_is_still_being_read_is_told_and_its_coverage_rises():
    async with stage() as s:
        s.source.counters = {"requests_total": lambda t: (t - NOW) * 10, "errors_total": lambda t: (t - NOW) * 0.05}
        whole = s.source.query_range

        async def slow(expression, **span):
            await asyncio.sleep(8)
            return await whole(expression, **span)

        s.source.query_range = slow
        s.engine.on_object("SLO", a_body(windows=[{"name": "30d", "rolling": "30d"}]))
        coverages = []
        for _ in range(12):
            await asyncio.sleep(30)
            told = condition(s.status(), "HistoryIncomplete") if len(s.status()["conditions"]) > 3 else None
            if told is not None and told["reason"] == "HistoryBeingRead":
                assert (told["status"], "known so far" in told["message"]) == ("Unknown", True)
                coverages.append(s.status()["windows"][0]["coverage"])
        assert len(coverages) >= 2
        assert coverages == sorted(coverages)
        assert condition(s.status(), "HistoryIncomplete")["reason"] == "HistoryRead"
        assert s.status()["windows"][0]["coverage"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("ahead", [-7200, -90, 90, 7200])
async def test_a_source_whose_clock_is_off_is_followed_and_the_difference_told(ahead):
    async with stage() as s:
        answer = s.source._answer

        def by_its_own_clock(expression, at):
            samples = answer(expression, at)
            return [type(x)(x.labels, x.value + ahead) for x in samples] if expression == "time()" else samples

        s.source.answer_by(by_its_own_clock)
        s.source.silent = lambda t: t > s.clock.now().timestamp() + ahead  # by its clock that is the future
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(900)
        told = condition(s.status(), "ClockSkew")
        assert (told["status"], told["reason"]) == ("True", "ClocksDiffer")
        direction = "ahead of" if ahead > 0 else "behind"
        assert f"is {abs(ahead)}.0 s {direction} the operator's" in told["message"]
        assert s.status()["windows"][0]["sli"] == pytest.approx(99.5)
        assert s.status()["windows"][0]["coverage"] == pytest.approx(1, abs=1e-3)
        assert BORN < NOW - 7200 - 3600  # there was traffic in all of it
