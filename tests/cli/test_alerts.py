"""`backstop alerts` as people run it, over a small API server."""

import json

import pytest
import yaml

from backstop.vocabulary import SHOWN_ALERTS
from tests.cli.api_server import api_server, at
from tests.cli.stored import HOSTILE, a_policy, an_alert

__all__ = ["api_server"]

PENDING = an_alert(
    "slow-burn", "P2", status="Pending", reason="LowTraffic", message="2 of 9 events", since=at(-1), heldSeconds=62.0
)
UNKNOWN = an_alert("pool", "P1", status="Unknown", reason="EmptyResult", message="nothing", subjectKind="Query")
FIRING = an_alert("fast-burn", "P0", incident="checkout-1a2b3c4d-1", clearSeconds=30.0)


def test_what_fires_comes_before_what_is_pending_before_what_is_unknown_the_worst_first(api_server, snapshot):
    api_server.add("alertpolicies", a_policy("checkout", UNKNOWN, PENDING), a_policy("search", FIRING))
    assert api_server.run("alerts").stdout == snapshot
    api_server.add("alertpolicies", a_policy("far", an_alert("far", "P1"), namespace="other"))
    assert api_server.run("alerts", "-A", "-o", "wide").stdout == snapshot(name="wide")


def test_a_policy_that_is_refused_or_was_not_seen_stands_at_the_top_with_why(api_server):
    unseen = a_policy("unseen")
    del unseen["status"]
    refused = a_policy("wrong", state="Refused", reason="Invalid", message="spec.rules: is missing")
    api_server.add("alertpolicies", a_policy("checkout", FIRING), refused, unseen)
    lines = api_server.run("alerts").stdout.splitlines()[1:]
    assert sorted(lines[0].split()[:1] + lines[1].split()[:1]) == ["unseen", "wrong"]
    assert any("Refused" in line and "Invalid: spec.rules: is missing" in line for line in lines[:2])
    assert any("the operator has not taken the policy up yet" in line for line in lines[:2])
    assert lines[2].startswith("checkout")


def test_quiet_is_said(api_server):
    assert api_server.run("alerts").stderr == "No alert policies in namespace shop.\n"
    api_server.add("alertpolicies", a_policy())
    result = api_server.run("alerts")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Every alert is clear in namespace shop.\n")


def test_one_policy_can_be_asked_for_and_an_unknown_one_gets_names_that_are_near(api_server):
    api_server.add("alertpolicies", a_policy("checkout", FIRING), a_policy("search", PENDING))
    assert [line.split()[0] for line in api_server.run("alerts", "--policy", "search").stdout.splitlines()[1:]] == [
        "search"
    ]
    result = api_server.run("alerts", "--policy", "chekout")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: no alert policy named chekout here; did you mean checkout?\n",
    )


def test_a_rule_is_explained_with_what_is_written_its_factors_and_what_it_says_now(api_server, snapshot):
    api_server.add("alertpolicies", a_policy("checkout", FIRING, PENDING))
    assert api_server.run("alerts", "--explain", "fast-burn").stdout == snapshot
    quiet = api_server.run("alerts", "--explain", "blind")
    assert "for: 10m" in quiet.stdout
    assert quiet.stderr == "blind is clear.\n"
    result = api_server.run("alerts", "--explain", "fast-brun")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: no rule or tier named fast-brun here; did you mean fast-burn?\n",
    )


def test_alerts_beyond_the_list_are_counted(api_server):
    alerts = [an_alert(f"rule-{n}", "P0") for n in range(SHOWN_ALERTS)]
    counts = {"firing": SHOWN_ALERTS + 40, "pending": 2, "unknown": 0}
    api_server.add("alertpolicies", a_policy("checkout", *alerts, alertCounts=counts))
    result = api_server.run("alerts")
    assert len(result.stdout.splitlines()) == SHOWN_ALERTS + 1
    assert result.stderr == "… and 42 more\n"


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_the_policies_as_stored(api_server, output, load):
    api_server.add("alertpolicies", a_policy("checkout", FIRING))
    stored = load(api_server.run("alerts", "-o", output).stdout)
    assert stored["items"] == [api_server.objects["alertpolicies", "shop", "checkout"]]


@pytest.mark.parametrize("arguments", [[], ["-o", "wide"], ["--explain", "fast-burn"], ["-o", "json"]])
def test_texts_of_others_do_not_steer_the_terminal(api_server, arguments):
    hostile = an_alert("fast-burn", "P0", subject=HOSTILE, message=HOSTILE, group={"region": HOSTILE}, incident=HOSTILE)
    policy = a_policy("checkout", hostile)
    policy["spec"]["rules"][0]["when"] = {"query": {"expr": HOSTILE}}
    policy["status"]["tiers"][1]["message"] = HOSTILE
    api_server.add("alertpolicies", policy)
    text = api_server.run("alerts", *arguments).stdout
    assert "gnp.exe" in text
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
