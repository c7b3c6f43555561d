"""What people say of an incident."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert_policy import Severity
from backstop.domain.incident_answers import ANSWERS, answered, spent
from backstop.domain.incident_deadlines import passed
from backstop.vocabulary import Annotation, DeadlineKind, IncidentState, TimelineKind
from tests.domain.incident_cases import NOW, SLOW, an_alert, an_incident

ACK = {Annotation.ACKNOWLEDGED_BY.value: "ann"}
RESOLVE = {Annotation.RESOLVED_BY.value: "ann", Annotation.NOTED_BY.value: "ann", Annotation.NOTE.value: "rolled back"}


def kinds(incident):
    return [entry.kind for entry in incident.timeline]


def causes(incident):
    return [n.cause for n in incident.notifications]


def test_an_acknowledgement_names_who_takes_care_and_tells_it():
    incident = answered(an_incident(), ACK, NOW + 10)
    assert (incident.state, incident.acknowledged_by, incident.acknowledged_at) == (
        IncidentState.ACKNOWLEDGED,
        "ann",
        NOW + 10,
    )
    assert causes(incident) == ["Opened", "Acknowledged"]


def test_who_has_a_long_name_is_named_by_it():
    name = "system:serviceaccount:a-namespace-with-quite-a-long-name-of-its-own:somebody-on-call"
    incident = answered(an_incident(), {Annotation.ACKNOWLEDGED_BY: name}, NOW + 10)
    assert incident.acknowledged_by == name
    assert [entry.by for entry in incident.timeline if entry.kind is TimelineKind.ACKNOWLEDGED] == [name]


def test_a_second_acknowledgement_is_refused_in_words():
    incident = answered(answered(an_incident(), ACK, NOW + 10), {Annotation.ACKNOWLEDGED_BY: "bob"}, NOW + 20)
    assert incident.acknowledged_by == "ann"
    assert (incident.timeline[-1].kind, incident.timeline[-1].by) == (TimelineKind.REFUSED, "bob")
    assert "ann takes care of it already" in incident.timeline[-1].text


def test_a_person_may_resolve_what_fires_and_that_is_recorded():
    incident = answered(an_incident(), RESOLVE, NOW + 10)
    assert incident.state is IncidentState.RESOLVED
    assert incident.resolved_by == "ann"
    assert incident.resolution == "resolved by ann, while 1 of its alerts fire: rolled back"
    assert incident.review.mitigate_seconds is None
    assert kinds(incident)[-3:] == [TimelineKind.NOTE, TimelineKind.RESOLVED, TimelineKind.DEADLINE_MET]


def test_a_note_after_the_resolution_is_kept():
    resolved = answered(an_incident(), {Annotation.RESOLVED_BY: "ann"}, NOW + 10)
    noted = answered(resolved, {Annotation.NOTED_BY: "ann", Annotation.NOTE: "it was DNS"}, NOW + 20)
    assert (noted.timeline[-1].kind, noted.timeline[-1].text) == (TimelineKind.NOTE, "it was DNS")


@pytest.mark.parametrize("wrong", ["P4", "p0", "", "P0\nP1", "<script>"])
def test_a_severity_that_is_none_is_refused(wrong):
    incident = answered(an_incident(), {Annotation.SEVERITY: wrong, Annotation.SEVERITY_BY: "ann"}, NOW)
    assert incident.severity is Severity.P0
    assert incident.timeline[-1].kind is TimelineKind.REFUSED


def test_a_person_makes_it_worse_or_less():
    incident = an_incident(an_alert(SLOW))
    worse = answered(incident, {Annotation.SEVERITY: "P1", Annotation.SEVERITY_BY: "ann"}, NOW + 10)
    assert (worse.severity, causes(worse)[-1]) == (Severity.P1, "Raised")
    less = answered(worse, {Annotation.SEVERITY: "P3", Annotation.SEVERITY_BY: "ann"}, NOW + 20)
    assert less.severity is Severity.P3
    assert causes(less) == causes(worse)
    assert not [d for d in less.deadlines if d.running]


def test_half_an_answer_waits_for_its_other_half():
    incident = an_incident()
    assert answered(incident, {Annotation.NOTED_BY: "ann"}, NOW) == incident
    assert answered(incident, {Annotation.NOTE: "text"}, NOW) == incident
    assert answered(incident, {Annotation.ACKNOWLEDGED_BY: "  "}, NOW) == incident


def test_other_annotations_are_nothing_to_it():
    incident = an_incident()
    assert answered(incident, {"example.com/acknowledged-by": "ann"}, NOW) == incident


@given(
    st.dictionaries(st.sampled_from(sorted(ANSWERS)), st.text(max_size=80)),
    st.integers(min_value=2, max_value=4),
)
def test_an_answer_that_stands_there_for_long_is_acted_on_once(annotations, times):
    first = answered(an_incident(), annotations, NOW + 1)
    incident = first
    for number in range(times):
        incident = answered(incident, annotations, NOW + 2 + number)
    assert incident == first


def test_what_was_acted_on_can_be_taken_away_and_said_again():
    note = {Annotation.NOTED_BY.value: "ann", Annotation.NOTE.value: "x" * 500}
    first = answered(an_incident(), note, NOW)
    assert spent(first, note) == frozenset(note)
    assert spent(first, note | {Annotation.NOTE.value: "newer"}) == {Annotation.NOTED_BY.value}
    gone = answered(first, {}, NOW + 1)
    assert not gone.answered.values
    assert kinds(answered(gone, note, NOW + 2)).count(TimelineKind.NOTE) == 2


def test_an_acknowledgement_in_time_meets_its_deadline_and_a_late_one_is_remembered_as_missed():
    in_time = answered(an_incident(), ACK, NOW + 300)
    (deadline,) = [d for d in in_time.deadlines if d.kind is DeadlineKind.ACKNOWLEDGE]
    assert (deadline.met_at, deadline.missed) == (NOW + 300, False)
    late = answered(passed(an_incident(), NOW + 301), ACK, NOW + 400)
    (deadline,) = [d for d in late.deadlines if d.kind is DeadlineKind.ACKNOWLEDGE]
    assert (deadline.met_at, deadline.missed) == (NOW + 400, True)
