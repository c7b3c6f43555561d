"""`backstop replay` with alert policies: what would have fired, when, and how long after the first bad slice."""

import json

import jsonschema
import pytest

from backstop.vocabulary import API_VERSION
from tests.cli.past import DAY, HOURS, MINUTES, NOW, Past, an_slo, burst, past, rate, schema_of

__all__ = ["past"]

LAST_HOURS = ("--from", "-12h", "--step", "4h")
TROUBLE = NOW - 6 * HOURS


def a_policy(*rules, **spec):
    return {
        "apiVersion": API_VERSION,
        "kind": "AlertPolicy",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"slos": {"names": ["checkout"]}} | ({"rules": list(rules)} if rules else {}) | spec,
    }


FAST = {"name": "fast", "severity": "P0", "when": {"burnRate": {"long": "1h", "short": "5m", "factor": 14.4}}}
BLIND = {"name": "blind", "severity": "P1", "when": {"noData": {"for": "10m"}}}
QUERY = {
    "name": "pool",
    "severity": "P1",
    "when": {"query": {"expr": "up", "op": "lt", "value": 1, "for": "1m"}},
}
MONTH = an_slo(target=99.9, windows=[{"name": "30d", "rolling": "30d"}])


def replay(past: Past, *arguments):
    return past.run("replay", *LAST_HOURS, *arguments)


def alerts_of(result):
    return [record for record in map(json.loads, result.stdout.splitlines()) if record["type"] == "alert"]


def failing(past: Past, share: float, *, end: float = NOW + DAY) -> None:
    """Let a share of the requests fail from 6 h before now on; nothing failed before."""
    past.source.counters["errors_total"] = burst(TROUBLE, end, 10 * share)


@pytest.mark.parametrize(
    ("share", "minutes"),
    [
        pytest.param(1.0, 1, id="all: 1.44 % of an hour is 52 s"),
        pytest.param(0.1, 9, id="a tenth: 14.4 % of an hour is 8.6 minutes"),
        pytest.param(0.02, 50, id="one in fifty: 72 % of an hour is 43 minutes, and chance is ruled out 6 later"),
    ],
)
def test_an_alert_fires_when_the_arithmetic_of_the_workbook_says(past, share, minutes):
    failing(past, share)
    past.write(MONTH, a_policy(FAST))
    (alert,) = alerts_of(replay(past, "-o", "json"))
    assert (alert["rule"], alert["severity"], alert["slo"], alert["fires"]) == ("fast", "P0", "shop/checkout", True)
    assert alert["firstBad"] == "2026-03-01T06:01:00Z"
    assert alert["afterSeconds"] == pytest.approx((minutes - 1) * MINUTES, abs=MINUTES)


def test_an_error_ratio_that_no_tier_minds_fires_nothing(past):
    failing(past, 0.0005)
    past.write(MONTH, a_policy(FAST))
    result = replay(past)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("\n\nNo alert would have fired.\n")


def test_what_fired_stands_below_the_changes_of_state_with_how_long_it_did(past):
    failing(past, 1.0, end=TROUBLE + 20 * MINUTES)
    past.write(MONTH, a_policy(FAST))
    text = replay(past).stdout
    assert "\n\nOnce an alert would have fired:\n  2026-03-01T06:0" in text
    line = text.splitlines()[-1]
    assert "shop/checkout  fast (P0): " in line
    assert " after the first bad slice, until 2026-03-01T06:2" in line
    assert "the limit is 14.4×" in line


def test_a_burst_of_three_minutes_is_found_in_a_replay_of_days(past):
    failing(past, 1.0, end=TROUBLE + 3 * MINUTES)
    past.write(MONTH, a_policy(FAST))
    begins, ends = alerts_of(past.run("replay", "--from", "-4d", "--step", "1d", "-o", "json"))
    assert (begins["fires"], ends["fires"]) == (True, False)
    assert begins["time"] in ("2026-03-01T06:01:00Z", "2026-03-01T06:02:00Z")
    assert ends["time"] in ("2026-03-01T06:08:00Z", "2026-03-01T06:09:00Z")


def test_lost_data_fires_after_its_for_and_nothing_resolves_or_fires_by_it(past):
    failing(past, 1.0, end=TROUBLE + 20 * MINUTES)
    past.source.silent = lambda t: TROUBLE + 10 * MINUTES < t < TROUBLE + 3 * HOURS
    past.write(MONTH, a_policy(FAST, BLIND))
    records = alerts_of(replay(past, "-o", "json"))
    assert [(record["rule"], record["fires"]) for record in records[:2]] == [("fast", True), ("blind", True)]
    assert sorted((record["rule"], record["fires"]) for record in records[2:]) == [("blind", False), ("fast", False)]
    assert "2026-03-01T06:2" in records[1]["time"]
    assert all(record["time"] >= "2026-03-01T09:00" for record in records[2:])


def test_while_a_burn_rate_fires_the_state_is_at_risk_as_in_the_operator(past):
    failing(past, 1.0, end=TROUBLE + 3 * MINUTES)
    past.write(MONTH, a_policy(FAST))
    records = [json.loads(line) for line in replay(past, "-o", "json").stdout.splitlines()]
    changes = [(record["from"], record["to"]) for record in records if record["type"] == "change"]
    assert changes == [("Healthy", "AtRisk"), ("AtRisk", "Healthy")]


def test_programs_get_what_the_schema_says(past):
    failing(past, 1.0)
    past.write(MONTH, a_policy(preset="google-sre"))
    records = [json.loads(line) for line in replay(past, "-o", "json").stdout.splitlines()]
    for record in records:
        jsonschema.validate(record, schema_of("replay"))
    assert {record["rule"] for record in records if record["type"] == "alert"} == {
        "google-sre-1h",
        "google-sre-6h",
        "google-sre-1d",
        "google-sre-3d",
    }
    times = [record["time"] for record in records]
    assert times == sorted(times)


def test_what_has_no_say_is_told(past):
    past.write(an_slo(windows=[{"name": "1d", "rolling": "1d"}]), a_policy(QUERY, preset="google-sre"))
    result = replay(past)
    assert result.exit_code == 0, result.output
    assert "AlertPolicy shop/shop: pool: not replayed, since only rules about SLOs are" in result.stderr
    assert "AlertPolicy shop/shop: rule google-sre-1h is not in force for SLO shop/checkout: preset google-sre is" in (
        result.stderr
    )
    past.write(an_slo("search"), a_policy(FAST))
    assert "AlertPolicy shop/shop: it selects no SLO of the files" in replay(past).stderr


def test_a_policy_that_is_refused_is_told_and_the_slos_are_replayed(past):
    past.write(MONTH, a_policy({"name": "x", "severity": "P9", "when": {"noData": {"for": "10m"}}}))
    result = replay(past)
    assert result.exit_code == 1
    assert "spec.rules[0].severity" in result.stderr
    assert "100.000%" in result.stdout or "99." in result.stdout


def test_without_policies_nothing_is_said_of_alerts(past):
    past.source.counters["errors_total"] = rate(0.001)
    past.write(MONTH)
    assert "alert" not in replay(past).stdout
