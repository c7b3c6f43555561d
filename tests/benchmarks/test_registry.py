"""Names are what others rely on: one meaning each, and a clear answer to a wrong one."""

import re

import pytest

from tests.benchmarks.registry import BENCHMARKS, UnknownName, chosen

FIGURES = [figure for benchmark in BENCHMARKS for figure in benchmark.figures]


def test_names_are_unique_and_usable_on_a_command_line():
    names = [figure.name for figure in FIGURES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+", name) for name in names)


@pytest.mark.parametrize(
    "name", ["ledger_eval_ms", "ledger_row_bytes", "samples_ratio", "rules_baseline_reads", "rss_10k_mib"]
)
def test_the_names_that_others_rely_on_are_there(name):
    (benchmark,) = chosen(name)
    assert name in benchmark.names


def test_every_figure_has_words_and_a_unit():
    assert all(figure.what and figure.unit for figure in FIGURES)


def test_without_a_name_all_are_measured():
    assert chosen(None) == BENCHMARKS


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"'speed'; use one of: ledger_eval_ms, .*help_ms"):
        chosen("speed")
