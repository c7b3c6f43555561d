"""`backstop replay` as people run it, over a past whose truth is known."""

import csv
import io
import json
import re
import subprocess
import sys

import jsonschema
import pytest

from backstop.domain.errors import QueryRejected, SourceUnreachable
from backstop.engine import evaluator
from backstop.vocabulary import API_VERSION
from tests.cli.past import HOURS, MINUTES, NOW, URL, Past, an_slo, burst, past, rate, schema_of

__all__ = ["past"]

LAST_HOURS = ("--from", "-2h", "--step", "1h")
TROUBLE = NOW - 50 * MINUTES


def replay(past: Past, *arguments, **settings):
    return past.run("replay", *arguments, **settings)


def in_trouble(past: Past) -> None:
    past.source.counters["errors_total"] = burst(TROUBLE, TROUBLE + 600, 1.0)


def test_the_table_has_a_line_per_moment_and_the_changes_of_state_below(past):
    in_trouble(past)
    result = replay(past, *LAST_HOURS)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert " ".join(lines[0].split()) == "TIME SLI REMAINING COVERAGE BURN 1H BURN 6H BURN 1D STATE REASON"
    assert [line.split()[0] for line in lines[1:4]] == ["2026-03-01T10:00Z", "2026-03-01T11:00Z", "2026-03-01T12:00Z"]
    assert lines[1].split()[1:4] == ["100.000%", "100.0%", "100.0%"]
    assert lines[3].split()[1:3] == ["98.333%", "-66.7%"]
    assert lines[3].endswith("Exhausted  BudgetExhausted")
    assert lines[4:6] == ["", "2 changes of state:"]
    assert re.fullmatch(
        r"  2026-03-01T11:1\dZ  shop/checkout  Healthy → AtRisk: \d+\.\d % of the 1h budget left, under 25 %", lines[6]
    )
    assert re.fullmatch(
        r"  2026-03-01T11:1\dZ  shop/checkout  AtRisk → Exhausted: -?\d+\.\d % of the 1h budget left", lines[7]
    )


def test_without_a_change_the_table_says_so(past):
    assert replay(past, *LAST_HOURS).stdout.endswith("\n\nNo change of state.\n")


def test_rows_are_at_both_ends_and_at_the_multiples_of_the_step_between(past):
    result = replay(
        past, "--from", "2026-03-01T10:10:00Z", "--to", "2026-03-01T10:47:30Z", "--step", "15m", "-o", "csv"
    )
    assert [row["time"][11:] for row in csv.DictReader(io.StringIO(result.stdout))] == [
        "10:10:00Z",
        "10:15:00Z",
        "10:30:00Z",
        "10:45:00Z",
        "10:47:30Z",
    ]


def test_several_slos_and_windows_are_told_apart(past):
    day = {"name": "1d", "rolling": "1d"}
    past.write(an_slo(windows=[day, {"name": "1h", "rolling": "1h"}]), an_slo("search"))
    lines = replay(past, "--from", "-1h", "--step", "1h").stdout.splitlines()
    assert lines[0].split()[:3] == ["TIME", "SLO", "WINDOW"]
    assert [line.split()[1:3] for line in lines[1:7]] == [
        ["shop/checkout", "1d"],
        ["shop/checkout", "1h"],
        ["shop/search", "1h"],
    ] * 2


def test_every_line_of_json_is_as_its_schema_says_and_they_are_in_order_of_time(past):
    in_trouble(past)
    past.source.silent = lambda t: t > NOW - 10 * MINUTES
    result = replay(past, *LAST_HOURS, "-o", "json")
    assert result.exit_code == 0, result.output
    records = [json.loads(line) for line in result.stdout.splitlines()]
    schema = schema_of("replay")
    for record in records:
        jsonschema.validate(record, schema)
    assert [record["time"] for record in records] == sorted(record["time"] for record in records)
    assert [r["type"] for r in records] == ["row", "row", "change", "change", "change", "row"]
    assert [(r["from"], r["to"]) for r in records if r["type"] == "change"] == [
        ("Healthy", "AtRisk"),
        ("AtRisk", "Exhausted"),
        ("Exhausted", "Unknown"),
    ]
    assert records[-1]["state"] == "Unknown"
    assert records[-1]["lastKnown"]["state"] == "Healthy"  # of the row before


