import json

import pytest
import yaml

from backstop.cli.get import print_slos
from backstop.cli.table import Cell, Column, render

SLO = {
    "metadata": {"namespace": "shop", "name": "checkout", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"target": 99.9, "source": "default"},
    "status": {
        "state": "AtRisk",
        "reason": "LowBudget",
        "message": "12.3 % left",
        "windows": [{"name": "30d", "sli": 99.91234, "remainingPercent": 12.34, "coverage": 0.998}],
        "burnRates": {"5m": 0.4, "1h": 1.2},
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Evaluated", "message": "m"},
            {"type": "DataAvailable", "status": "True", "reason": "SamplesFresh", "message": "m"},
            {"type": "BudgetHealthy", "status": "False", "reason": "LowBudget", "message": "12.3 % left"},
        ],
    },
}
UNSEEN = {"metadata": {"namespace": "shop", "name": "new"}, "spec": {"target": 99}}


def printed(capsys, *slos, output="table", namespaces=False):
    print_slos(slos, output=output, namespaces=namespaces)
    return capsys.readouterr().out


def test_the_table_answers_is_it_fine(capsys):
    header, row = printed(capsys, SLO).splitlines()
    assert header.split() == [
        "NAME",
        "OBJECTIVE",
        "WINDOW",
        "SLI",
        "BURN",
        "5M",
        "BURN",
        "1H",
        "REMAINING",
        "STATE",
        "AGE",
    ]
    assert row.split()[:8] == ["checkout", "99.9%", "30d", "99.912%", "0.40", "1.20", "12.3%", "AtRisk"]


def test_what_is_unknown_is_a_dash_not_a_zero(capsys):
    row = printed(capsys, UNSEEN).splitlines()[1]
    assert row.split() == ["new", "99%", "-", "-", "-", "-", "-", "Unknown", "-"]


def test_wide_says_why(capsys):
    assert "LowBudget: 12.3 % left" in printed(capsys, SLO, output="wide")
    assert "not evaluated yet" in printed(capsys, UNSEEN, output="wide")


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_machines_get_the_whole_objects(capsys, output, load):
    assert load(printed(capsys, SLO, output=output))["items"] == [SLO]


def test_a_pipe_gets_no_colours(capsys):
    assert "\x1b[" not in printed(capsys, SLO)


def test_columns_are_aligned_and_lines_carry_no_trailing_blanks():
    text = render([Column("A", "a"), Column("B", "b", right=True)], [{"a": Cell("long name"), "b": Cell("1")}])
    assert text == "A          B\nlong name  1"
