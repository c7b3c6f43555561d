"""The calendar: exclusions that stay the same object until they change, for many SLOs."""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.interval import Interval, clip
from backstop.domain.maintenance import MaintenanceWindow, SLOSelector, exclusions_of
from backstop.domain.slo import Uid
from backstop.engine.maintenance_calendar import MaintenanceCalendar
from tests.builders import a_slo
from tests.domain.test_maintenance import Every

DAY = 86_400.0
NAMES = SLOSelector(names=frozenset({"checkout"}))


def a_window(uid="w", *, start=0.0, end=math.inf, **changes):
    known = {"uid": Uid(uid), "namespace": "shop", "name": uid, "generation": 1, "slos": NAMES}
    return MaintenanceWindow(**(known | {"start": start, "end": end} | changes))


def nightly(uid="w", *, at=7200.0, duration=3600.0, **changes):
    return a_window(uid, recurrence=Every(DAY, at), duration_seconds=duration, **changes)


@dataclass
class CountingRecurrence:
    asked: int = 0

    def starts(self, since):
        self.asked += 1
        return Every(DAY, 7200.0).starts(since)


@pytest.fixture
def calendar():
    return MaintenanceCalendar()


def test_without_a_window_nothing_is_excluded(calendar):
    assert calendar.exclusions(a_slo(), 0, DAY) == ()


def test_exclusions_are_whole_even_where_they_reach_beyond_what_was_asked_for(calendar):
    calendar.put(a_window(start=100, end=200))
    assert calendar.exclusions(a_slo(), 150, 160) == (Interval(100, 200),)


def test_what_is_still_to_come_is_left_out(calendar):
    calendar.put(nightly())
    assert calendar.exclusions(a_slo(), -DAY, 7200) == ()
    assert calendar.exclusions(a_slo(), -DAY, 7201) == (Interval(7200, 10800),)


def test_the_answer_is_the_same_object_until_the_next_stretch_begins_or_the_oldest_is_left_behind(calendar):
    calendar.put(nightly())
    slo = a_slo()
    first = calendar.exclusions(slo, 0, 8000)
    assert calendar.exclusions(slo, 1000, DAY + 7200) is first
    second = calendar.exclusions(slo, 2000, DAY + 7201)
    assert second == (*first, Interval(DAY + 7200, DAY + 10800))
    assert calendar.exclusions(slo, 10800, DAY + 8000) == second[1:]


def test_overlapping_windows_count_once(calendar):
    calendar.put(a_window("a", start=100, end=200))
    calendar.put(a_window("b", start=150, end=300))
    calendar.put(a_window("c", start=500, end=600))
    assert calendar.exclusions(a_slo(), 0, 1000) == (Interval(100, 300), Interval(500, 600))


def test_a_change_and_a_removal_are_seen_at_the_next_question(calendar):
    slo = a_slo()
    calendar.put(a_window(start=100, end=200))
    assert calendar.exclusions(slo, 0, 1000)
    calendar.put(a_window(start=100, end=150))
    assert calendar.exclusions(slo, 0, 1000) == (Interval(100, 150),)
    calendar.remove(Uid("w"))
    assert calendar.exclusions(slo, 0, 1000) == ()


def test_an_slo_with_other_labels_is_judged_anew(calendar):
    calendar.put(a_window(start=100, end=200, slos=SLOSelector(labels={"team": "payments"})))
    slo = a_slo()
    assert calendar.exclusions(slo, 0, 1000) == ()
    assert calendar.exclusions(replace(slo, labels={"team": "payments"}), 0, 1000) == (Interval(100, 200),)


def test_a_longer_look_back_finds_what_a_shorter_one_did_not(calendar):
    calendar.put(nightly())
    slo = a_slo()
    assert len(calendar.exclusions(slo, 9 * DAY, 10 * DAY)) == 1
    assert len(calendar.exclusions(slo, 0, 10 * DAY)) == 10


def test_a_schedule_is_worked_out_once_for_all_slos_and_ticks(calendar):
    recurrence = CountingRecurrence()
    calendar.put(a_window(recurrence=recurrence, duration_seconds=60.0, slos=SLOSelector(labels={"a": "b"})))
    slos = [a_slo(uid=Uid(f"u{n}"), labels={"a": "b"}) for n in range(100)]
    for tick in range(100):
        for slo in slos:
            at = 30 * DAY + tick * 3600
            assert calendar.exclusions(slo, at - 30 * DAY, at)
    assert recurrence.asked == 1


def test_slos_of_the_same_windows_share_one_answer(calendar):
    calendar.put(nightly("a"))
    calendar.put(nightly("b", at=9000.0))
    one = calendar.exclusions(a_slo(uid=Uid("1")), 0, 10 * DAY)
    other = calendar.exclusions(a_slo(uid=Uid("2")), 1, 10 * DAY + 1)
    assert one is other
    assert len(one) == 10
    assert calendar.exclusions(a_slo(uid=Uid("3")), 5 * DAY, 10 * DAY) == one[5:]


def test_an_slo_that_is_gone_is_forgotten(calendar):
    calendar.put(a_window(start=100, end=200))
    calendar.exclusions(a_slo(), 0, 1000)
    calendar.forget(Uid("uid-1"))
    assert calendar._answers == {}


def test_the_timeline_of_a_window_has_what_began_and_what_comes_next(calendar):
    calendar.put(nightly())
    begun, coming = calendar.timeline(Uid("w"), 0, DAY + 7200)
    assert begun == (Interval(7200, 10800), Interval(DAY + 7200, DAY + 10800))
    assert coming == Interval(2 * DAY + 7200, 2 * DAY + 10800)
    assert calendar.timeline(Uid("gone"), 0, DAY) == ((), None)


@given(
    windows=st.lists(
        st.builds(
            lambda at, duration, end: nightly(f"{at}-{duration}-{end}", at=at, duration=duration, end=end),
            st.integers(0, 80_000).map(float),
            st.integers(1, 100_000).map(float),
            st.sampled_from([math.inf, 3 * DAY, 5.5 * DAY]),
        ),
        max_size=3,
        unique_by=lambda window: window.uid,
    ),
    steps=st.lists(st.integers(0, 40_000), min_size=1, max_size=20),
)
def test_it_answers_what_the_definition_says_however_time_passes(windows, steps):
    calendar, slo = MaintenanceCalendar(), a_slo()
    for window in windows:
        calendar.put(window)
    for end in itertools.accumulate(steps):
        found = calendar.exclusions(slo, end - 2 * DAY, end)
        assert clip(found, end - 2 * DAY, end) == exclusions_of(slo, windows, end - 2 * DAY, end)