def test_the_schema_would_find_a_field_that_it_does_not_know():
    schema = schema_of("replay")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "change", "time": "", "slo": "", "from": "Healthy", "to": "AtRisk", "reason": "",
                             "message": "", "extra": 1}, schema)  # fmt: skip


def test_csv_has_a_column_per_number_and_leaves_empty_what_is_not_known(past):
    past.source.silent = lambda t: t > NOW - 90 * MINUTES
    rows = list(csv.DictReader(io.StringIO(replay(past, *LAST_HOURS, "-o", "csv").stdout)))
    assert rows[0] | {"sli": "99.5", "window": "1h", "state": "Healthy", "burnRate1h": "0.5"} == rows[0]
    assert (rows[2]["sli"], rows[2]["burnRate5m"], rows[2]["coverage"], rows[2]["state"]) == ("", "", "0.0", "Unknown")


def test_a_picture_is_written(past, tmp_path):
    in_trouble(past)
    past.write(an_slo(), an_slo("search", windows=[{"name": "1h", "rolling": "1h"}, {"name": "2h", "rolling": "2h"}]))
    file = tmp_path / "burn-down.png"
    result = replay(past, *LAST_HOURS, "-o", "png", "--output", file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert file.read_bytes().startswith(b"\x89PNG\r\n")


def test_a_picture_without_matplotlib_tells_how_to_get_it(past, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = replay(past, "-o", "png", "--output", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "which is not installed here: pip install matplotlib" in result.stderr
    assert past.connected == []


def test_text_goes_to_a_file_on_request(past, tmp_path):
    file = tmp_path / "replay.txt"
    result = replay(past, *LAST_HOURS, "--output", file)
    assert (result.exit_code, result.stdout) == (0, "")
    assert file.read_text().startswith("TIME ")
    lines = tmp_path / "replay.jsonl"
    replay(past, *LAST_HOURS, "-o", "json", "--output", lines)
    assert [json.loads(line)["type"] for line in lines.read_text().splitlines()] == ["row"] * 3


def test_a_pipe_gets_neither_colours_nor_progress(past):
    in_trouble(past)
    result = replay(past, *LAST_HOURS)
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_a_refused_slo_is_named_with_path_and_fix_and_the_others_are_replayed(past):
    file = past.write(an_slo("wrong", target=100), an_slo())
    result = replay(past, *LAST_HOURS)
    assert result.exit_code == 1
    assert f"{file}:11: error: SLO shop/wrong: spec.target: must lie between 0 and 100" in result.stderr
    assert "Healthy" in result.stdout


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        pytest.param([an_slo(target=0)], "every SLO in the files is refused", id="all refused"),
        pytest.param([{"apiVersion": "v1", "kind": "ConfigMap"}], "no SLO is in the files", id="none"),
    ],
)
def test_without_an_slo_nothing_is_asked(past, objects, message):
    past.write(*objects)
    result = replay(past)
    assert result.exit_code == 2
    assert message in result.stderr
    assert past.connected == []


def test_an_slo_without_a_namespace_is_of_the_default_one_and_its_source_does_not_matter(past):
    body = an_slo(source="elsewhere")
    del body["metadata"]["namespace"]
    past.write(body)
    record = json.loads(replay(past, *LAST_HOURS, "-o", "json").stdout.splitlines()[0])
    assert (record["slo"], record["state"]) == ("default/checkout", "Healthy")


def test_a_composite_is_replayed_with_its_components_and_refused_without_them(past):
    in_trouble(past)
    composite = {"composite": {"components": [{"slo": "checkout"}, {"slo": "search"}]}}
    past.source.counters["no_errors_total"] = rate(0)
    fine = {"ratio": {"bad": "no_errors_total", "total": "requests_total"}}
    past.write(an_slo(), an_slo("search", indicator=fine), an_slo("shop", indicator=composite))
    result = replay(past, *LAST_HOURS, "-o", "json")
    assert result.exit_code == 0, result.output
    last = {r["slo"]: r for line in result.stdout.splitlines() if (r := json.loads(line))["type"] == "row"}
    alone, whole = (last[f"shop/{name}"]["windows"][0]["consumedPercent"] for name in ("checkout", "shop"))
    assert whole == pytest.approx(alone / 2, rel=0.05)
    past.write(an_slo(), an_slo("shop", indicator=composite))
    result = replay(past, *LAST_HOURS)
    assert result.exit_code == 1
    assert "SLO shop/shop: spec.indicator.composite.components[1].slo: no SLO is named 'search'" in result.stderr


def test_maintenance_windows_in_the_files_are_excluded(past):
    in_trouble(past)
    window = {
        "apiVersion": API_VERSION,
        "kind": "MaintenanceWindow",
        "metadata": {"name": "upgrade", "namespace": "shop", "creationTimestamp": None},
        "spec": {"slos": {"names": ["checkout"]}, "start": "2026-03-01T11:00:00Z", "duration": "30m"},
    }
    past.write(an_slo(), window)
    records = [json.loads(line) for line in replay(past, *LAST_HOURS, "-o", "json").stdout.splitlines()]
    assert {record["type"] for record in records} == {"row"}
    last = records[-1]["windows"][0]
    assert (last["badEvents"], last["excludedSeconds"]) == (pytest.approx(0, abs=1), 1800)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "2026-03-01T11:00Z", "--to", "-2h"], "2026-03-01T11:00Z is not before --to, 2026-03-01T10:00Z"),
        (["--to", "2026-03-02"], "2026-03-02T00:00Z is to come; the source has 2026-03-01T12:00Z"),
        (["--from", "yesterday"], "'yesterday' is no time; write now, -30d or 2026-03-01T10:00:00Z"),
        (["--from", "-1x"], "'1x' is not a duration; write it as 30s, 5m"),
        (["--from", "2026-03-01T10:00"], "has no time zone; write 2026-03-01T10:00Z for UTC"),
        (["--step", "90s"], "1m30s is no step: write whole minutes, for example 1m or 4h"),
        (["--step", "1m"], "a step of 1m makes 43201 rows, more than 2000; write 22m or more"),
        (["--step", "soon"], "'soon' is not a duration"),
        (["-o", "png"], "a picture needs a file: -o png --output burn-down.png"),
        (["--output", "json"], "names a file; for the format write -o json"),
        (["--output", "/no/such/folder/x.csv"], "there is no folder /no/such/folder"),
        (["--header", "X-Scope-OrgID"], "'X-Scope-OrgID' has no colon; write NAME: VALUE"),
        (["--header", "Cookie: x"], "the header Cookie is a secret; use --bearer-token-file"),
        (["--timeout", "ever"], "'ever' is not a duration"),
        (["--ca-file", "ca.crt"], "has no effect on an http address: use https in --source"),
        (["--source", "prometheus:9090"], "is no http or https address; write it as http://"),
        (["--source", "http://u:p@prometheus:9090"], "holds credentials; remove them and use --bearer-token-file"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(past, arguments, message):
    result = replay(past, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert result.stdout == ""


def test_a_source_that_cannot_be_reached_is_one_line(past):
    past.source.fail(SourceUnreachable(f"source replay ({URL}): the connection is refused; nothing listens there"))
    result = replay(past)
    assert result.exit_code == 2
    assert result.stderr == f"Error: source replay ({URL}): the connection is refused; nothing listens there\n"


def test_messages_name_the_options_of_the_command_and_not_fields_of_a_configuration(past):
    past.source.fail(
        SourceUnreachable("source replay does not let us in (HTTP 401); check its auth, headerFiles and tls.certFile")
    )
    assert replay(past).stderr == (
        "Error: source replay does not let us in (HTTP 401); check --bearer-token-file and --header\n"
    )


def test_the_options_of_the_source_arrive(past, tmp_path):
    token = tmp_path / "token"
    replay(past, *LAST_HOURS, "--header", "X-Scope-OrgID: team-a", "--bearer-token-file", token, "--timeout", "1m")
    (source,) = past.connected
    assert (source.url, dict(source.headers), source.timeout) == (URL, {"X-Scope-OrgID": "team-a"}, 60.0)
    assert source.auth.bearer_token_file == str(token)


def test_a_range_that_begins_before_the_data_says_where_data_begins(past):
    past.source.silent = lambda t: t < NOW - 5 * HOURS
    result = replay(past, "--from", "-2d")
    assert result.exit_code == 2
    assert re.search(
        r"Error: data begins at (2026-03-01T07:0[01]Z), after --from \(2026-02-27T12:00Z\); write --from \1\n",
        result.stderr,
    )


def test_the_default_range_begins_where_data_begins_and_says_so(past):
    past.source.silent = lambda t: t < NOW - 5 * HOURS
    result = replay(past, "-o", "csv")
    assert result.exit_code == 0
    assert re.fullmatch(r"data begins at 2026-03-01T07:0[01]Z; replayed from there\n", result.stderr)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert rows[0]["time"][:15] == "2026-03-01T07:0"
    assert 80 <= len(rows) <= 202


def test_data_that_begins_after_the_range_is_told(past):
    past.source.silent = lambda t: t < NOW - 5 * HOURS
    result = replay(past, "--from", "-2d", "--to", "-1d")
    assert result.exit_code == 2
    assert "after --to (2026-02-28T12:00Z)" in result.stderr


def test_a_source_without_any_sample_of_the_slos_is_told(past):
    past.source.counters.clear()
    result = replay(past, "--from", "-2d")
    assert result.exit_code == 2
    assert "no samples of these SLOs at 2026-02-27T12:00Z or later; check their selectors" in result.stderr


def test_an_slo_whose_query_is_refused_is_shown_as_unknown_with_the_reason(past):
    past.source.fail(QueryRejected("source replay refuses the query: parse error"), on="bad_total")
    broken = {"ratio": {"bad": "bad_total", "total": "requests_total"}}
    past.write(an_slo(), an_slo("broken", indicator=broken))
    result = replay(past, *LAST_HOURS, "-o", "csv")
    assert result.exit_code == 0
    states = {(row["slo"], row["state"], row["reason"]) for row in csv.DictReader(io.StringIO(result.stdout))}
    assert states == {("shop/checkout", "Healthy", "WithinBudget"), ("shop/broken", "Unknown", "QueryFailed")}


def test_a_defect_of_ours_is_told_and_spoils_no_other_slo(past, monkeypatch):
    whole = evaluator.read_slice

    def broken(slo, *arguments, **settings):
        if slo.name == "odd":
            raise ZeroDivisionError("odd")
        return whole(slo, *arguments, **settings)

    monkeypatch.setattr(evaluator, "read_slice", broken)
    past.write(an_slo("odd"), an_slo())
    result = replay(past, *LAST_HOURS)
    assert result.exit_code == 1
    assert "Error: Backstop failed on SLO shop/odd (ZeroDivisionError: odd)" in result.stderr
    assert "Healthy" in result.stdout


def test_help_waits_for_no_heavy_library_and_has_examples():
    heavy = "numpy requests kubernetes kopf matplotlib"
    code = (
        "import sys; from click.testing import CliRunner; from backstop.cli.main import main;"
        "r = CliRunner().invoke(main, ['replay', '--help']); assert r.exit_code == 0, r.output;"
        "assert 'Examples:' in r.output and 'Exit code:' in r.output;"
        f"print(*sorted(set({heavy!r}.split()) & sys.modules.keys()))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == ""
