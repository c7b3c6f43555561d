"""`backstop evaluate` as people run it, over a past whose truth is known."""

import json

import jsonschema
import pytest
import yaml

from backstop.domain.errors import SourceUnreachable
from tests.cli.past import DAY, HOURS, MINUTES, NOW, Past, an_slo, burst, past, schema_of

__all__ = ["past"]

TROUBLE = NOW - 50 * MINUTES


def evaluate(past: Past, *arguments):
    return past.run("evaluate", *arguments)


def in_trouble(past: Past) -> None:
    past.source.counters["errors_total"] = burst(TROUBLE, TROUBLE + 600, 1.0)


def test_the_table_answers_for_each_slo_and_window_if_it_is_fine_and_why_not(past):
    in_trouble(past)
    past.write(an_slo(windows=[{"name": "1h", "rolling": "1h"}, {"name": "1d", "rolling": "1d"}]), an_slo("search"))
    result = evaluate(past)
    assert result.exit_code == 0, result.output
    header, *lines = result.stdout.splitlines()
    assert " ".join(header.split()) == (
        "SLO TARGET WINDOW SLI REMAINING COVERAGE BURN 5M BURN 1H BURN 6H BURN 3D STATE REASON MESSAGE"
    )
    assert [line.split()[:4] for line in lines] == [
        ["shop/checkout", "99%", "1h", "98.333%"],
        ["shop/checkout", "99%", "1d", "99.931%"],
        ["shop/search", "99%", "1h", "98.333%"],
    ]
    assert lines[0].endswith("Exhausted  BudgetExhausted  -66.7 % of the 1h budget left")


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
@pytest.mark.parametrize("silent", [False, True], ids=["with data", "in silence"])
def test_programs_get_what_the_schema_says(past, output, load, silent):
    in_trouble(past)
    if silent:
        past.source.silent = lambda t: t > NOW - 10 * MINUTES
    document = load(evaluate(past, "-o", output).stdout)
    jsonschema.validate(document, schema_of("evaluate"))
    assert document["time"] == "2026-03-01T12:00:00Z"
    (slo,) = document["slos"]
    assert (slo["slo"], slo["target"], slo["state"]) == ("shop/checkout", 99.0, "Unknown" if silent else "Exhausted")
    conditions = {condition["type"]: condition["status"] for condition in slo["conditions"]}
    assert (conditions["DataAvailable"], conditions["BudgetHealthy"]) == (
        ("False", "Unknown") if silent else ("True", "False")
    )


def test_a_moment_of_the_past_knows_nothing_of_what_came_later(past):
    in_trouble(past)
    slo = json.loads(evaluate(past, "--at", "2026-03-01T11:10:00Z", "-o", "json").stdout)["slos"][0]
    assert (slo["state"], slo["windows"][0]["badEvents"]) == ("Healthy", 0.0)
    slo = json.loads(evaluate(past, "--at", "-45m", "-o", "json").stdout)["slos"][0]
    assert slo["windows"][0]["badEvents"] == pytest.approx(300, rel=0.01)


def test_a_file_with_one_bad_slo_shows_the_others_and_ends_with_1(past):
    past.write(an_slo("wrong", target=100), an_slo())
    result = evaluate(past)
    assert result.exit_code == 1
    assert "SLO shop/wrong: spec.target: must lie between 0 and 100" in result.stderr
    assert "shop/checkout" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "2026-03-02"], "2026-03-02T00:00Z is to come; the source has 2026-03-01T12:00Z"),
        (["--at", "noon"], "'noon' is no time; write now, -30d or 2026-03-01T10:00:00Z"),
        (["--source", "nowhere"], "is no http or https address"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(past, arguments, message):
    result = evaluate(past, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_moment_before_all_data_says_where_data_begins(past):
    past.source.silent = lambda t: t < NOW - 5 * HOURS
    result = evaluate(past, "--at", "-2d")
    assert result.exit_code == 2
    assert result.stderr in (
        f"Error: data begins at {found}, after --at (2026-02-27T12:00Z); ask for a later moment\n"
        for found in ("2026-03-01T07:00Z", "2026-03-01T07:01Z")
    )


def test_a_moment_after_all_data_is_unknown_with_what_the_windows_still_hold(past):
    past.source.silent = lambda t: t > NOW - 30 * MINUTES
    result = evaluate(past)
    assert result.exit_code == 0
    assert "Unknown" in result.stdout
    assert "NoData" in result.stdout
    past.write(an_slo(windows=[{"name": "5m", "rolling": "5m"}]))
    past.source.silent = lambda t: t > NOW - DAY
    result = evaluate(past)
    assert result.exit_code == 2
    assert "no samples of these SLOs at 2026-03-01T12:00Z or later" in result.stderr


def test_a_source_that_cannot_be_reached_ends_with_2(past):
    past.source.fail(SourceUnreachable("source replay: the connection is refused"))
    result = evaluate(past)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: source replay: the connection is refused\n"
