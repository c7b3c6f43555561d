"""Semantics K14: what is worth a write."""

import pytest

from backstop.domain.status_change import WriteLimits, WriteReason, slo_moved, slo_news, write_reason

LIMITS = WriteLimits(numbers_every=60, heartbeat=600)


def a_status(**changes):
    status = {
        "observedGeneration": 1,
        "state": "Healthy",
        "windows": [{"name": "30d", "remainingPercent": 80.0}],
        "burnRates": {"5m": 1.0},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Evaluated", "message": "a"}],
    }
    return status | changes


def reason(current, *, written=None, age=61.0, spread=0.0):
    return write_reason(
        a_status() if written is None else written,
        current,
        age_seconds=age,
        spread=spread,
        limits=LIMITS,
        news=slo_news,
        moved=slo_moved,
    )


def test_an_object_without_a_status_is_written_at_once():
    assert (
        write_reason(None, a_status(), age_seconds=0, spread=0, limits=LIMITS, news=slo_news, moved=slo_moved)
        is WriteReason.FIRST
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"observedGeneration": 2}, WriteReason.SPEC, id="spec change"),
        pytest.param({"state": "AtRisk"}, WriteReason.STATE, id="state change"),
        pytest.param(
            {"conditions": [{"type": "Ready", "status": "False", "reason": "Invalid"}]},
            WriteReason.STATE,
            id="condition",
        ),
    ],
)
def test_what_people_act_on_is_written_at_once_and_first(change, expected):
    assert reason(a_status(**change), age=0) is expected
    assert expected.urgent


def test_a_message_alone_is_not_worth_a_write():
    changed = [{"type": "Ready", "status": "True", "reason": "Evaluated", "message": "b"}]
    assert reason(a_status(conditions=changed), age=300) is None


@pytest.mark.parametrize(
    ("change", "written"),
    [
        pytest.param({"windows": [{"name": "30d", "remainingPercent": 79.9}]}, True, id="remaining moved 0.1 points"),
        pytest.param({"windows": [{"name": "30d", "remainingPercent": 79.91}]}, False, id="remaining moved less"),
        pytest.param({"burnRates": {"5m": 1.1}}, True, id="burn rate moved 10 %"),
        pytest.param({"burnRates": {"5m": 1.09}}, False, id="burn rate moved less"),
        pytest.param({"burnRates": {}}, True, id="a burn rate vanished"),
        pytest.param({"windows": [{"name": "30d"}]}, True, id="remaining became unknown"),
    ],
)
def test_numbers_are_written_when_they_moved_and_a_minute_has_passed(change, written):
    assert (reason(a_status(**change), age=60) is WriteReason.NUMBERS) is written
    assert reason(a_status(**change), age=59.9) is None


def test_burn_rates_near_zero_do_not_tremble():
    written = a_status(burnRates={"5m": 0.01})
    assert reason(a_status(burnRates={"5m": 0.04}), written=written) is None


@pytest.mark.parametrize(
    ("state", "coverage", "written"),
    [("Unknown", 0.49, True), ("Unknown", 0.495, False), ("Healthy", 0.3, False)],
)
def test_falling_coverage_is_news_only_while_the_state_is_unknown(state, coverage, written):
    before = a_status(state=state, windows=[{"name": "30d", "coverage": 0.5}])
    after = a_status(state=state, windows=[{"name": "30d", "coverage": coverage}])
    assert (reason(after, written=before) is WriteReason.NUMBERS) is written


@pytest.mark.parametrize(("before", "after", "written"), [(0, 600, True), (600, 0, True), (600, 660, False)])
def test_that_maintenance_is_excluded_is_news_and_how_long_it_lasts_is_not(before, after, written):
    def excluding(seconds):
        excluded = {"excludedSeconds": seconds} if seconds else {}
        return a_status(windows=[{"name": "30d", "remainingPercent": 80} | excluded])

    assert (reason(excluding(after), written=excluding(before)) is WriteReason.NUMBERS) is written


@pytest.mark.parametrize(("spread", "due"), [(-1.0, 480), (0.0, 600), (1.0, 720)])
def test_heartbeats_are_spread_by_a_fifth(spread, due):
    assert reason(a_status(), age=due - 1, spread=spread) is None
    assert reason(a_status(), age=due, spread=spread) is WriteReason.HEARTBEAT


EU, US = {"region": "eu"}, {"region": "us"}


def groups(*shown, count=None):
    """Return the part of a status about groups, given as (labels, state, remaining)."""
    entries = [{"labels": labels, "state": state, "remainingPercent": left} for labels, state, left in shown]
    return {"groups": entries, "groupCount": len(entries) if count is None else count}


def test_a_group_that_changes_its_state_is_written_at_once():
    written = a_status(**groups((EU, "Healthy", 80.0), (US, "Healthy", 90.0)))
    assert reason(a_status(**groups((EU, "AtRisk", 20.0), (US, "Healthy", 90.0))), written=written, age=0) is (
        WriteReason.STATE
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(groups((EU, "Healthy", 80.05)), None, id="moved by less than is worth a write"),
        pytest.param(groups((EU, "Healthy", 79.9)), WriteReason.NUMBERS, id="moved"),
        pytest.param(groups((US, "AtRisk", 20.0)), WriteReason.NUMBERS, id="another one is the worst"),
        pytest.param(groups((EU, "Healthy", 80.0), count=2), WriteReason.NUMBERS, id="more groups than are shown"),
        pytest.param({}, WriteReason.NUMBERS, id="no group any more"),
    ],
)
def test_numbers_of_groups_are_numbers(now, expected):
    written = a_status(**groups((EU, "Healthy", 80.0)))
    assert reason(a_status(**now), written=written) is expected
    assert reason(a_status(**now), written=written, age=30) is None
