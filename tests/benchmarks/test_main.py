"""The command: table on stdout, bench.json, the page, and what a mistake is answered with."""

import json

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks.figures import Figure
from tests.benchmarks.registry import Benchmark

QUICK = Figure(name="quick_ms", what="Something quick", unit="ms", target=20)
SHOWN = Figure(name="shown_reads", what="Shown for comparison", unit="reads", target=None)
SLOW = Figure(name="slow_s", what="Something slow", unit="s", target=1)


def measure_two():
    return [QUICK.measured(12.3456, "twice, on a quiet day"), SHOWN.measured(1_234_567.0, "once")]


def measure_slow():
    return [SLOW.measured(4.0, "with patience")]


def fail():
    raise RuntimeError("no such machine")


@pytest.fixture
def benchmarks(monkeypatch):
    def put(*found):
        monkeypatch.setattr(command, "chosen", lambda _: found)

    put(Benchmark(figures=(QUICK, SHOWN), measure=measure_two), Benchmark(figures=(SLOW,), measure=measure_slow))
    return put


def written(root):
    return json.loads((root / "bench.json").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("benchmarks")
def test_the_table_shows_value_unit_target_and_whether_it_is_met(tmp_path, capsys):
    assert command.main([], root=tmp_path) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Something", "quick", "12.3", "ms", "20", "met", "quick_ms"] in lines
    assert ["Shown", "for", "comparison", "1,234,567", "reads", "shown_reads"] in lines
    assert ["Something", "slow", "4", "s", "1", "missed", "slow_s"] in lines


@pytest.mark.usefixtures("benchmarks")
def test_bench_json_is_a_list_with_five_fields_each_and_names_the_machine(tmp_path):
    command.main([], root=tmp_path)
    entries = written(tmp_path)
    assert [entry["name"] for entry in entries] == ["quick_ms", "shown_reads", "slow_s"]
    for entry in entries:
        assert list(entry) == ["name", "value", "unit", "target", "setup"]
        assert isinstance(entry["value"], float)
        assert entry["target"] is None or isinstance(entry["target"], int | float)
    assert entries[0]["value"] == 12.35
    assert entries[0]["setup"].startswith("twice, on a quiet day; on ")
    assert "cores of" in entries[0]["setup"]


@pytest.mark.usefixtures("benchmarks")
def test_the_page_has_the_results_and_how_they_came_about(tmp_path):
    assert command.main(["--write-docs"], root=tmp_path) == 0
    page = (tmp_path / "docs/reference/benchmarks.md").read_text(encoding="utf-8")
    assert "| Something quick | 12.3 ms | ≤ 20, met | `quick_ms` |" in page
    assert "- `slow_s`: with patience." in page
    assert "cores of" in page


def test_what_fails_is_named_and_the_rest_is_still_reported(tmp_path, capsys, benchmarks):
    benchmarks(Benchmark(figures=(SLOW,), measure=fail), Benchmark(figures=(QUICK, SHOWN), measure=measure_two))
    assert command.main(["--write-docs"], root=tmp_path) == 1
    assert "slow_s could not be measured: RuntimeError: no such machine" in capsys.readouterr().err
    assert [entry["name"] for entry in written(tmp_path)] == ["quick_ms", "shown_reads"]
    assert not (tmp_path / "docs").exists(), "a page with holes would read as if that were all"


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(tmp_path, capsys):
    assert command.main(["--only", "nope"], root=tmp_path) == 2
    assert "no benchmark is named 'nope'; use one of: ledger_eval_ms" in capsys.readouterr().err
    assert not (tmp_path / "bench.json").exists()


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert "make bench ONLY=ledger_eval_ms" in capsys.readouterr().out


def test_the_names_can_be_listed_without_measuring(tmp_path, capsys):
    assert command.main(["--list"], root=tmp_path) == 0
    assert "samples_ratio" in capsys.readouterr().out
    assert not (tmp_path / "bench.json").exists()


def test_a_value_that_is_no_number_is_never_reported():
    with pytest.raises(ValueError, match="slow_s was measured as nan"):
        SLOW.measured(float("nan"), "by mistake")
