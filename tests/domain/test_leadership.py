"""The election: each decision as a row, and one promise over all schedules: never two leaders at once."""

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from backstop.domain.leadership import (
    Candidacy,
    LeaseAction,
    LeaseReason,
    LeaseRecord,
    LeaseSettings,
    decide,
    next_transitions,
)

SETTINGS = LeaseSettings(duration=15, renew_deadline=10, retry_period=2)
RECORD = LeaseRecord(uid="lease", holder="other", duration=15, transitions=3, renewed="2026-01-01T00:00:00.000000Z")
MINE = replace(RECORD, holder="me")


def a_candidate(**changes):
    return replace(Candidacy(identity="me", settings=SETTINGS, record=RECORD, changed_at=100.0), **changes)


def a_leader(**changes):
    return a_candidate(**{"record": MINE, "renewed_at": 100.0} | changes)


@pytest.mark.parametrize(
    ("me", "now", "action", "reason", "recheck_in"),
    [
        pytest.param(
            a_candidate(record=None), 100, LeaseAction.ACQUIRE, LeaseReason.NO_LEASE, 0, id="no lease: create it"
        ),
        pytest.param(
            a_candidate(record=replace(RECORD, holder="")),
            100,
            LeaseAction.ACQUIRE,
            LeaseReason.RELEASED,
            0,
            id="a released lease is free at once",
        ),
        pytest.param(
            a_candidate(), 114.9, LeaseAction.WAIT, LeaseReason.HELD_BY_OTHER, 0.1, id="not expired: wait out the rest"
        ),
        pytest.param(a_candidate(), 115, LeaseAction.ACQUIRE, LeaseReason.EXPIRED, 0, id="unchanged for its duration"),
        pytest.param(
            a_candidate(record=replace(RECORD, duration=60)),
            120,
            LeaseAction.WAIT,
            LeaseReason.HELD_BY_OTHER,
            40,
            id="the holder's duration counts, not ours",
        ),
        pytest.param(
            a_candidate(record=replace(RECORD, duration=None)),
            114,
            LeaseAction.WAIT,
            LeaseReason.HELD_BY_OTHER,
            1,
            id="a record without a duration is given ours",
        ),
        pytest.param(
            a_candidate(record=MINE),
            100,
            LeaseAction.ACQUIRE,
            LeaseReason.OWN_RECORD,
            0,
            id="an answer of ours was lost",
        ),
        pytest.param(a_leader(), 101.5, LeaseAction.WAIT, LeaseReason.LEADING, 0.5, id="renewed a moment ago"),
        pytest.param(a_leader(), 102, LeaseAction.RENEW, LeaseReason.RENEW_DUE, 0, id="renewal is due"),
        pytest.param(
            a_leader(), 110, LeaseAction.STEP_DOWN, LeaseReason.DEADLINE_PASSED, 0, id="renewals failed for too long"
        ),
        pytest.param(
            a_leader(record=RECORD),
            101,
            LeaseAction.STEP_DOWN,
            LeaseReason.TAKEN_OVER,
            0,
            id="another name stands there",
        ),
        pytest.param(
            a_leader(record=None), 101, LeaseAction.STEP_DOWN, LeaseReason.LEASE_GONE, 0, id="the lease was deleted"
        ),
    ],
)
def test_what_a_replica_does_next(me, now, action, reason, recheck_in):
    decision = decide(me, now=now)
    assert (decision.action, decision.reason) == (action, reason)
    assert decision.recheck_in == pytest.approx(recheck_in)


def test_seeing_the_same_record_again_does_not_prolong_the_wait():
    assert a_candidate().saw(RECORD, now=110.0).changed_at == 100.0


def test_a_renewed_record_starts_the_wait_anew():
    assert a_candidate().saw(replace(RECORD, renewed="later"), now=110.0).changed_at == 110.0


def test_a_time_stamp_from_the_future_or_the_past_changes_nothing():
    for stamp in ("1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", "", "not a time"):
        me = a_candidate(record=None).saw(replace(RECORD, renewed=stamp), now=100.0)
        assert decide(me, now=114.0).action is LeaseAction.WAIT
        assert decide(me, now=115.0).action is LeaseAction.ACQUIRE


def test_leading_counts_from_when_the_renewal_was_sent_not_from_its_answer():
    me = a_candidate().wrote(MINE, sent_at=100.0, now=108.0)
    assert me.leads_at(109.9)
    assert not me.leads_at(110.0)


def test_every_term_has_a_token_of_its_own():
    first = a_candidate().wrote(replace(MINE, transitions=next_transitions(RECORD)), sent_at=1.0, now=1.0)
    again = first.stepped_down()
    second = again.wrote(replace(MINE, transitions=next_transitions(again.record)), sent_at=2.0, now=2.0)
    assert again.token is None
    assert first.token is not None
    assert second.token is not None
    assert first.token != second.token


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": 10.0},
        {"renew_deadline": 15.0},
        {"retry_period": 10.0},
        {"retry_period": 0.0},
        {"duration": 15.5},
        {"duration": float("nan")},
    ],
)
def test_times_that_would_break_the_promise_are_refused(wrong):
    with pytest.raises(ValueError, match="lease duration"):
        LeaseSettings(**wrong)


