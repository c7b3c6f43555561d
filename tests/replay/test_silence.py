"""Silence is no traffic, an outage of Prometheus is no data: neutral or unknown as configured, and never bad."""

import pytest

from backstop.domain.slo import Evaluation, NoData, NoTraffic
from tests.history.scenarios import OUTAGES, scenarios
from tests.replay.measuring import at_first_sight, replayed, slo_of

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]

HOURS = 3600.0
OUTAGE_SECONDS = 2 * HOURS
STALE_SECONDS = 120.0  # evaluation.staleAfter: what is so old still counts as known
QUIET_SECONDS = 4 * 900.0  # a day


@pytest.fixture(scope="module")
def by_name():
    return {scenario.name: scenario for scenario in scenarios()}


async def running(url, slo, at):
    """As if the operator had run for two days: minutes are told apart."""
    return (await replayed(url, [slo], start=at - 48 * HOURS, moments=[at]))[at][slo.name]


def day(assessment):
    return assessment.budgets[0].counts


@pytest.mark.parametrize(("no_data", "unknown"), [(NoData.UNKNOWN, True), (NoData.GOOD, False), (NoData.BAD, False)])
async def test_an_outage_of_prometheus_is_unknown_or_as_configured(history_url, by_name, no_data, unknown):
    scenario = by_name["outage"]
    at = scenario.end - 3600
    seen = day(await running(history_url, slo_of(scenario, ["1d"], evaluation=Evaluation(no_data=no_data)), at))
    begin = max(OUTAGES)[0]
    assert at - 24 * HOURS < begin < at - OUTAGE_SECONDS
    missing = pytest.approx(OUTAGE_SECONDS, abs=STALE_SECONDS + 60)
    # What Prometheus finds when it is back has no proof, so a minute stays a baseline whatever `noData` says.
    assert seen.unknown_seconds == (missing if unknown else pytest.approx(0, abs=60))
    assert (seen.good + seen.bad, seen.bad) == pytest.approx(scenario.brute_force(at - 24 * HOURS, at), rel=0.001)


async def test_right_after_an_outage_nothing_is_bad_and_nothing_is_counted_twice(history_url, by_name):
    scenario = by_name["outage"]
    back = max(OUTAGES)[1]
    a_minute = scenario.brute_force(back + HOURS, back + HOURS + 60)[0]
    for minutes in (-30, 1, 2, 5):
        at = back + 60 * minutes
        seen = day(await at_first_sight(history_url, slo_of(scenario, ["1h"]), at))
        total, bad = scenario.brute_force(at - HOURS, at)
        assert total - 2 * a_minute <= seen.good + seen.bad <= total, minutes
        assert seen.bad <= bad, minutes


@pytest.mark.parametrize(
    ("no_traffic", "unknown"), [(NoTraffic.NEUTRAL, 0.0), (NoTraffic.GOOD, 0.0), (NoTraffic.UNKNOWN, QUIET_SECONDS)]
)
async def test_silence_is_neutral_or_unknown_as_configured(history_url, by_name, no_traffic, unknown):
    scenario = by_name["silence"]
    at = scenario.end - HOURS
    seen = day(await running(history_url, slo_of(scenario, ["1d"], evaluation=Evaluation(no_traffic=no_traffic)), at))
    assert seen.unknown_seconds == pytest.approx(unknown, abs=4 * 60)  # each silence begins and ends within a minute
    assert (seen.good + seen.bad, seen.bad) == pytest.approx(scenario.brute_force(at - 24 * HOURS, at), rel=0.001)
