import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from backstop.cli.validate import command
from tests.cli.validating import BAD, GOOD, validate


def test_a_name_cannot_steer_the_terminal() -> None:
    result = validate("-f", "-", stdin=GOOD.replace("checkout", '"\\e[2Jx"').replace("99.9", "0"))
    assert result.exit_code == 1
    assert "\x1b[2J" not in result.stdout
    assert "\\x1b[2Jx" in result.stdout


def test_warnings_are_told_and_change_no_exit_code() -> None:
    text = GOOD.replace(
        "ratio: {bad: errors_total, total: requests_total}", "threshold: {query: 'q > 5', op: lt, value: 9}"
    )
    result = validate("-f", "-", stdin=text)
    assert result.exit_code == 0
    assert "<stdin>:7: warning: SLO shop/checkout: spec.indicator.threshold.query: " in result.stdout
    assert result.stdout.endswith("1 valid, 0 invalid, 0 skipped, 1 warnings\n")


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_the_same_as_people(output: str, read: Any) -> None:
    result = validate("-f", "-", "-o", output, stdin=BAD.replace("100", "99\n  groupBy: [region]"))
    assert result.exit_code == 1
    report = read(result.stdout)
    assert report["summary"] == {"valid": 0, "invalid": 1, "skipped": 0, "warnings": 0}
    (found,) = report["results"]
    assert (found["file"], found["line"], found["kind"], found["name"]) == ("<stdin>", 2, "SLO", "search")
    assert [(problem["path"], problem["line"], problem["column"]) for problem in found["problems"]] == [
        ("spec.windows[1].rolling", 13, 7)
    ]


def test_what_is_not_supported_yet_is_marked_for_programs() -> None:
    result = validate("-f", "-", "-o", "json", stdin=GOOD + "  workload: {statefulSet: db}\n")
    (problem,) = json.loads(result.stdout)["results"][0]["problems"]
    assert (problem["path"], problem["notSupportedYet"]) == ("spec.workload.statefulSet", True)


def test_colours_are_for_terminals_and_obey_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in validate("-f", "-", stdin=BAD).stdout
    runner = CliRunner()
    assert "\x1b[31m" in runner.invoke(command, ["-f", "-"], input=BAD, color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in runner.invoke(command, ["-f", "-"], input=BAD, color=True).stdout
