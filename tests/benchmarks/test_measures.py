"""Every benchmark runs, on sizes that take moments. How fast anything is, no test asserts."""

import math

import pytest

from tests.benchmarks import (
    alerting,
    assessing,
    help_time,
    ledger_memory,
    ledger_speed,
    low_traffic,
    memory,
    samples_read,
    status_writes,
    ticking,
)
from tests.benchmarks.registry import BENCHMARKS

TINY = {
    ledger_speed: {"rows": 20, "fewer": 5, "repetitions": 3},
    ledger_memory: {"rows": 200},
    assessing: {"slos": 5, "repetitions": 3},
    ticking: {"slos": 40, "ticks": 2},
    alerting: {"slos": 5, "repetitions": 3},
    memory: {"slos": 20},
    samples_read: {"slos": 2, "warm_minutes": 10, "minutes": 2, "rule_days": 0.02, "recorded_days": 0.02},
    status_writes: {"slos": 3, "seconds": 900},
    help_time: {"runs": 2},
    low_traffic: {"months": 20_000, "outages": 20},
}


def test_every_benchmark_is_tried_here():
    assert [module.measure for module in TINY] == [benchmark.measure for benchmark in BENCHMARKS]


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(
            module,
            id=module.__name__.rpartition(".")[2],
            marks=[pytest.mark.prometheus] if module is samples_read else [],
        )
        for module in TINY
    ],
)
def test_a_benchmark_yields_its_figures_and_says_how(module):
    results = module.measure(**TINY[module])
    assert tuple(result.figure for result in results) == module.FIGURES
    for result in results:
        assert math.isfinite(result.value)
        assert result.value > 0
        assert result.setup


@pytest.mark.prometheus
def test_the_samples_that_recording_rules_read_are_those_in_their_ranges():
    scene = {"slos": 1, "warm_minutes": 10, "minutes": 2, "rule_days": 0.5, "recorded_days": 1.0}
    _, rules = samples_read.measure(**scene)
    ranges = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21_600}
    # What lies before the half day of history is not there to be read: 1d and 3d read half a day.
    seconds = sum(ranges.values()) + 2 * 43_200
    raw = seconds / samples_read.SCRAPE * (samples_read.SERIES + samples_read.PODS)  # the total, and the bad ones
    recorded = samples_read.DAY / samples_read.INTERVAL
    assert rules.value == pytest.approx((raw + recorded) * 60 / samples_read.INTERVAL, rel=0.02)


def test_idle_slos_write_a_heartbeat_and_nothing_else():
    (writes,) = status_writes.measure(slos=5, seconds=3600)
    assert 5 * 5 <= writes.value <= 5 * 60 / 8
