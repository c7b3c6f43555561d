"""How an alert moves: only by known time, never on unknown, and neither to and fro."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert import AlertStatus, Finding
from backstop.domain.alert_state import advance
from backstop.vocabulary import AlertReason

CLEAR, PENDING, FIRING, UNKNOWN = AlertStatus.CLEAR, AlertStatus.PENDING, AlertStatus.FIRING, AlertStatus.UNKNOWN
TRUE = Finding(holds=True, reason=AlertReason.BURNING, message="it burns", numbers={"burn": 20.0})
FALSE = Finding(holds=False, reason=AlertReason.NOT_BURNING, message="it does not")
LOST = Finding(holds=None, reason=AlertReason.EVIDENCE_UNKNOWN, message="nobody knows")
GUARDED = replace(TRUE, reason=AlertReason.LOW_TRAFFIC, guarded=True)
START = 1_000_000.0
WORDS = {"T": TRUE, "F": FALSE, "?": LOST, "g": GUARDED}
LETTERS = {CLEAR: "C", PENDING: "P", FIRING: "F", UNKNOWN: "U"}


def follow(findings, *, wait=0.0, keep=0.0, state=None, **changes):
    """Return the states after (time, finding) one by one."""
    states = []
    for at, finding in findings:
        state = advance(state, finding, for_seconds=wait, keep_firing_seconds=keep, at=START + at, **changes)
        states.append(state)
    return states


def minutely(words):
    return [(60.0 * n, WORDS[word]) for n, word in enumerate(words)]


@pytest.mark.parametrize(
    ("seen", "wait", "keep", "expected"),
    [
        pytest.param("FTTF", 0, 0, "CFFC", id="at once, and at once again"),
        pytest.param("FTTTF", 120, 0, "CPPFC", id="after it held for two minutes"),
        pytest.param("TTFTTT", 120, 0, "PPCPPF", id="false in between starts anew"),
        pytest.param("TFFTFFFF", 0, 120, "FFFFFFCC", id="keepFiringFor counts from the last time that it held"),
        pytest.param("TFTFTFFF", 0, 120, "FFFFFFFC", id="what comes and goes does not flap"),
        pytest.param("????", 0, 0, "UUUU", id="unknown from the start"),
        pytest.param("F?F", 0, 0, "CUC", id="what was clear is not known to be any more"),
        pytest.param("T???F", 0, 0, "FFFFC", id="unknown resolves nothing"),
        pytest.param("TT???TT", 180, 0, "PPPPPPP", id="unknown does not count towards for"),
        pytest.param("TT???TTT", 180, 0, "PPPPPPPF", id="and what was counted before it does"),
        pytest.param("TF???FF", 0, 120, "FFFFFFF", id="unknown does not count towards keepFiringFor"),
        pytest.param("TF???FFF", 0, 120, "FFFFFFFC", id="and what was counted before it does, too"),
        pytest.param("T?T?T?T", 120, 0, "PPPPPPP", id="known only at instants: no time between is"),
        pytest.param("gggg", 0, 0, "PPPP", id="guarded is pending however long"),
        pytest.param("gggT", 0, 0, "PPPF", id="until it is proven"),
        pytest.param("gggF", 0, 0, "PPPC", id="or refuted"),
        pytest.param("ggTTT", 120, 0, "PPPPF", id="guarded time is not time for which it held"),
        pytest.param("TgggF", 0, 0, "FFFFC", id="guarded does not resolve what was proven"),
        pytest.param("g?g", 0, 0, "PPP", id="guarded, then unknown"),
    ],
)
def test_the_status_moves_by_known_time_alone(seen, wait, keep, expected):
    states = follow(minutely(seen), wait=wait, keep=keep)
    assert "".join(LETTERS[state.status] for state in states) == expected


def test_a_state_tells_since_when_why_and_with_which_numbers():
    clear, pending, firing = follow(minutely("FTT"), wait=60)
    assert (clear.since, clear.started_at, clear.reason) == (START, None, AlertReason.NOT_BURNING)
    assert (pending.since, pending.started_at, pending.numbers) == (START + 60, START + 60, {"burn": 20.0})
    assert pending.message == "it burns; holds for 0s, for is 1m"
    assert (firing.since, firing.started_at, firing.held_seconds) == (START + 120, START + 60, 60)
    assert firing.message == "it burns"


def test_a_firing_alert_that_does_not_hold_any_more_says_how_long_it_waits():
    *_, waiting = follow(minutely("TFF"), keep=300)
    assert (waiting.status, waiting.clear_seconds) == (FIRING, 60)
    assert waiting.message == "it does not; clear for 1m, keepFiringFor is 5m"
    assert waiting.started_at == START


def test_since_when_it_is_unknown_is_told_and_forgotten():
    _, lost, still, back = follow(minutely("T??T"))
    assert (lost.status, lost.unknown_since, still.unknown_since) == (FIRING, START + 60, START + 60)
    assert (still.reason, still.message) == (AlertReason.EVIDENCE_UNKNOWN, "nobody knows")
    assert (back.unknown_since, back.since) == (None, START)


def test_what_the_evidence_tells_of_the_past_counts_towards_for():
    since = replace(TRUE, held_since=START - 250)
    pending, firing = follow([(0, since), (60, since)], wait=300)
    assert (pending.status, pending.held_seconds, pending.started_at) == (PENDING, 250, START - 250)
    assert (firing.status, firing.held_seconds) == (FIRING, 310)


def test_evidence_whose_beginning_moves_on_does_not_lose_what_was_counted():
    """A node that goes from False to Unknown has a new transition time, and was not ready all the while."""
    first, moved = replace(TRUE, held_since=START - 100), replace(TRUE, held_since=START + 50)
    assert [state.held_seconds for state in follow([(0, first), (60, moved)], wait=600)] == [100, 160]


def test_the_beginning_of_what_is_wrong_is_the_first_bad_slice_where_it_is_known():
    slices = replace(TRUE, started_at=START - 30, held_since=START - 10)
    assert follow([(0, slices), (60, TRUE)])[-1].started_at == START - 30


def test_time_in_which_nobody_looked_is_not_known():
    assert follow([(0, TRUE), (300, TRUE)], wait=300)[-1].status is FIRING
    assert follow([(0, TRUE), (301, TRUE)], wait=300)[-1].status is PENDING
    assert follow([(0, TRUE), (900, TRUE)], wait=300, longest_step_seconds=900)[-1].status is FIRING
    assert follow([(0, TRUE), (1, FALSE), (400, FALSE)], keep=60)[-1].status is FIRING


@pytest.mark.parametrize("down", [1.0, 3600.0, 90 * 86_400.0])
@pytest.mark.parametrize("restored_holds", [True, None], ids=["at once", "from the status, which does not tell holds"])
def test_pending_and_firing_go_on_after_a_restart_of_any_length(down, restored_holds):
    pending = replace(follow(minutely("TTT"), wait=240)[-1], holds=restored_holds)
    back = 120 + down
    after = follow([(back, TRUE), (back + 60, TRUE), (back + 120, TRUE)], wait=240, state=pending)
    assert [state.status for state in after] == [PENDING, PENDING, FIRING]
    assert after[-1].started_at == START
    firing = replace(follow(minutely("TFF"), keep=240)[-1], holds=None)
    after = follow([(back, FALSE), (back + 60, FALSE), (back + 180, FALSE)], keep=240, state=firing)
    assert [state.status for state in after] == [FIRING, FIRING, CLEAR]


@pytest.mark.parametrize("back", [1, 60, 299, 300, 301, 86_400])
def test_a_clock_that_is_put_back_neither_fires_nor_clears(back):
    pending = follow(minutely("TTT"), wait=240)[-1]
    (after,) = follow([(120 - back, TRUE)], wait=240, state=pending)
    assert (after.status, after.held_seconds) == (PENDING, pending.held_seconds)
    firing = follow(minutely("TFF"), keep=240)[-1]
    (after,) = follow([(120 - back, FALSE)], keep=240, state=firing)
    assert (after.status, after.clear_seconds) == (FIRING, firing.clear_seconds)


def test_a_clock_that_goes_to_and_fro_does_not_count_the_same_time_twice():
    for step in (60, 300):
        steps = [(0, TRUE)] + [(at, TRUE) for _ in range(50) for at in (step, 0)]
        assert follow(steps, wait=900)[-1].held_seconds == step


def test_time_counts_again_after_a_clock_was_put_back_for_good():
    states = follow([(0, TRUE), (60, TRUE), (-7200, TRUE), (-7140, TRUE)], wait=120)
    assert [state.status for state in states] == [PENDING, PENDING, PENDING, FIRING]


words = st.lists(st.tuples(st.integers(0, 400), st.sampled_from("TF?g")), min_size=1, max_size=40)
waits = st.sampled_from([0.0, 60.0, 150.0, 300.0])


def timed(steps):
    at, found = 0, []
    for step, word in steps:
        at += step
        found.append((at, WORDS[word]))
    return found


def known_time(findings, holds):
    """The time between findings that follow each other, near enough, and prove the same: from the end backwards, up to
    one that proves the contrary. The brute force that the machine is held against."""
    total = 0.0
    for (before, first), (after, last) in zip(findings[-2::-1], findings[:0:-1], strict=True):
        if proven(last) is (not holds):
            break
        if proven(first) is proven(last) is holds and after - before <= 300:
            total += after - before
    return total


def proven(finding):
    return None if finding.guarded else finding.holds


@given(steps=words, wait=waits, keep=waits)
def test_it_fires_only_after_known_truth_for_long_enough(steps, wait, keep):
    findings = timed(steps)
    states = follow(findings, wait=wait, keep=keep)
    before = UNKNOWN
    for n, state in enumerate(states):
        if state.status is FIRING and before is not FIRING:
            assert proven(findings[n][1]) is True
            assert known_time(findings[: n + 1], holds=True) >= wait - 1e-6
        before = state.status


@given(steps=words, wait=waits, keep=waits)
def test_it_resolves_only_after_known_falsehood_for_long_enough(steps, wait, keep):
    findings = timed(steps)
    states = follow(findings, wait=wait, keep=keep)
    for n in range(1, len(states)):
        if states[n - 1].status is FIRING and states[n].status is not FIRING:
            assert states[n].status is CLEAR
            assert proven(findings[n][1]) is False
            since = next(m for m in range(n, -1, -1) if findings[m][1].holds is True)
            assert known_time(findings[since : n + 1], holds=False) >= keep - 1e-6


@given(steps=words, wait=waits, keep=waits)
def test_it_does_fire_and_resolve_when_its_time_has_come(steps, wait, keep):
    findings = timed(steps)
    for n, state in enumerate(follow(findings, wait=wait, keep=keep)):
        if proven(findings[n][1]) is True and known_time(findings[: n + 1], holds=True) >= wait + 1e-6:
            assert state.status is FIRING
        if proven(findings[n][1]) is False and keep == 0:
            assert state.status is CLEAR


@given(steps=words, wait=waits, keep=waits)
def test_nothing_moves_on_unknown(steps, wait, keep):
    findings = timed(steps)
    states = follow(findings, wait=wait, keep=keep)
    for n, (_, finding) in enumerate(findings):
        if finding.holds is None:
            before = states[n - 1].status if n else UNKNOWN
            assert states[n].status is (before if before in {FIRING, PENDING} else UNKNOWN)
            assert states[n].unknown_since is not None


@given(steps=words, wait=waits, at=st.lists(st.integers(0, 4000), max_size=10))
def test_looking_more_often_and_seeing_nothing_never_makes_it_fire_earlier(steps, wait, at):
    findings = timed(steps)
    more = sorted([*findings, *((each, LOST) for each in at)], key=lambda each: each[0])

    def first_fires(seen):
        states = follow(seen, wait=wait)
        return next((state.at for state in states if state.status is FIRING), float("inf"))

    assert first_fires(more) >= first_fires(findings)


@given(steps=words, wait=waits, keep=waits, cut=st.integers(0, 40))
def test_what_a_status_keeps_is_enough_to_go_on_from(steps, wait, keep, cut):
    """A restart between two evaluations loses the time between them, and nothing else."""
    findings = timed(steps)
    cut = min(cut, len(findings))
    whole = follow(findings, wait=wait, keep=keep)
    if 0 < cut < len(findings):
        lost = findings[cut][0] - findings[cut - 1][0]
        restored = replace(whole[cut - 1], holds=None)
        (state,) = follow(findings[cut : cut + 1], wait=wait, keep=keep, state=restored)
        assert 0 <= whole[cut].held_seconds - state.held_seconds <= lost + 1e-6
        assert state.started_at == whole[cut].started_at or state.status is not whole[cut].status
