"""The simulation behind docs/explanation/low-traffic.md: its parts are right, and the page shows what it measures."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from backstop.domain.low_traffic import all_bad_seconds
from tests.benchmarks.low_traffic import (
    BROKEN,
    DAY,
    GUARD,
    GUARD_AND_TEN,
    GUARDS,
    HOUR,
    IN_ORDER,
    MINUTE,
    NO_GUARD,
    QUIET,
    Seen,
    Service,
    Traffic,
    detection,
    false_pages,
    quantile,
    traffic,
)
from tests.cluster.paths import REPOSITORY
from tests.docs.pages import table_rows, text_of

PAGE = REPOSITORY / "docs" / "explanation" / "low-traffic.md"
FEWER_MONTHS = 1000
FEWER_OUTAGES = 200


def pages(guard, *, good=(), bad=(), service=QUIET):
    """Return the minutes at which a rule begins to fire, of requests at these minutes."""
    requests = Traffic(good=np.array(good, dtype=float) * MINUTE, bad=np.array(bad, dtype=float) * MINUTE)
    return list(Seen.of(requests, service).pages(guard) / MINUTE)


def test_one_failed_request_pages_without_the_guard_and_not_with_it():
    hour = {"good": range(0, 60, 5), "bad": [61.2]}
    assert pages(NO_GUARD, **hour) == [61.5], "at the next tick"
    assert pages(GUARD, **hour) == []


def test_one_failure_among_more_requests_than_the_threshold_allows_pages_nobody():
    assert pages(NO_GUARD, good=np.arange(0, 60, 0.5), bad=[60.2]) == []


def test_two_failures_in_an_hour_of_three_requests_page_once():
    assert pages(GUARD, good=[50], bad=[60, 70.2]) == [70.5]
    assert pages(GUARD_AND_TEN, good=[50], bad=[60, 70.2]) == []


def test_nothing_but_failures_for_a_quarter_of_an_hour_page_whatever_is_asked_for():
    assert pages(GUARD_AND_TEN, good=[50], bad=[60, 67, 75]) == [75]
    assert pages(GUARD_AND_TEN, good=[50, 74], bad=[60, 67, 75]) == []


def test_a_rule_that_stops_firing_and_fires_again_pages_twice():
    assert pages(NO_GUARD, good=[50], bad=[60, 61, 80]) == [60, 80]


def test_a_client_that_tries_again_makes_more_failures_of_one():
    rng = np.random.default_rng(1)
    made = traffic(rng, Service(calls_per_hour=100, error_ratio=0.5, attempts=3), 0, DAY, 0.5)
    assert len(made.good) == pytest.approx(1200, abs=120)
    assert len(made.bad) == pytest.approx(3600, abs=360)
    assert min(made.good.min(), made.bad.min()) >= 0
    assert made.good.max() <= DAY
    assert np.all(np.diff(made.good) >= 0)
    assert np.all(np.diff(made.bad) >= 0)


def test_the_simulation_and_the_operator_agree_how_long_all_was_bad():
    rng = np.random.default_rng(2)
    made = traffic(rng, Service(calls_per_hour=20, error_ratio=0.6), 0, DAY, 0.6)
    seen = Seen.of(made, Service(calls_per_hour=20, error_ratio=0.6))
    sealed = np.flatnonzero(seen.ticks % MINUTE == 0)
    compared = 0
    for index in sealed:
        boundaries = np.arange(0, seen.ticks[index] + 1, MINUTE)
        good, bad = (np.searchsorted(each, boundaries, side="right").astype(float) for each in (made.good, made.bad))
        # In a slice with both, the ledger cannot know what came first, and begins the run after it.
        if not np.any((np.diff(good) > 0) & (np.diff(bad) > 0)):
            compared += 1
            assert seen.all_bad_seconds[index] == all_bad_seconds(boundaries, good, bad, np.zeros_like(good))
    assert compared > 20
    assert seen.all_bad_seconds.max() > 15 * MINUTE


def test_quantiles_count_an_outage_that_nobody_noticed():
    assert quantile(np.array([1.0, 2.0, math.inf]), 0.5) == 2
    assert quantile(np.array([1.0, math.inf, math.inf]), 0.5) == math.inf


def test_an_outage_is_found_and_what_nobody_uses_is_not():
    without, with_guard = detection(Service(calls_per_hour=60, error_ratio=0.0), 1.0, 5, (NO_GUARD, GUARD))
    assert np.all(without <= with_guard)
    assert np.all(with_guard < HOUR / MINUTE)
    (unused,) = detection(Service(calls_per_hour=0, error_ratio=0.0), 1.0, 3, (GUARD,))
    assert np.all(np.isinf(unused))


def test_the_page_shows_the_services_that_were_simulated_and_for_how_long():
    rows = list(table_rows(PAGE, "### A service in order"))
    assert [(row[0], row[-1]) for row in rows] == [(name, f"{months:,} months") for name, _, months in IN_ORDER]


@pytest.mark.parametrize("name", [name for name, _, _ in IN_ORDER])
def test_false_pages_are_as_rare_as_the_page_says(name):
    shown = next(row for row in table_rows(PAGE, "### A service in order") if row[0] == name)[1:-1]
    service = next(service for each, service, _ in IN_ORDER if each == name)
    months = min(FEWER_MONTHS, 20_000 / service.calls_per_hour)
    for cell, found in zip(shown, false_pages(service, months, GUARDS), strict=True):
        expected = float(cell) * months
        assert abs(found - expected) <= 4 * math.sqrt(expected) + 1, cell


def test_more_time_for_all_bad_keeps_a_service_with_a_low_target_silent_as_the_page_says():
    _, service, _ = IN_ORDER[-1]
    guard = replace(GUARD, all_bad_for_seconds=2 * HOUR)
    shown = re.search(r"`allBadFor: 2h` it is ([\d.]+) pages a month", text_of(PAGE))
    assert false_pages(service, 3000, [guard])[0] / 3000 == pytest.approx(float(shown[1]), abs=0.02)


@pytest.mark.parametrize("name", [name for name, _, _ in BROKEN])
def test_outages_are_found_as_soon_as_the_page_says(name):
    shown = next(row for row in table_rows(PAGE, "### A service that is broken") if row[0] == name)[1:]
    _, service, error_ratio = next(each for each in BROKEN if each[0] == name)
    for cell, found in zip(shown, detection(service, error_ratio, FEWER_OUTAGES, GUARDS), strict=True):
        median, late = (float(number) for number in cell.split(" / "))
        assert quantile(found, 0.5) == pytest.approx(median, rel=0.25, abs=1.0)
        assert quantile(found, 0.95) == pytest.approx(late, rel=0.35, abs=2.0)


def test_the_page_shows_the_outages_that_were_simulated():
    assert [row[0] for row in table_rows(PAGE, "### A service that is broken")] == [name for name, _, _ in BROKEN]
