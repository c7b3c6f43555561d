"""MaintenanceWindows as the watch sees them, and what they do to budgets and say in their status."""

import asyncio
from datetime import timedelta

import pytest

from backstop.engine import engine as engine_module
from backstop.engine.maintenance import REFRESH_SECONDS
from tests.engine.test_engine import BORN, a_body, stage
from tests.fakes.clock import START

pytestmark = pytest.mark.looptime

KIND = "MaintenanceWindow"


def instant(minutes):
    """Return so many minutes from the start of the test, as RFC 3339."""
    return (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def a_window(name="upgrade", *, generation=1, namespace="shop", minutes=None, status=None, **spec):
    """Return a window; `minutes` is from when to when it is, from the start of the test on."""
    given = {"slos": {"names": ["checkout"]}}
    if minutes is not None:
        given |= {"start": instant(minutes[0]), "end": instant(minutes[1])}
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "generation": generation,
        "creationTimestamp": instant(0),
    }
    body = {"apiVersion": "backstop.dev/v1alpha1", "kind": KIND, "metadata": metadata, "spec": given | spec}
    return body | ({"status": status} if status else {})


def errors_in(minutes):
    """Return a counter of errors that rises within these minutes only, by 2 a second, of 10 requests."""
    begin, end = (START.timestamp() + minute * 60 for minute in minutes)
    return lambda t: 2.0 * (min(max(t, begin), end) - begin)


def window(s, name="checkout"):
    return s.status(name)["windows"][0]


def ready(s, name="upgrade"):
    return s.ready(name)


async def test_the_budget_is_that_of_the_rest_and_comes_back_when_the_window_goes():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset())
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        spent = window(s)
        assert s.status()["state"] == "Exhausted"
        assert spent["badEvents"] == pytest.approx(1200)
        s.engine.on_object(KIND, a_window(minutes=(-35, -15)))
        await asyncio.sleep(5)
        assert s.status()["state"] == "Healthy"
        assert window(s)["badEvents"] == 0
        assert window(s)["goodEvents"] == pytest.approx(40 * 600, rel=0.01)
        s.engine.on_deleted(KIND, "uid-upgrade")
        await asyncio.sleep(5)
        assert s.status()["state"] == "Exhausted"
        assert window(s)["badEvents"] == pytest.approx(1200)


async def test_only_the_slos_that_match_are_touched():
    async with stage() as s:
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object("SLO", a_body("search"))
        s.engine.on_object("SLO", a_body("elsewhere", namespace="team-a"))
        s.engine.on_object(KIND, a_window(minutes=(-35, -15)))
        await asyncio.sleep(5)
        assert {name: s.status(name)["state"] for name in ("checkout", "search", "elsewhere")} == {
            "checkout": "Healthy",
            "search": "Exhausted",
            "elsewhere": "Exhausted",
        }


async def test_labels_that_come_and_go_decide_although_they_move_no_generation():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object(KIND, a_window(minutes=(-35, 60), slos={"matchLabels": {"team": "payments"}}))
        body = a_body()
        s.engine.on_object("SLO", body)
        await asyncio.sleep(5)
        assert s.status()["state"] == "Exhausted"
        assert ready(s)["reason"] == "NothingMatches"
        labelled = body | {"metadata": body["metadata"] | {"labels": {"team": "payments"}}}
        s.engine.on_object("SLO", labelled)
        await asyncio.sleep(5)
        assert window(s)["badEvents"] == 0
        assert (ready(s)["status"], s.status("upgrade")["slos"]) == ("True", {"count": 1, "names": ["checkout"]})
        s.engine.on_object("SLO", body)
        await asyncio.sleep(5)
        assert s.status()["state"] == "Exhausted"
        assert ready(s)["reason"] == "NothingMatches"


async def test_windows_that_overlap_exclude_their_time_once():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window("a", minutes=(-40, -20)))
        s.engine.on_object(KIND, a_window("b", minutes=(-30, -10)))
        await asyncio.sleep(5)
        assert s.telemetry.assessments[-1].budgets[0].counts.events == pytest.approx(30 * 600, rel=0.01)
        s.engine.on_deleted(KIND, "uid-a")
        await asyncio.sleep(5)
        assert s.telemetry.assessments[-1].budgets[0].counts.events == pytest.approx(40 * 600, rel=0.01)


