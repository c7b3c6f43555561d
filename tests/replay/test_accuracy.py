"""Every window of every generated history is within one percent of brute force over its raw samples.

The engine is the operator's own, on a real Prometheus 3. It is asked twice: as if it had just been started at a moment
(the past is then read in slices of up to an hour), and as if it had run for the whole month (every minute was sealed).
"""

import asyncio

import pytest

from tests.history.scenario import STREAM_START, TEXT_START
from tests.history.scenarios import ALL, scenarios
from tests.replay.measuring import WINDOWS, at_first_sight, compare, replayed, slo_of

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]

NAMES = [make.__name__ for make in ALL]
# Seconds before the end: on the hour, and at any second, with a head under way.
FIRST_SIGHTS = [3600.0, 12_345.0]
MOMENTS = [12 * 86_400.0 + 77, 36_000.0, 18_420.0, 60.0]


@pytest.fixture(scope="module")
def by_name():
    return {scenario.name: scenario for scenario in scenarios()}


@pytest.fixture(scope="module")
def month(history_url, by_name):
    """What the operator would have said at the moments, had it run for the month, by scenario."""
    told = {}

    async def run(start):
        group = [scenario for scenario in by_name.values() if scenario.start == start]
        end = group[0].end
        moments = [end - back for back in MOMENTS]
        seen = await replayed(history_url, [slo_of(s) for s in group], start=start + 3600, moments=moments)
        for scenario in group:
            told[scenario.name] = [seen[moment][scenario.name] for moment in moments]

    for start in (TEXT_START, STREAM_START):
        asyncio.run(run(start))
    return told


@pytest.mark.parametrize("before_end", FIRST_SIGHTS)
@pytest.mark.parametrize("name", NAMES)
async def test_at_first_sight_every_window_is_within_one_percent(history_url, by_name, name, before_end):
    scenario = by_name[name]
    seen = await at_first_sight(history_url, slo_of(scenario), scenario.end - before_end)
    found = compare(scenario, seen)
    assert [each.window for each in found] == list(WINDOWS)
    assert [problem for each in found if (problem := each.differs())] == []


@pytest.mark.parametrize("name", NAMES)
def test_over_a_month_every_window_stays_within_one_percent(month, by_name, name):
    found = [each for assessment in month[name] for each in compare(by_name[name], assessment)]
    assert len(found) >= len(MOMENTS) * len(WINDOWS) - 1  # the first moment has no thirty days before it
    assert [problem for each in found if (problem := each.differs())] == []
