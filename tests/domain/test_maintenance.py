"""When maintenance takes place, and what it takes out of budgets (semantics B2, S5)."""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.interval import Interval, merge, total_seconds
from backstop.domain.maintenance import (
    LONGEST_SECONDS,
    MaintenanceWindow,
    SLOSelector,
    exclusions_of,
    occurrences,
    stretches,
)
from backstop.domain.slo import Uid
from tests.builders import a_slo

HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True)
class Every:
    """A recurrence without a calendar."""

    seconds: float
    first: float = 0.0

    def starts(self, since):
        number = max(math.ceil((since - self.first) / self.seconds), 0)
        return (self.first + self.seconds * n for n in itertools.count(number))


def once(start, end, **changes):
    known = {"uid": Uid("w"), "namespace": "shop", "name": "w", "generation": 1}
    selector = SLOSelector(names=frozenset({"checkout"}))
    return replace(MaintenanceWindow(**known, slos=selector, start=start, end=end), **changes)


def daily(*, duration=2 * HOUR, start=0.0, end=math.inf, every=DAY, first=2 * HOUR):
    return once(start, end, recurrence=Every(every, first), duration_seconds=duration)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 1000, [(100, 200)], id="all of it"),
        pytest.param(150, 1000, [(150, 200)], id="the rest"),
        pytest.param(0, 150, [(100, 150)], id="as far as it has come"),
        pytest.param(120, 130, [(120, 130)], id="a part of it"),
        pytest.param(200, 1000, [], id="over at that moment"),
        pytest.param(0, 100, [], id="still to come at that moment"),
    ],
)
def test_a_single_window_takes_place_between_its_start_and_its_end(start, end, expected):
    assert occurrences(once(100, 200), start, end) == tuple(Interval(*pair) for pair in expected)


def test_a_schedule_comes_again_and_is_cut_at_both_ends():
    assert occurrences(daily(), 3 * HOUR, 2 * DAY + 3 * HOUR) == (
        Interval(3 * HOUR, 4 * HOUR),
        Interval(DAY + 2 * HOUR, DAY + 4 * HOUR),
        Interval(2 * DAY + 2 * HOUR, 2 * DAY + 3 * HOUR),
    )


def test_occurrences_that_overlap_or_touch_are_one():
    overlapping = daily(every=HOUR, duration=1.5 * HOUR, end=5 * HOUR)
    touching = daily(every=HOUR, duration=HOUR, end=5 * HOUR)
    assert occurrences(overlapping, 0, DAY) == occurrences(touching, 0, DAY) == (Interval(2 * HOUR, 5 * HOUR),)


def test_a_schedule_counts_from_its_start_until_its_end_only():
    window = daily(start=3 * HOUR, end=DAY + 3 * HOUR)
    assert occurrences(window, 0, 10 * DAY) == (
        Interval(3 * HOUR, 4 * HOUR),
        Interval(DAY + 2 * HOUR, DAY + 3 * HOUR),
    )


def test_a_stretch_begins_where_it_began_even_when_it_is_looked_at_later():
    morning = daily(every=HOUR, duration=1.5 * HOUR, first=0.0, end=7 * HOUR)
    assert next(stretches(morning, 5 * HOUR)) == Interval(0.0, 7 * HOUR)


def test_a_schedule_that_never_ends_is_cut_so_that_following_it_does():
    endless = daily(every=HOUR, duration=2 * HOUR)
    first, second = itertools.islice(stretches(endless, 0.0), 2)
    assert first.seconds <= LONGEST_SECONDS
    assert second.start == first.end


def test_a_schedule_without_any_time_has_none():
    assert occurrences(daily(start=DAY, end=DAY), 0, 10 * DAY) == ()


LABELS = {"team": "payments", "tier": "critical"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        pytest.param(SLOSelector(names=frozenset({"checkout"})), True, id="by name"),
        pytest.param(SLOSelector(names=frozenset({"search"})), False, id="another name"),
        pytest.param(SLOSelector(labels={"team": "payments"}), True, id="by a label"),
        pytest.param(SLOSelector(labels=LABELS), True, id="by all labels"),
        pytest.param(SLOSelector(labels=LABELS | {"region": "eu"}), False, id="a label that is missing"),
        pytest.param(SLOSelector(labels={"team": "search"}), False, id="another value"),
        pytest.param(SLOSelector(), False, id="an empty selector matches nothing"),
    ],
)
def test_a_selector_matches_by_name_or_by_all_its_labels(selector, matches):
    assert selector.matches("checkout", LABELS) is matches


def test_only_slos_of_the_own_namespace_are_concerned():
    assert exclusions_of(a_slo(), [once(0, 100)], 0, 100)
    assert not exclusions_of(a_slo(namespace="elsewhere"), [once(0, 100)], 0, 100)


def test_a_window_that_does_not_exclude_takes_nothing_out():
    assert exclusions_of(a_slo(), [once(0, 100, exclude_from_budget=False)], 0, 100) == ()


def windows():
    single = st.tuples(st.integers(0, 500), st.integers(1, 200)).map(lambda pair: once(pair[0], sum(pair)))
    recurring = st.builds(
        lambda every, duration, first, end: daily(every=every, duration=duration, first=first, end=end),
        st.integers(10, 300),
        st.integers(1, 200),
        st.integers(0, 100),
        st.integers(1, 900),
    )
    return single | recurring


MOMENTS = st.integers(0, 1000)


def moments_in(intervals):
    return {second for second in range(1000) if any(second in interval for interval in intervals)}


@given(window=windows(), start=MOMENTS, end=MOMENTS)
def test_occurrences_are_what_is_true_second_by_second(window, start, end):
    started = []
    if window.recurrence is not None:
        started = list(itertools.takewhile(lambda at: at < 1000, window.recurrence.starts(0)))
    truth = [Interval(s, s + window.duration_seconds) for s in started] or [Interval(window.start, window.end)]
    expected = {s for s in moments_in(truth) if start <= s < end and window.start <= s < window.end}
    found = occurrences(window, start, end)
    assert moments_in(found) == expected
    assert found == merge(found), "sorted, disjoint, not touching"


@given(window=windows(), a=MOMENTS, b=MOMENTS, c=MOMENTS)
def test_two_parts_of_time_make_the_whole(window, a, b, c):
    a, b, c = sorted((a, b, c))
    assert merge([*occurrences(window, a, b), *occurrences(window, b, c)]) == occurrences(window, a, c)


@given(several=st.lists(windows(), max_size=4), added=windows())
def test_adding_a_window_and_removing_it_is_the_identity(several, added):
    before = exclusions_of(a_slo(), several, 0, 1000)
    during = exclusions_of(a_slo(), [*several, added], 0, 1000)
    assert exclusions_of(a_slo(), [w for w in [*several, added] if w is not added], 0, 1000) == before
    assert moments_in(during) == moments_in(before) | moments_in(occurrences(added, 0, 1000))
    assert total_seconds(during) >= total_seconds(before)


@given(several=st.lists(windows(), max_size=4).flatmap(lambda known: st.tuples(st.just(known), st.permutations(known))))
def test_the_order_of_windows_does_not_matter(several):
    one, other = several
    assert exclusions_of(a_slo(), one, 0, 1000) == exclusions_of(a_slo(), other, 0, 1000)
