"""How many values of a label are judged: bounded, the ones that matter, and never one that fires already dropped."""

from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert import Finding, Subject, SubjectKind
from backstop.engine.rule_targets import MAX_TARGETS, bounded_targets
from backstop.vocabulary import AlertReason

REASONS = {
    True: AlertReason.THRESHOLD_CROSSED,
    False: AlertReason.THRESHOLD_NOT_CROSSED,
    None: AlertReason.EVIDENCE_UNKNOWN,
}


def a_target(number):
    return Subject(kind=SubjectKind.TARGET, name=f"pod-{number:04d}")


def a_finding(holds):
    return Finding(holds=holds, reason=REASONS[holds], message="")


def test_as_many_as_the_limit_are_all_judged():
    found = {a_target(n): a_finding(holds=True) for n in range(MAX_TARGETS)}
    assert bounded_targets(found, ()) == (found, 0)


def test_values_that_are_well_are_left_out_first_and_need_no_word():
    found = {a_target(n): a_finding(holds=n == 500) for n in range(600)}
    kept, left_out = bounded_targets(found, ())
    assert (a_target(500) in kept, len(kept), left_out) == (True, MAX_TARGETS, 0)


def test_values_that_hold_beyond_the_limit_are_counted():
    found = {a_target(n): a_finding(holds=True) for n in range(130)}
    kept, left_out = bounded_targets(found, ())
    assert (len(kept), left_out) == (100, 30)


def test_a_value_whose_alert_fires_stays_among_many_that_came_later():
    found = {a_target(n): a_finding(holds=True) for n in range(300)}
    kept, _ = bounded_targets(found, [a_target(299)])
    assert a_target(299) in kept


def test_what_is_told_of_the_rule_itself_stays():
    whole = Subject(kind=SubjectKind.QUERY, name="restarts")
    found = {a_target(n): a_finding(holds=True) for n in range(300)} | {whole: a_finding(holds=None)}
    assert whole in bounded_targets(found, ())[0]


@given(
    holds=st.lists(st.sampled_from([True, False, None]), max_size=30),
    firing=st.sets(st.integers(0, 29), max_size=10),
    limit=st.integers(1, 12),
)
def test_no_value_that_fires_is_dropped_and_the_rest_is_bounded(holds, firing, limit):
    found = {a_target(n): a_finding(each) for n, each in enumerate(holds)}
    known = {a_target(n) for n in firing}
    kept, left_out = bounded_targets(found, known, limit=limit)
    assert known & found.keys() <= kept.keys()
    assert len(kept) <= max(limit, len(known))
    assert left_out == sum(1 for subject in found.keys() - kept.keys() if found[subject].holds is not False)
    if any(found[subject].holds is False for subject in kept.keys() - known):
        assert left_out == 0
