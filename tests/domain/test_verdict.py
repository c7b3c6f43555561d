from decimal import Decimal

import pytest

from backstop.domain.budget import WindowCounts, budget
from backstop.domain.evidence import Slice, unknown
from backstop.domain.health import Health, HealthVerdict
from backstop.domain.slo import NoTraffic, Objective
from backstop.domain.verdict import DataStatus, follow_data, judge_budget
from backstop.vocabulary import Reason, State

NOW = 1_700_000_000.0
GOOD = Slice(10, 0)
AVAILABLE = follow_data(None, GOOD, at=NOW, stale_after_seconds=120)


def a_budget(bad, *, unknown_share=0.0, total=100_000):
    window = WindowCounts(name="30d", seconds=1000, good=total - bad, bad=bad, unknown_seconds=1000 * unknown_share)
    return budget(window, Objective(target_percent=Decimal(99)), no_traffic=NoTraffic.NEUTRAL)


@pytest.mark.parametrize(
    ("bad", "state", "reason"),
    [
        pytest.param(0, State.HEALTHY, Reason.WITHIN_BUDGET, id="untouched"),
        pytest.param(750, State.HEALTHY, Reason.WITHIN_BUDGET, id="exactly 25 % left is healthy"),
        pytest.param(751, State.AT_RISK, Reason.LOW_BUDGET, id="just under 25 % is at risk"),
        pytest.param(999, State.AT_RISK, Reason.LOW_BUDGET, id="nearly spent"),
        pytest.param(1000, State.EXHAUSTED, Reason.BUDGET_EXHAUSTED, id="exactly spent is exhausted"),
        pytest.param(5000, State.EXHAUSTED, Reason.BUDGET_EXHAUSTED, id="overspent"),
    ],
)
def test_states_by_remaining_budget(bad, state, reason):
    verdict = judge_budget([a_budget(bad)], AVAILABLE)
    assert (verdict.state, verdict.reason) == (state, reason)


def test_the_first_window_decides():
    assert judge_budget([a_budget(0), a_budget(5000)], AVAILABLE).state is State.HEALTHY


def test_too_little_known_time_is_unknown_even_when_all_of_it_is_bad():
    verdict = judge_budget([a_budget(100_000, unknown_share=0.96)], AVAILABLE)
    assert (verdict.state, verdict.healthy, verdict.reason) == (State.UNKNOWN, None, Reason.TOO_EARLY)
    assert "40s of window 30d are known" in verdict.message
    assert "from 50s on" in verdict.message


def test_a_silent_sli_is_unknown_whatever_the_budget_was():
    silent = follow_data(None, unknown(Reason.NO_DATA, "nothing"), at=NOW, stale_after_seconds=120)
    verdict = judge_budget([a_budget(5000)], silent)
    assert (verdict.state, verdict.healthy) == (State.UNKNOWN, None)


@pytest.mark.contract(1)
@pytest.mark.parametrize(
    ("health", "state", "healthy"),
    [
        pytest.param(HealthVerdict.BAD, State.AT_RISK, False, id="the second witness may speak alone"),
        pytest.param(HealthVerdict.HEALTHY, State.UNKNOWN, None, id="a healthy workload does not make the SLI known"),
        pytest.param(HealthVerdict.UNKNOWN, State.UNKNOWN, None, id="both silent"),
    ],
)
def test_a_silent_sli_with_a_second_witness(health, state, healthy):
    silent = follow_data(None, unknown(Reason.NO_DATA, "nothing"), at=NOW, stale_after_seconds=120)
    witness = Health(verdict=health, reason=Reason.NO_READY_ENDPOINT, message="0 of 3 pods are ready")
    verdict = judge_budget([a_budget(0)], silent, witness)
    assert (verdict.state, verdict.healthy) == (state, healthy)


def test_a_speaking_sli_is_not_overruled_by_the_witness():
    witness = Health(verdict=HealthVerdict.BAD, reason=Reason.NO_READY_ENDPOINT, message="0 ready")
    assert judge_budget([a_budget(0)], AVAILABLE, witness).state is State.HEALTHY


@pytest.mark.parametrize("reason", [Reason.NO_DATA, Reason.SOURCE_UNREACHABLE, Reason.BASELINE, Reason.NOT_FETCHED])
def test_a_passing_gap_is_forgiven_for_stale_after_and_not_longer(reason):
    gap = unknown(reason, "gone")
    assert follow_data(AVAILABLE, gap, at=NOW + 120, stale_after_seconds=120).available
    after = follow_data(AVAILABLE, gap, at=NOW + 121, stale_after_seconds=120)
    assert (after.available, after.reason, after.since) == (False, reason, NOW)


@pytest.mark.parametrize(
    "reason",
    [
        Reason.STALE,
        Reason.NOT_A_NUMBER,
        Reason.INCONSISTENT,
        Reason.SEVERAL_SERIES,
        Reason.QUERY_FAILED,
        Reason.PARTIAL_ANSWER,
    ],
)
def test_what_is_wrong_now_is_not_forgiven(reason):
    assert not follow_data(AVAILABLE, unknown(reason, "wrong"), at=NOW + 1, stale_after_seconds=120).available


def test_data_never_seen_is_unavailable_at_once():
    status = follow_data(None, unknown(Reason.NO_DATA, "nothing"), at=NOW, stale_after_seconds=120)
    assert (status.available, status.since, status.last_known_at) == (False, NOW, None)


def test_since_is_when_it_began_and_survives_a_change_of_reason():
    lost = follow_data(AVAILABLE, unknown(Reason.STALE, "old"), at=NOW + 300, stale_after_seconds=120)
    later = follow_data(lost, unknown(Reason.SOURCE_UNREACHABLE, "away"), at=NOW + 400, stale_after_seconds=120)
    assert (later.reason, later.since, later.last_known_at) == (Reason.SOURCE_UNREACHABLE, NOW, NOW)
    back = follow_data(later, GOOD, at=NOW + 500, stale_after_seconds=120)
    assert (back.available, back.since) == (True, NOW + 500)


def test_no_traffic_is_available_data():
    status = follow_data(None, Slice(0, 0), at=NOW, stale_after_seconds=120)
    assert (status.available, status.reason) == (True, Reason.SAMPLES_FRESH)
    assert isinstance(status, DataStatus)
