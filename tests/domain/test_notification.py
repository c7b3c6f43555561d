"""When a message is tried, when it is tried again, and when it is given up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.notification import (
    FIRST_RETRY_SECONDS,
    GIVE_UP_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    LONGEST_RETRY_SECONDS,
    Attempt,
    Notification,
    NotificationState,
    Outcome,
    after_attempt,
    attempt_of_answer,
    due,
    is_due,
    newer,
    retry_delay_seconds,
)
from backstop.vocabulary import ChannelReason

BORN = 1_800_000_000.0
DRAWS = st.floats(0, 1)
DELIVERED = attempt_of_answer(200)
REFUSED = attempt_of_answer(404)
NOT_NOW = attempt_of_answer(503)


def a_notification(**changes):
    return Notification(**{"id": "n-1", "channel": "oncall", "cause": "Opened", "created_at": BORN} | changes)


@given(st.integers(1, 200), DRAWS, DRAWS)
def test_the_delay_never_falls_and_has_bounds(attempts, draw, next_draw):
    delay, following = retry_delay_seconds(attempts, draw), retry_delay_seconds(attempts + 1, next_draw)
    assert FIRST_RETRY_SECONDS / 2 <= delay <= LONGEST_RETRY_SECONDS
    if following < delay:  # only where both have the longest bound, within its half
        assert retry_delay_seconds(attempts, 1.0) == LONGEST_RETRY_SECONDS
        assert following >= LONGEST_RETRY_SECONDS / 2
    assert retry_delay_seconds(attempts, 1.0) == min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (attempts - 1))


@given(st.integers(1, 30), st.tuples(DRAWS, DRAWS))
def test_random_numbers_that_differ_spread_senders(attempts, draws):
    low, high = sorted(draws)
    assert retry_delay_seconds(attempts, low) <= retry_delay_seconds(attempts, high)
    assert retry_delay_seconds(attempts, 0.0) == retry_delay_seconds(attempts, 1.0) / 2


@given(
    st.lists(st.tuples(st.sampled_from([NOT_NOW, attempt_of_answer(429, retry_after_seconds=1e9)]), DRAWS), min_size=1)
)
def test_failures_that_may_pass_end_in_a_bounded_time_and_never_silently(failures):
    notification, now = a_notification(), BORN
    for attempt, draw in failures:
        notification = after_attempt(notification, attempt, now=now, draw=draw)
        if not notification.pending:
            break
        assert (
            now
            < notification.next_attempt_at
            <= min(BORN + GIVE_UP_SECONDS, now + max(LONGEST_RETRY_SECONDS, LONGEST_RETRY_AFTER_SECONDS) + 0.001)
        )
        now = notification.next_attempt_at
    if now >= BORN + GIVE_UP_SECONDS and not notification.pending:
        assert notification.state is NotificationState.ABANDONED
    assert notification.error


def test_a_receiver_that_never_answers_is_given_up_after_a_day_with_what_happened():
    notification, now = a_notification(), BORN
    while notification.pending:
        notification = after_attempt(notification, NOT_NOW, now=now, draw=0.5)
        now = notification.next_attempt_at or now
    assert now == BORN + GIVE_UP_SECONDS
    assert notification.state is NotificationState.ABANDONED
    assert 100 < notification.attempts < 150  # about one in twelve minutes: no storm
    assert notification.error == f"given up after {notification.attempts} attempts in 24 h: the receiver answered 503"


def test_what_is_older_than_a_day_is_tried_once_more_before_it_is_given_up():
    old = a_notification(created_at=BORN - 3 * GIVE_UP_SECONDS)
    assert is_due(old, BORN)
    assert after_attempt(old, DELIVERED, now=BORN, draw=0).state is NotificationState.SENT
    assert after_attempt(old, NOT_NOW, now=BORN, draw=0).state is NotificationState.ABANDONED


def test_a_delivery_is_final_and_clears_the_error():
    failed_once = after_attempt(a_notification(), NOT_NOW, now=BORN, draw=0)
    sent = after_attempt(failed_once, DELIVERED, now=BORN + 5, draw=0)
    assert sent == a_notification(state=NotificationState.SENT, attempts=2, sent_at=BORN + 5)
    assert not is_due(sent, BORN + 10)


def test_a_refusal_is_final_at_once_and_says_what_to_correct():
    failed = after_attempt(a_notification(), REFUSED, now=BORN, draw=0)
    assert (failed.state, failed.attempts, failed.next_attempt_at) == (NotificationState.FAILED, 1, None)
    assert "404" in failed.error
    assert "spec.webhook" in failed.error


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        pytest.param(None, 2, id="nothing"),
        pytest.param(1.0, 2, id="less than our own delay"),
        pytest.param(300.0, 300, id="more"),
        pytest.param(1e9, LONGEST_RETRY_AFTER_SECONDS, id="for ever"),
    ],
)
def test_what_the_receiver_asks_for_is_honoured_within_an_hour(asked, waited):
    attempt = attempt_of_answer(429, retry_after_seconds=asked)
    assert after_attempt(a_notification(), attempt, now=BORN, draw=0).next_attempt_at == BORN + waited


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_is_one_outcome(status):
    outcome = attempt_of_answer(status).outcome
    if 200 <= status < 300:
        assert outcome is Outcome.DELIVERED
    elif 400 <= status < 500 and status not in (408, 425, 429):
        assert outcome is Outcome.REFUSED
    else:
        assert outcome is Outcome.NOT_NOW


def test_a_clock_that_was_set_back_holds_no_message():
    waiting = a_notification(next_attempt_at=BORN + 60)
    assert not is_due(waiting, BORN)
    assert is_due(waiting, BORN + 60)
    assert is_due(waiting, BORN - 10 * GIVE_UP_SECONDS)


def test_of_each_channel_the_oldest_goes_first_and_holds_back_the_rest():
    opened = a_notification(id="a", sequence=1, next_attempt_at=BORN + 60)
    resolved = a_notification(id="b", sequence=3)
    elsewhere = a_notification(id="c", sequence=2, channel="team")
    assert due([resolved, elsewhere, opened], BORN) == [elsewhere]
    assert due([resolved, elsewhere, opened], BORN + 60) == [opened, elsewhere]
    sent = replace(opened, state=NotificationState.SENT, next_attempt_at=None)
    assert due([resolved, sent], BORN) == [resolved]


@pytest.mark.parametrize("state", [NotificationState.FAILED, NotificationState.ABANDONED])
def test_what_was_given_up_holds_back_nothing(state):
    given_up = a_notification(id="a", state=state)
    after = a_notification(id="b", sequence=2)
    assert due([given_up, after], BORN) == [after]


@given(st.lists(st.sampled_from([NOT_NOW, DELIVERED, REFUSED]), min_size=1, max_size=5), st.data())
def test_the_later_state_wins_whichever_comes_first(attempts, data):
    states = [a_notification()]
    for attempt in attempts:
        if states[-1].pending:
            states.append(after_attempt(states[-1], attempt, now=BORN, draw=0))
    earlier = data.draw(st.integers(0, len(states) - 1))
    later = data.draw(st.integers(earlier, len(states) - 1))
    assert newer(states[earlier], states[later]) == states[later]
    assert newer(states[later], states[earlier]) == states[later]


def test_an_attempt_that_is_not_an_answer_is_tried_again():
    away = Attempt(outcome=Outcome.NOT_NOW, reason=ChannelReason.NOT_CONNECTED, message="no connection")
    assert after_attempt(a_notification(), away, now=BORN, draw=1).next_attempt_at == BORN + FIRST_RETRY_SECONDS