@dataclass
class Write:
    """A write on its way: to the server, or (once `landed`) its answer on the way back."""

    record: LeaseRecord
    expected_version: int
    sent_at: float  # by the sender's clock
    landed: int | None = None  # the version that it became


@dataclass
class Replica:
    """A process with a clock of its own: another zero, and up to 10 % faster or slower."""

    offset: float
    rate: float
    me: Candidacy
    writing: Write | None = None
    read_version: int = 0

    def clock(self, true_time: float) -> float:
        return self.offset + self.rate * true_time


class Election:
    """Replicas that read, write, lose answers, hang, give up and die in a random order, and what the server stores.

    The server does what the API server does with a Lease: it compares the version, then stores.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.stamps = 0
        self.record: LeaseRecord | None = None
        self.version = 0
        self.given_up: list[Write] = []  # may still land
        clocks = [(0.0, 1.0), (1e6, 0.9), (-50.0, 1.1)]
        self.replicas = [
            Replica(o, r, Candidacy(identity=f"r{n}", settings=SETTINGS)) for n, (o, r) in enumerate(clocks)
        ]

    def leaders(self) -> list[str]:
        return [r.me.identity for r in self.replicas if r.me.leads_at(r.clock(self.now))]

    def step(self) -> None:
        self.now += self.random.choices([0, 0.1, 0.5, 2, 5, 9, 12], weights=[5, 5, 5, 1, 0.5, 0.5, 0.5])[0]
        replica = self.random.choice(self.replicas)
        happening = self.random.choices(
            [self._turn, self._land, self._answer, self._give_up, self._land_late, self._die, self._release],
            weights=[10, 6, 5, 1, 1, 0.2, 0.3],
        )[0]
        happening(replica)

    def _turn(self, replica: Replica) -> None:
        if replica.writing is not None:
            return
        if self.random.random() < 0.8:
            replica.me = replica.me.saw(self.record, now=replica.clock(self.now))
            replica.read_version = self.version
        now = replica.clock(self.now)
        decision = decide(replica.me, now=now)
        if decision.action is LeaseAction.STEP_DOWN:
            replica.me = replica.me.stepped_down()
        if decision.action in (LeaseAction.ACQUIRE, LeaseAction.RENEW):
            old = replica.me.record
            new_term = decision.action is LeaseAction.ACQUIRE
            self.stamps += 1
            record = LeaseRecord(
                uid="lease",
                holder=replica.me.identity,
                duration=SETTINGS.duration,
                transitions=next_transitions(old) if new_term or old is None else old.transitions,
                renewed=str(self.stamps),
            )
            replica.writing = Write(record, replica.read_version, now)

    def _store(self, write: Write) -> None:
        if write.expected_version == self.version:
            self.record, self.version = write.record, self.version + 1
            write.landed = self.version

    def _land(self, replica: Replica) -> None:
        if replica.writing is not None and replica.writing.landed is None:
            self._store(replica.writing)
            if replica.writing.landed is None:
                replica.writing = None  # refused with a conflict: read again, decide again

    def _answer(self, replica: Replica) -> None:
        write = replica.writing
        if write is not None and write.landed is not None:
            replica.me = replica.me.wrote(write.record, sent_at=write.sent_at, now=replica.clock(self.now))
            replica.read_version, replica.writing = write.landed, None

    def _give_up(self, replica: Replica) -> None:
        if replica.writing is not None:
            self.given_up.append(replica.writing)
            replica.writing = None

    def _land_late(self, _: Replica) -> None:
        if self.given_up:
            self._store(self.given_up.pop(0))

    def _die(self, replica: Replica) -> None:
        self.stamps += 1
        replica.me = Candidacy(identity=f"{replica.me.identity}-{self.stamps}", settings=SETTINGS)
        replica.writing, replica.read_version = None, -1

    def _release(self, replica: Replica) -> None:
        if replica.me.renewed_at is not None and replica.writing is None and replica.me.record is not None:
            released = replace(replica.me.record, holder="", duration=1)
            replica.me = replica.me.stepped_down()
            self._store(Write(released, replica.read_version, 0.0))


@given(seed=st.integers(0, 2**32))
@hypothesis_settings(max_examples=300, deadline=None)
def test_there_are_never_two_leaders_over_any_schedule_of_delays_losses_and_deaths(seed):
    election = Election(seed)
    for _ in range(300):
        election.step()
        leaders = election.leaders()
        assert len(leaders) <= 1, f"two leaders at {election.now}: {leaders}"


def test_the_schedules_above_do_have_leaders_and_changes_of_leaders():
    led = set()
    election = Election(seed=1)
    for _ in range(2000):
        election.step()
        led.update(election.leaders())
    assert len(led) > 5