async def test_what_happens_while_it_is_under_way_counts_for_nothing():
    async with stage() as s:
        s.source.counters["errors_total"] = errors_in((10, 20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(10, 20)))
        await asyncio.sleep(30 * 60)
        assert s.status()["state"] == "Healthy"
        assert {status["state"] for ref, status in s.writer.writes if ref.name == "checkout"} == {"Unknown", "Healthy"}
        assert window(s)["badEvents"] == pytest.approx(0, abs=1e-6)


async def test_a_schedule_begins_by_itself_and_its_status_tells_each_step():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.source.counters["errors_total"] = errors_in((60, 90))  # the test begins at noon
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(schedule={"cron": "0 13 * * *", "duration": "30m"}))
        await asyncio.sleep(5)
        status = s.status("upgrade")
        assert (status["state"], status["reason"]) == ("Scheduled", "InForce")
        assert status["next"] == {"start": instant(60), "end": instant(90)}
        assert "active" not in status
        assert "past" not in status
        assert (status["excludedSeconds"], status["slos"]) == (0, {"count": 1, "names": ["checkout"]})
        assert status["message"] == f"will exclude time from the budget of 1 SLO from {instant(60)} on"
        await asyncio.sleep(60 * 60)
        status = s.status("upgrade")
        assert (status["state"], status["active"]) == ("Active", {"start": instant(60), "end": instant(90)})
        assert status["next"] == {"start": instant(24 * 60 + 60), "end": instant(24 * 60 + 90)}
        assert status["past"] == [status["active"]]
        assert ready(s)["message"] == f"excludes time from the budget of 1 SLO until {instant(90)}"
        await asyncio.sleep(30 * 60)
        status = s.status("upgrade")
        assert (status["state"], status["excludedSeconds"]) == ("Scheduled", 1800)
        assert "active" not in status
        assert window(s)["badEvents"] == pytest.approx(0, abs=1e-6)
        told = [(event.reason, event.warning, event.note) for event in s.writer.events if event.ref.name == "upgrade"]
        assert [(reason, warning) for reason, warning, _ in told] == [("StateChanged", False)] * 2
        assert told[0][2].startswith("Scheduled → Active: excludes time")


async def test_a_window_that_is_over_still_lists_what_it_excluded():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-90, -30)))
        await asyncio.sleep(5)
        status = s.status("upgrade")
        assert (status["state"], status["excludedSeconds"]) == ("Over", 3600)
        assert status["past"] == [{"start": instant(-90), "end": instant(-30)}]
        assert ready(s)["status"] == "True"


async def test_a_status_is_written_when_something_happens_and_else_as_a_heartbeat():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(5)
        began = sum(ref.name == "upgrade" for ref, _ in s.writer.writes)
        await asyncio.sleep(50 * 60)
        heartbeats = sum(ref.name == "upgrade" for ref, _ in s.writer.writes) - began
        assert began == 1
        assert 50 * 60 / 720 - 1 <= heartbeats <= 50 * 60 / 480
        # what only grows is no older than a heartbeat
        assert s.status("upgrade")["excludedSeconds"] == pytest.approx(7200 - 10 * 60, abs=720 + REFRESH_SECONDS)


async def test_an_slo_that_comes_or_goes_is_counted():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(5)
        assert (ready(s)["status"], ready(s)["reason"]) == ("False", "NothingMatches")
        assert s.status("upgrade")["slos"] == {"count": 0}
        assert s.writer.events == []  # an SLO may come
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        assert (ready(s)["status"], s.status("upgrade")["slos"]["count"]) == ("True", 1)
        s.engine.on_deleted("SLO", "uid-checkout")
        await asyncio.sleep(5)
        assert ready(s)["reason"] == "NothingMatches"


async def test_nothing_is_said_about_matches_before_the_slos_are_known():
    async with stage() as s:
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(60)
        assert s.writer.writes == []
        s.engine.on_object("SLO", a_body())
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        await asyncio.sleep(5)
        assert [status["slos"]["count"] for ref, status in s.writer.writes if ref.name == "upgrade"] == [1]


@pytest.mark.parametrize(
    ("spec", "reason", "path"),
    [
        ({"schedule": {"cron": "0 25 * * *", "duration": "1h"}}, "Invalid", "spec.schedule.cron: "),
        ({"minutes": (-60, 60), "freezeDeploys": True}, "NotSupportedYet", "spec.freezeDeploys: "),
        ({"minutes": (-50_000, 60)}, "Invalid", "spec"),
    ],
)
async def test_a_refused_window_says_why_and_excludes_nothing(spec, reason, path):
    async with stage() as s:
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(**spec))
        await asyncio.sleep(5)
        assert s.status("upgrade")["state"] == "Refused"
        assert (ready(s)["status"], ready(s)["reason"]) == ("False", reason)
        assert ready(s)["message"].startswith(path)
        assert s.status()["state"] == "Exhausted"
        refused = [event for event in s.writer.events if event.ref.name == "upgrade"]
        assert [(event.reason, event.warning) for event in refused] == [("Refused", True)]


