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


def printed(capsys, *slos, output="table", namespaces=False, components=None):
    print_slos(slos, output=output, namespaces=namespaces, components=components)
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


def an_slo(name, *components, namespace="shop", **status):
    parts = [{"slo": c} if isinstance(c, str) else {"slo": c[0], "weight": c[1]} for c in components]
    indicator = {"composite": {"components": parts}} if parts else {"boolean": {"metric": "up"}}
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"target": 99, "indicator": indicator},
        "status": {"state": "Healthy", **status},
    }


def test_groups_stand_below_their_slo_the_worst_first_and_what_is_left_out_is_counted(capsys):
    groups = [
        {"labels": {"region": "eu", "tier": "1"}, "state": "Exhausted", "remainingPercent": -3.0, "burnRate1h": 2.5},
        {"labels": {"region": "us", "tier": ""}, "state": "Healthy", "sli": 99.95, "remainingPercent": 50.0},
    ]
    slo = an_slo("checkout", groups=groups, groupCount=12)
    assert len(printed(capsys, slo).splitlines()) == 2
    _, whole, eu, us, more = printed(capsys, slo, components=[slo]).splitlines()
    assert whole.startswith("checkout ")
    assert eu.split() == ["region=eu,tier=1", "-", "2.50", "-3.0%", "Exhausted"]
    assert us.split() == ["region=us,tier=", "99.950%", "-", "50.0%", "Healthy"]
    assert more.strip() == "… and 10 more with more budget left, or few events"


def test_components_stand_below_their_composite_with_their_weights_and_a_missing_one_is_seen(capsys):
    parts = [an_slo("inner", "deep"), an_slo("deep", state="AtRisk"), an_slo("deep", namespace="other"), an_slo("a")]
    outer = an_slo("outer", ("inner", 2), "a", "gone")
    lines = printed(capsys, outer, components=[outer, *parts]).splitlines()[1:]
    assert [(line[: len(line) - len(line.lstrip())], *line.split()[:2]) for line in lines] == [
        ("", "outer", "99%"),
        ("  ", "inner", "×2"),
        ("    ", "deep", "99%"),
        ("  ", "a", "99%"),
        ("  ", "gone", "missing"),
    ]
    assert "AtRisk" in lines[2]


def test_values_of_labels_do_not_steer_the_terminal(capsys):
    slo = an_slo("checkout", groups=[{"labels": {"region": "\x1b[31mred\nnext"}, "state": "Healthy"}], groupCount=1)
    text = printed(capsys, slo, components=[slo])
    assert "\\x1b[31mred\\nnext" in text
    assert len(text.splitlines()) == 3


def test_composites_that_name_one_another_are_shown_and_end(capsys):
    slos = [an_slo("a", "b"), an_slo("b", "a")]
    assert len(printed(capsys, slos[0], components=slos).splitlines()) == 4
