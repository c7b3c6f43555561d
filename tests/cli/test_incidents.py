"""`backstop incidents` as people run it, over a small API server."""

import asyncio
import json

import pytest
import yaml

from backstop.cli.cluster_options import again_and_again
from backstop.cli.incident_text import next_step
from tests.cli.api_server import NOW, api_server, at, status
from tests.cli.stored import HOSTILE, an_alert, an_incident
from tests.fakes.clock import LoopClock

__all__ = ["api_server"]

RESOLVED = {"state": "Resolved", "resolvedAt": at(-3), "resolvedBy": "bob@example.com"}


def names(text):
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_what_is_not_resolved_comes_the_worst_first_and_of_these_what_nobody_cares_for(api_server):
    api_server.add(
        "incidents",
        an_incident("p1", severity="P1"),
        an_incident("p0-cared-for", state="Acknowledged", acknowledgedBy="bob@example.com"),
        an_incident("p0-younger", openedAt=at(-2)),
        an_incident("p0"),
        an_incident("over", **RESOLVED),
    )
    assert names(api_server.run("incidents").stdout) == ["p0", "p0-younger", "p0-cared-for", "p1"]
    assert names(api_server.run("incidents", "--all").stdout) == ["p0", "p0-younger", "p0-cared-for", "p1", "over"]


def test_the_table_tells_who_cares_and_what_is_next(api_server, snapshot):
    api_server.add(
        "incidents",
        an_incident(),
        an_incident("cared-for", severity="P1", state="Acknowledged", acknowledgedBy="bob@example.com", deadlines=[]),
        an_incident("over", **RESOLVED),
        an_incident("by-hand", alerts=None, deadlines=None, severity="P2"),
    )
    assert api_server.run("incidents", "--all", "-o", "wide").stdout == snapshot


def test_one_that_the_operator_has_not_seen_is_shown_with_what_its_author_wrote(api_server):
    new = an_incident("new")
    del new["status"]
    api_server.add("incidents", new)
    line = api_server.run("incidents").stdout.splitlines()[1]
    assert " ".join(line.split()) == "new P0 - 14m checkout - the operator has not taken it up yet"


def test_only_those_of_the_namespace_are_listed_unless_all_are_asked_for(api_server):
    api_server.add("incidents", an_incident("here"), an_incident("there", namespace="other"))
    assert names(api_server.run("incidents").stdout) == ["here"]
    assert names(api_server.run("incidents", "-n", "other").stdout) == ["there"]
    lines = api_server.run("incidents", "-A").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["NAMESPACE", "NAME"], ["other", "there"], ["shop", "here"]]


def test_nothing_to_show_is_said_and_is_no_error(api_server):
    result = api_server.run("incidents")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No incidents in namespace shop.\n"
    api_server.add("incidents", an_incident("over", **RESOLVED))
    assert api_server.run("incidents").stderr == "No incidents in namespace shop; --all shows 1 resolved.\n"


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_the_objects_as_stored(api_server, output, load):
    api_server.add("incidents", an_incident())
    stored = load(api_server.run("incidents", "-o", output).stdout)
    assert stored["items"] == [api_server.incident("checkout-1a2b3c4d-1")]


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml"])
def test_texts_of_others_do_not_steer_the_terminal(api_server, output):
    hostile = an_incident(acknowledgedBy=HOSTILE, alerts=[an_alert("r", "P0", subject=HOSTILE)])
    hostile["spec"]["title"] = HOSTILE
    api_server.add("incidents", hostile)
    text = api_server.run("incidents", "-o", output).stdout
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    if output == "wide":
        assert len(text.splitlines()) == 2


def test_many_subjects_are_counted(api_server):
    alerts = [an_alert("r", "P0", subject=f"slo-{n}", group={"region": "eu"}) for n in range(5)]
    api_server.add("incidents", an_incident(alerts=alerts))
    text = api_server.run("incidents").stdout
    assert "slo-0{region=eu}, slo-1{region=eu}, slo-2{region=eu} and 2 more" in text


@pytest.mark.parametrize(
    ("deadlines", "expected"),
    [
        pytest.param([], "-", id="no deadline"),
        pytest.param([{"kind": "Acknowledge", "due": at(3)}], "Acknowledge in 3m", id="one to come"),
        pytest.param(
            [{"kind": "Resolve", "due": at(300)}, {"kind": "Update", "due": at(1)}], "Update in 1m", id="the first"
        ),
        pytest.param(
            [{"kind": "Resolve", "due": at(50)}, {"kind": "Acknowledge", "due": at(-5), "missed": True}],
            "Acknowledge missed 5m ago; Resolve in 50m",
            id="one missed and one to come",
        ),
        pytest.param([{"kind": "Update", "due": at(-2)}], "Update missed 2m ago", id="one that passed just now"),
        pytest.param(
            [{"kind": "Acknowledge", "due": at(-5), "metAt": at(-1), "missed": True}], "-", id="one that was met late"
        ),
    ],
)
def test_next_is_the_deadline_that_is_due_first_behind_those_that_were_missed(deadlines, expected):
    assert next_step(an_incident(deadlines=deadlines), NOW) == expected


@pytest.mark.looptime
async def test_watching_shows_again_every_two_seconds():
    shown: list[float] = []

    class EnoughError(Exception):
        pass

    async def show() -> None:
        shown.append(clock.monotonic())
        if len(shown) == 3:
            raise EnoughError

    clock = LoopClock()
    with pytest.raises(EnoughError):
        await again_and_again(show, clock, watch=True)
    assert shown == [0.0, 2.0, 4.0]
    await again_and_again(lambda: asyncio.sleep(0), clock, watch=False)


def test_a_missing_right_ends_with_2_and_prints_the_rule(api_server):
    message = 'incidents.backstop.dev is forbidden: User "alice" cannot list resource "incidents"'
    api_server.refusals["GET", "incidents"] = status(403, "Forbidden", message)
    result = api_server.run("incidents")
    assert result.exit_code == 2
    assert 'grant {apiGroups: ["backstop.dev"], resources: ["incidents"], verbs: ["list"]}' in result.stderr


def test_a_cluster_without_backstop_ends_with_2_and_says_how_to_install_it(api_server):
    api_server.refusals["GET", "incidents"] = status(404, "NotFound", "the server could not find the resource")
    result = api_server.run("incidents")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: this cluster does not know incidents; install Backstop, or: backstop crds | kubectl apply -f -\n"
    )