async def test_an_edit_that_is_wrong_ends_the_exclusion_and_a_right_one_resumes_it():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(5)
        assert window(s)["badEvents"] == 0
        s.engine.on_object(KIND, a_window(generation=2, minutes=(-60, 60), muteNotifications=True))
        await asyncio.sleep(5)
        assert s.status()["state"] == "Exhausted"
        assert "active" not in s.status("upgrade")
        s.engine.on_object(KIND, a_window(generation=3, minutes=(-60, 60)))
        await asyncio.sleep(5)
        assert window(s)["badEvents"] == 0
        assert (s.status("upgrade")["state"], s.status("upgrade")["observedGeneration"]) == ("Active", 3)


async def test_a_deletion_that_was_missed_restores_the_budget():
    async with stage() as s:
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(5)
        s.engine.on_synced(KIND, frozenset())
        await asyncio.sleep(5)
        assert s.status()["state"] == "Exhausted"


async def test_a_list_of_one_kind_says_nothing_about_the_other():
    async with stage() as s:
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        s.engine.on_synced(KIND, frozenset({"uid-upgrade"}))
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        await asyncio.sleep(5)
        assert s.telemetry.forgotten_slos == []
        assert s.status("upgrade")["state"] == "Active"


async def test_no_budget_is_shown_before_the_windows_are_known():
    async with stage(awaited=("SLO", KIND)) as s:
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        await asyncio.sleep(60)
        assert {status["state"] for _, status in s.writer.writes} == {"Unknown"}
        assert not s.engine.synced
        s.engine.on_object(KIND, a_window(minutes=(-60, -10)))
        s.engine.on_synced(KIND, frozenset({"uid-upgrade"}))
        await asyncio.sleep(engine_module.SETTLING_LOOK_SECONDS + 2)
        assert s.engine.synced
        assert s.status()["state"] == "Healthy"


async def test_where_the_kind_is_not_installed_budgets_are_shown_without_it():
    async with stage(awaited=("SLO", KIND)) as s:
        s.engine.on_object("SLO", a_body())
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.engine.on_absent(KIND)
        await asyncio.sleep(engine_module.SETTLING_LOOK_SECONDS + 2)
        assert s.engine.synced
        assert s.status()["state"] == "Healthy"


async def test_without_slos_there_is_nothing_to_go_on_with():
    async with stage() as s:
        s.engine.on_absent("SLO")
        assert not s.engine.synced


async def test_a_replica_that_does_not_lead_writes_nothing_and_excludes_all_the_same():
    async with stage() as s:
        s.leadership.leader = False
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.source.counters["errors_total"] = errors_in((-30, -20))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(120)
        assert s.writer.writes == []
        assert s.telemetry.assessments[-1].budgets[0].counts.bad == 0
        s.leadership.leader = True
        await asyncio.sleep(5)
        assert s.status("upgrade")["state"] == "Active"


async def test_a_restart_writes_nothing_that_is_there_already():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(5)
        written = s.status("upgrade")
    async with stage() as s:
        s.engine.on_object(KIND, a_window(minutes=(-60, 60), status=written))
        s.engine.on_object("SLO", a_body())
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        await asyncio.sleep(120)
        assert [ref.name for ref, _ in s.writer.writes if ref.name == "upgrade"] == []


async def test_a_clock_that_is_set_back_leaves_no_status_as_it_was():
    async with stage() as s:
        s.engine.on_synced("SLO", frozenset({"uid-checkout"}))
        s.engine.on_object("SLO", a_body())
        s.engine.on_object(KIND, a_window(minutes=(-60, 60)))
        await asyncio.sleep(5)
        s.clock.jump(-3 * 3600)
        await asyncio.sleep(5)
        assert s.status("upgrade")["state"] == "Scheduled"


async def test_a_body_without_an_identity_is_dropped_without_harm():
    async with stage() as s:
        s.engine.on_object(KIND, {})
        s.engine.on_object(KIND, {"metadata": {"name": 1}})
        s.engine.on_deleted(KIND, "never-was")
        s.engine.on_object("SLO", a_body())
        await asyncio.sleep(5)
        assert s.status()["state"] == "Healthy"


def test_the_source_was_born_before_the_oldest_window_of_these_tests():
    assert START.timestamp() - BORN >= 86_400
