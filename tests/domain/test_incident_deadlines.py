"""Deadlines of an incident: met or missed, once each."""

from dataclasses import replace

import pytest

from backstop.domain.alert import AlertStatus
from backstop.domain.alert_policy import Severity
from backstop.domain.incident_answers import answered
from backstop.domain.incident_deadlines import next_due, passed
from backstop.domain.incident_transitions import followed
from backstop.vocabulary import Annotation, DeadlineKind, TimelineKind
from tests.domain.incident_cases import NOW, SLOW, a_policy, a_reading, a_rule, an_alert, an_incident, now_is

ACKNOWLEDGE, UPDATE, RESOLVE = DeadlineKind.ACKNOWLEDGE, DeadlineKind.UPDATE, DeadlineKind.RESOLVE


def due(incident):
    return {d.kind: d.due - NOW for d in incident.deadlines if d.running}


def missed(incident):
    return [entry.text for entry in incident.timeline if entry.kind is TimelineKind.DEADLINE_MISSED]


def test_deadlines_count_from_the_opening_by_severity():
    assert due(an_incident()) == {ACKNOWLEDGE: 300, UPDATE: 1800, RESOLVE: 7200}
    assert due(an_incident(an_alert(SLOW))) == {ACKNOWLEDGE: 3600}


def test_a_rule_may_have_deadlines_of_its_own():
    own = a_rule(acknowledge_within_seconds=60.0, resolve_within_seconds=90_000.0)
    assert due(an_incident(an_alert(own), policy=a_policy(own))) == {ACKNOWLEDGE: 60, UPDATE: 1800, RESOLVE: 90_000}


def test_of_several_rules_the_shortest_counts():
    patient = a_rule("patient", Severity.P0, acknowledge_within_seconds=3600.0)
    policy = a_policy(patient, a_rule())
    assert due(an_incident(an_alert(patient), an_alert(a_rule()), policy=policy))[ACKNOWLEDGE] == 300


@pytest.mark.parametrize(("at", "count"), [(299.0, 0), (300.0, 1), (301.0, 1)])
def test_a_deadline_is_missed_when_it_is_due(at, count):
    assert len(missed(passed(an_incident(), NOW + at))) == count


def test_a_deadline_is_missed_and_told_once():
    incident = an_incident()
    for at in (301, 302, 303):
        incident = passed(incident, NOW + at)
    assert missed(incident) == ["not acknowledged in time"]
    assert [n.cause for n in incident.notifications] == ["Opened", "DeadlineMissed"]


def test_all_deadlines_that_passed_while_nobody_looked_are_missed():
    incident = passed(an_incident(), NOW + 100_000)
    assert sorted(missed(incident)) == ["not acknowledged in time", "not resolved in time", "not updated in time"]
    assert next_due(incident) is None


def test_who_says_how_it_goes_is_asked_again_later():
    incident = answered(an_incident(), {Annotation.NOTED_BY: "ann", Annotation.NOTE: "looking"}, NOW + 1000)
    assert due(incident)[UPDATE] == 2800
    late = passed(incident, NOW + 2800)
    again = answered(late, {Annotation.NOTED_BY: "ann", Annotation.NOTE: "still"}, NOW + 3000)
    assert due(again)[UPDATE] == 4800
    assert [d.missed for d in again.deadlines if d.kind is UPDATE] == [True, False]


def test_raising_gives_no_more_time_than_there_was():
    policy = a_policy(a_rule(), a_rule("slow", Severity.P2, acknowledge_within_seconds=400.0))
    incident = an_incident(an_alert(SLOW), policy=policy)
    reading = a_reading(an_alert(SLOW), an_alert(since=NOW + 300), at=NOW + 300)
    assert due(followed(incident, reading))[ACKNOWLEDGE] == 400
    soon = a_reading(an_alert(SLOW), an_alert(since=NOW + 50), at=NOW + 50)
    assert due(followed(incident, soon)) == {ACKNOWLEDGE: 350, UPDATE: 1850, RESOLVE: 7250}


def test_resolving_ends_all_deadlines_and_none_is_missed_after_it():
    over = followed(an_incident(), a_reading(now_is(an_alert(), AlertStatus.CLEAR, NOW + 60), at=NOW + 60))
    assert next_due(over) is None
    assert passed(over, NOW + 100_000) == over
    assert not any(d.missed for d in over.deadlines)


def test_reopening_begins_anew_and_remembers_what_was_missed():
    incident = passed(an_incident(), NOW + 301)
    over = followed(incident, a_reading(now_is(an_alert(), AlertStatus.CLEAR, NOW + 400), at=NOW + 400))
    again = followed(over, a_reading(now_is(an_alert(), AlertStatus.FIRING, NOW + 500), at=NOW + 500))
    assert due(again) == {ACKNOWLEDGE: 800, UPDATE: 2300, RESOLVE: 7700}
    assert sum(d.missed for d in again.deadlines) == 1


def test_an_incident_without_a_plan_has_no_deadlines():
    assert next_due(replace(an_incident(), deadlines=())) is None
