"""Series change their identity, and no event is invented: not one of the million that the counters held before (E4)."""

import pytest

from backstop.domain.duration import parse_duration
from tests.history.identities import NAMES, NOON, identities
from tests.replay.measuring import at_first_sight, replayed, slo_of

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]

HOURS = 3600.0
WINDOW = "6h"  # around noon, when it happens
BASELINE = 2 * 60.0  # seconds whose events may be missing: the slice of the change, and one beside it
SERVERS = {"second_prometheus": 2}  # that count the same events; else one


@pytest.fixture(scope="module")
def by_name():
    found = {scenario.name: scenario for scenario in identities()}
    assert tuple(found) == NAMES
    return found


async def running(url, slo, start, at):
    return (await replayed(url, [slo], start=start + HOURS, moments=[at]))[at][slo.name]


async def started(url, slo, start, at):
    return await at_first_sight(url, slo, at)


@pytest.mark.parametrize("read", [running, started])
@pytest.mark.parametrize("name", NAMES)
async def test_a_change_of_identity_invents_no_event_and_loses_at_most_the_minute_in_which_it_happens(
    history_url, by_name, name, read
):
    scenario = by_name[name]
    at = scenario.start + NOON // HOURS * HOURS + 3 * HOURS
    seen = await read(history_url, slo_of(scenario, windows=[WINDOW]), scenario.start, at)
    counts = seen.budgets[0].counts
    begin = at - parse_duration(WINDOW)
    total, bad = scenario.brute_force(begin, at)
    happened = [
        sum(
            (getattr(truth, side) * (truth.times > begin * 1000) * (truth.times <= at * 1000)).sum()
            for truth in scenario.truths
        )
        for side in ("good", "bad")
    ]
    per_second = sum(happened) / parse_duration(WINDOW)
    servers = SERVERS.get(name, 1)
    assert total > 10_000
    assert total - BASELINE * per_second <= counts.good + counts.bad <= servers * sum(happened)
    assert bad - BASELINE * per_second <= counts.bad <= servers * happened[1]
    assert seen.data.available
