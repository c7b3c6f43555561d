"""groupBy (semantics B5) as a user sees it: groups come, go, come back, are too many, and are judged each by itself."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.errors import SourceUnreachable
from backstop.domain.evidence import Slice, unknown
from backstop.domain.ledger import Ledger
from backstop.engine.readings import Evidence
from backstop.engine.rows import append, prepend, release, set_head
from backstop.engine.sources import SourceBinding
from backstop.engine.tracked import Tracked
from backstop.vocabulary import MAX_GROUPS, MAX_LABEL_VALUE, Reason
from tests.builders import a_slo
from tests.engine.test_engine import BORN, a_body
from tests.engine.test_engine import stage as plain_stage
from tests.fakes.clock import START
from tests.fakes.grouped_counters import GroupedSource

START_AT = START.timestamp()
EVALUATED = 10  # seconds until an SLO shows its numbers with their history
RARELY = {"interval": "3m", "staleAfter": "5m"}  # for hours of a hundred groups


@asynccontextmanager
async def stage():
    async with plain_stage() as s:
        s.source = GroupedSource(s.clock)
        s.engine.set_sources({"default": SourceBinding(source=s.source)})
        yield s


def serve(s, *, rate=10.0, errors=0.0, since=BORN, until=float("inf"), **labels):
    """Let a group have requests at a rate per second, and a share of errors, from one instant to another."""

    def counted(share):
        return lambda t: (t - since) * rate * share if since <= t <= until else None

    s.source.put("requests_total", counted(1.0), **labels)
    if errors:
        s.source.put("errors_total", counted(errors), **labels)


def grouped(name="checkout", *, by=("region",), **spec):
    return a_body(name, groupBy=list(by), **spec)


def groups(s, name="checkout"):
    return [tuple(group["labels"].values()) for group in s.status(name).get("groups", ())]


def group(s, *values, name="checkout"):
    return next(g for g in s.status(name)["groups"] if tuple(g["labels"].values()) == values)


def rows(s):
    evaluator = s.engine._evaluators["default"]
    return len(evaluator._standard) + len(evaluator._long)


pytestmark = pytest.mark.looptime


async def test_every_group_is_judged_the_worst_first_and_the_sum_is_the_slos_own_state():
    async with stage() as s:
        serve(s, region="eu", rate=80.0, errors=0.001)
        serve(s, region="us", rate=10.0, errors=0.02)
        serve(s, region="ap", rate=10.0, errors=0.008)
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        status = s.status()
        assert (status["state"], status["groupCount"]) == ("Healthy", 3)
        assert [(g["labels"], g["state"]) for g in status["groups"]] == [
            ({"region": "us"}, "Exhausted"),
            ({"region": "ap"}, "AtRisk"),
            ({"region": "eu"}, "Healthy"),
        ]
        assert group(s, "us")["burnRate1h"] == pytest.approx(2, rel=0.01)
        assert group(s, "ap")["remainingPercent"] == pytest.approx(20, abs=0.1)
        whole = status["windows"][0]
        for counted in ("goodEvents", "badEvents"):
            assert sum(g[counted] for g in status["groups"]) == pytest.approx(whole[counted], rel=1e-4)


async def test_groups_with_few_events_come_last_whatever_they_say():
    async with stage() as s:
        serve(s, region="busy", rate=10.0, errors=0.001)
        serve(s, region="tiny", rate=0.01, errors=0.5)
        s.engine.on_object("SLO", grouped(evaluation={"minimumEvents": 100}))
        await asyncio.sleep(EVALUATED)
        assert groups(s) == [("busy",), ("tiny",)]
        assert group(s, "tiny")["state"] == "Exhausted"


async def test_the_status_shows_the_ten_worst_and_how_many_there_are():
    async with stage() as s:
        for n in range(40):
            serve(s, region=f"r{n:02}", errors=n / 10_000)
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        assert s.status()["groupCount"] == 40
        assert groups(s) == [(f"r{n:02}",) for n in range(39, 29, -1)]
        assert len(s.telemetry.assessments[-1].groups) == 40


async def test_groups_of_several_labels_and_of_labels_that_are_not_there():
    async with stage() as s:
        serve(s, region="eu", tier="1", errors=0.001)
        serve(s, region="eu", errors=0.002)
        s.engine.on_object("SLO", grouped(by=("region", "tier")))
        await asyncio.sleep(EVALUATED)
        assert [g["labels"] for g in s.status()["groups"]] == [
            {"region": "eu", "tier": ""},
            {"region": "eu", "tier": "1"},
        ]


async def test_a_group_that_appears_later_counted_nothing_before_and_that_is_known():
    async with stage() as s:
        serve(s, region="eu")
        serve(s, region="new", since=START_AT + 300, errors=0.1)
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(290)
        assert groups(s) == [("eu",)]
        await asyncio.sleep(600)
        assert groups(s) == [("new",), ("eu",)]
        new = next(g for g in s.telemetry.assessments[-1].groups if g.labels == {"region": "new"})
        assert new.budgets[0].counts.events == pytest.approx(5900, rel=0.06)
        assert new.budgets[0].counts.coverage == pytest.approx(1, abs=0.01)


async def test_a_group_that_vanishes_keeps_its_events_until_they_leave_the_window_and_may_come_back():
    async with stage() as s:
        serve(s, region="eu")
        serve(s, region="gone", until=START_AT + 300, errors=0.1)
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(900)
        assert groups(s) == [("gone",), ("eu",)]
        before = group(s, "gone")["badEvents"]
        await asyncio.sleep(1800)
        assert 0 < group(s, "gone")["badEvents"] < before
        await asyncio.sleep(3000)
        assert groups(s) == [("eu",)]
        assert s.status()["groupCount"] == 1
        serve(s, region="gone", since=s.clock.now().timestamp())
        await asyncio.sleep(120)
        assert set(groups(s)) == {("eu",), ("gone",)}
        assert group(s, "gone")["badEvents"] == 0


async def test_groups_of_the_past_are_found_in_the_history():
    async with stage() as s:
        serve(s, region="eu")
        serve(s, region="old", since=START_AT - 6 * 3600, until=START_AT - 5 * 3600, errors=0.5)
        serve(s, region="older", since=START_AT - 50 * 3600, until=START_AT - 48 * 3600, errors=0.5)
        s.engine.on_object("SLO", grouped(windows=[{"name": "3d", "rolling": "3d"}]))
        await asyncio.sleep(EVALUATED)
        assert groups(s) == [("old",), ("older",), ("eu",)]
        assert group(s, "old")["badEvents"] == pytest.approx(3600 * 10 * 0.5, rel=0.03)
        assert group(s, "older")["badEvents"] == pytest.approx(7200 * 10 * 0.5, rel=0.03)


async def test_more_groups_than_are_allowed_are_refused_by_condition_and_fewer_heal_it():
    async with stage() as s:
        many = START_AT + 600
        for n in range(MAX_GROUPS + 1):
            serve(s, region=f"r{n}", until=many if n else float("inf"))
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        ready = s.ready()
        assert (ready["status"], ready["reason"]) == ("False", "TooManyGroups")
        assert ready["message"].startswith("spec.groupBy: more than 100 sets of values of region; group by labels")
        assert s.status()["state"] == "Unknown"
        await asyncio.sleep(1200)
        assert s.ready()["status"] == "True"
        assert groups(s) == [("r0",)]


async def test_exactly_as_many_groups_as_are_allowed_are_accepted():
    async with stage() as s:
        for n in range(MAX_GROUPS):
            serve(s, region=f"r{n}")
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        assert (s.status()["state"], s.status()["groupCount"]) == ("Healthy", MAX_GROUPS)
        assert rows(s) == MAX_GROUPS + 1


@pytest.mark.parametrize("later", [60, MAX_GROUPS - 1])
async def test_groups_that_are_too_many_only_over_time_are_refused_until_old_ones_have_left_the_windows(later):
    async with stage() as s:
        serve(s, region="eu")
        for n in range(60):
            serve(s, region=f"first-{n}", until=START_AT + 600)
        for n in range(later):
            serve(s, region=f"second-{n}", since=START_AT + 1800)
        s.engine.on_object("SLO", grouped(evaluation=RARELY))
        await asyncio.sleep(900)
        assert (s.ready()["status"], s.status()["groupCount"]) == ("True", 61)
        await asyncio.sleep(1800)
        assert (s.ready()["status"], s.ready()["reason"]) == ("False", "TooManyGroups")
        assert s.status()["state"] == "Unknown"
        await asyncio.sleep(3600 + 1800)  # the first have left the window, and it was waited for others
        assert (s.ready()["status"], s.status()["groupCount"]) == ("True", later + 1)
        second = s.telemetry.assessments[-1].groups[-1]
        assert second.budgets[0].counts.events == pytest.approx(36_000, rel=0.02)  # also of when it was refused
        assert rows(s) <= MAX_GROUPS + 1


async def test_a_new_group_takes_the_place_of_one_that_has_left_the_windows_and_nothing_is_refused():
    async with stage() as s:
        for n in range(60):
            serve(s, region=f"first-{n}", until=START_AT + 600)
            serve(s, region=f"second-{n}", since=START_AT + 600 + 4000)
        serve(s, region="eu")
        s.engine.on_object("SLO", grouped(evaluation=RARELY))
        await asyncio.sleep(6000)
        assert "TooManyGroups" not in {status["reason"] for _, status in s.writer.writes}
        assert (s.status()["groupCount"], rows(s)) == (61, MAX_GROUPS + 1)


async def test_while_it_is_tried_whether_there_is_room_again_nothing_else_is_said():
    async with stage() as s:
        serve(s, region="eu")
        for n in range(150):  # 25 at a time, each for twelve minutes
            since = START_AT + n // 25 * 720
            serve(s, region=f"pod-{n}", since=since, until=since + 720)
        s.engine.on_object("SLO", grouped(windows=[{"name": "2h", "rolling": "2h"}], evaluation=RARELY))
        await asyncio.sleep(4000)
        assert s.ready()["reason"] == "TooManyGroups"
        refused = len(s.writer.writes)
        await asyncio.sleep(2500)
        ready = [
            next(c for c in status["conditions"] if c["type"] == "Ready") for _, status in s.writer.writes[refused:]
        ]
        assert {(condition["status"], condition["reason"]) for condition in ready} == {("False", "TooManyGroups")}
        await asyncio.sleep(9000)
        assert (s.ready()["status"], s.status()["groupCount"]) == ("True", 1)


HOSTILE = ['a "quoted" \\ value', "two\nlines", "東京 ünï", "", "{}", "x" * 10_000, "y" * 10_000, '","region":"fake']


async def test_hostile_values_of_labels_are_groups_like_others():
    async with stage() as s:
        for n, value in enumerate(HOSTILE):
            serve(s, region=value, errors=(n + 1) / 10_000)
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        assert s.status()["groupCount"] == len(HOSTILE)
        shown = [value for (value,) in groups(s)]
        assert [value for value in reversed(shown) if len(value) < MAX_LABEL_VALUE] == [
            value for value in HOSTILE if len(value) < MAX_LABEL_VALUE
        ]
        assert len({value for value in shown if len(value) == MAX_LABEL_VALUE}) == 2


async def test_errors_that_lack_the_labels_of_the_total_are_no_silent_successes():
    async with stage() as s:
        serve(s, region="eu")
        serve(s, region="us")
        s.source.put("errors_total", lambda t: (t - BORN) * 5.0, dc="eu")
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        data = next(c for c in s.status()["conditions"] if c["type"] == "DataAvailable")
        assert (data["status"], data["reason"]) == ("False", "Inconsistent")
        assert 'spec.groupBy: events of bad are in the group region="", which total does not have' in data["message"]


async def test_an_outage_is_unknown_in_every_group_and_a_group_alone_that_is_silent_is_not():
    async with stage() as s:
        serve(s, region="eu")
        serve(s, region="us", until=START_AT + 300)
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(600)
        assert {g["state"] for g in s.status()["groups"]} == {"Healthy"}
        s.source.silent = lambda t: t > START_AT + 600
        await asyncio.sleep(900)
        assert s.status()["state"] == "Unknown"
        assert {g["state"] for g in s.status()["groups"]} == {"Unknown"}
        coverages = {round(g.budgets[0].counts.coverage, 3) for g in s.telemetry.assessments[-1].groups}
        assert coverages == {round(s.telemetry.assessments[-1].budgets[0].counts.coverage, 3)}


async def test_a_group_has_a_budget_of_time_and_is_gone_when_it_has_been_away_for_a_window():
    async with stage() as s:
        serve(s, region="eu")
        serve(s, region="us", until=START_AT + 900, errors=0.2)
        spec = {"budgeting": "Timeslices", "timeslice": {"length": "1m", "target": 90}}
        s.engine.on_object("SLO", grouped(**spec))
        await asyncio.sleep(60)
        assert [(g["labels"]["region"], g["state"]) for g in s.status()["groups"]] == [
            ("us", "Exhausted"),
            ("eu", "Healthy"),
        ]
        assert group(s, "us")["sli"] == 0
        await asyncio.sleep(900 + 3600 + 600)
        assert groups(s) == [("eu",)]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda s: s.engine.on_deleted("SLO", "uid-checkout"), id="deleted"),
        pytest.param(lambda s: s.engine.on_object("SLO", grouped(generation=2, target=100)), id="refused"),
        pytest.param(lambda s: s.engine.set_sources({}), id="without its source"),
    ],
)
async def test_no_row_of_a_group_is_left_behind(end):
    async with stage() as s:
        for n in range(30):
            serve(s, region=f"r{n}")
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        assert rows(s) == 31
        evaluator = s.engine._evaluators["default"]
        end(s)
        await asyncio.sleep(EVALUATED)
        assert len(evaluator._standard) == 0


async def test_other_labels_begin_anew_and_leave_no_row():
    async with stage() as s:
        for n in range(30):
            serve(s, region=f"r{n}", tier=str(n % 3))
        s.engine.on_object("SLO", grouped())
        await asyncio.sleep(EVALUATED)
        s.engine.on_object("SLO", grouped(by=("tier",), generation=2))
        await asyncio.sleep(EVALUATED)
        assert (s.status()["groupCount"], rows(s)) == (3, 4)
        s.engine.on_object("SLO", a_body(generation=3))
        await asyncio.sleep(EVALUATED)
        assert "groups" not in s.status()
        assert rows(s) == 1


async def test_minutes_that_were_missed_are_caught_up_in_every_group():
    async with stage() as s:
        serve(s, region="eu", errors=0.01)
        serve(s, region="us", errors=0.02)
        s.engine.on_object("SLO", grouped(windows=[{"name": "2h", "rolling": "2h"}]))
        await asyncio.sleep(300)
        s.source.fail(SourceUnreachable("away"))
        await asyncio.sleep(1800)
        s.source.recover()
        await asyncio.sleep(300)
        for region, errors in (("eu", 0.01), ("us", 0.02)):
            assert group(s, region)["badEvents"] == pytest.approx(7200 * 10 * errors, rel=0.01)


KEYS = [("a",), ("b",), ("c",)]
COUNTS = st.tuples(st.integers(0, 1000), st.integers(0, 1000))
PART = st.dictionaries(st.sampled_from(KEYS), COUNTS, min_size=1)
SLICE = st.one_of(PART, st.none())  # None: unknown


def evidence_of(part):
    if part is None:
        silent = unknown(Reason.NO_DATA, "none")
        return Evidence(silent, silent)
    of_groups = {key: Slice(float(good), float(bad)) for key, (good, bad) in part.items()}
    whole = Slice(sum(s.good for s in of_groups.values()), sum(s.bad for s in of_groups.values()))
    return Evidence(whole, whole, of_groups)


class TestRowsOfGroups:
    @given(sealed=st.lists(SLICE, max_size=20), past=st.lists(SLICE, max_size=20), head=SLICE)
    def test_the_whole_is_the_sum_of_its_groups_and_all_know_the_same_time(self, sealed, past, head):
        anchor = 1_800_000_000 // 60 * 60
        ledger = Ledger()
        tracked = Tracked(slo=a_slo(group_by=("region",)), ledger=ledger, row=ledger.add(anchor))
        for part in sealed:
            append(tracked, evidence_of(part), seconds=60)
        for part in past:
            prepend(tracked, [evidence_of(part)], tier_step=60, grain=60)
        if head is not None:
            set_head(tracked, evidence_of(head), end=anchor + 60.0 * len(sealed) + 30)
        end = anchor + 60.0 * (len(sealed) + 1)

        def counts(row):
            return ledger.window(np.array([row]), start=anchor - 60.0 * len(past), end=end)

        found, whole = {key: counts(row) for key, row in tracked.groups.items()}, counts(tracked.row)
        told = [p for p in [*sealed, *past, *([head] if head else [])] if p is not None]
        assert float(whole.good[0]) == pytest.approx(sum(good for p in told for good, _ in p.values()))
        if found:
            assert sum(float(c.good[0]) for c in found.values()) == pytest.approx(float(whole.good[0]))
            assert sum(float(c.bad[0]) for c in found.values()) == pytest.approx(float(whole.bad[0]))
        for key, its in found.items():
            assert float(its.bad[0]) == pytest.approx(sum(p[key][1] for p in told if key in p))
            assert float(its.unknown_seconds[0]) == pytest.approx(float(whole.unknown_seconds[0]))
        release(tracked)
        assert len(ledger) == 0
