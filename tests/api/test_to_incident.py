"""An incident and its object are the same thing."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backstop.api.crd import INCIDENT, crd
from backstop.api.to_incident import check_incident, new_object, to_incident, to_status
from backstop.api.v1alpha1.incident_status import IncidentStatus
from backstop.domain.alert import AlertStatus
from backstop.domain.alert_policy import Severity
from backstop.domain.errors import SpecError
from backstop.domain.incident_answers import answered
from backstop.domain.incident_deadlines import passed
from backstop.domain.incident_telling import said
from backstop.domain.incident_transitions import Reading, followed, looked_after
from backstop.vocabulary import Annotation, IncidentState, TimelineKind
from tests.domain.incident_cases import (
    BLIND,
    FAST,
    NOW,
    SLOW,
    a_policy,
    a_reading,
    an_alert,
    an_incident,
    now_is,
)


def a_body(**spec):
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": "payments-x", "namespace": "shop", "uid": "u", "generation": 1},
        "spec": {"title": "Payments fail", "severity": "P1"} | spec,
    }


def stored_and_read(incident):
    """The incident after a restart."""
    body = new_object(incident)
    body["metadata"] |= {"uid": "u", "generation": incident.generation}
    body["status"] = to_status(incident)
    return to_incident(json.loads(json.dumps(body)))


def lived():
    alerts = (an_alert(FAST, group=(("region", "eu"),), since=NOW + 0.12345), an_alert(BLIND))
    incident = passed(an_incident(*alerts, at=NOW + 0.98765), NOW + 400)
    incident = answered(incident, {Annotation.ACKNOWLEDGED_BY: "ann"}, NOW + 401.5)
    incident = answered(incident, {Annotation.NOTED_BY: "ann", Annotation.NOTE: "x" * 900}, NOW + 500.0001)
    lost = now_is(alerts[0], AlertStatus.FIRING, NOW + 0.12345, unknown_since=NOW + 600)
    incident = followed(incident, a_reading(lost, at=NOW + 600))
    return looked_after(incident, NOW + 90_000)


@pytest.mark.parametrize("incident", [an_incident(), passed(an_incident(), NOW + 1e6), lived()])
def test_what_is_stored_is_what_is_read(incident):
    assert stored_and_read(incident) == incident


def test_what_a_person_writes_is_read_and_not_taken_up_yet():
    incident = to_incident(a_body(service="checkout"))
    assert (incident.title, incident.severity, incident.service) == ("Payments fail", Severity.P1, "checkout")
    assert incident.opened_at is None


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"severity": "P4"}, "spec.severity"),
        ({"title": ""}, "spec.title"),
        ({"title": "x" * 401}, "spec.title"),
        ({"policy": "Not A Name"}, "spec.policy"),
        ({"status": "Open"}, "spec.status"),
        ({"description": 3}, "spec.description"),
    ],
)
def test_a_wrong_field_is_named_with_its_fix(spec, path):
    with pytest.raises(SpecError) as caught:
        to_incident(a_body(**spec))
    assert caught.value.path == path


@pytest.mark.parametrize(
    "body", [None, 3, [], {}, {"metadata": 3}, a_body() | {"spec": None}, a_body() | {"kind": "SLO"}]
)
def test_what_is_no_incident_is_refused_in_words(body):
    assert check_incident(body).problems
    with pytest.raises(SpecError):
        to_incident(body)


@pytest.mark.parametrize(
    "status",
    [
        {"openedAt": "2026-12-05T02:03:00Z", "state": "Broken"},
        {"openedAt": "yesterday"},
        {"openedAt": "2026-12-05T02:03:00Z", "alerts": [{"rule": "x"}]},
        {"openedAt": "2026-12-05T02:03:00Z", "timeline": "none"},
    ],
)
def test_a_status_that_cannot_be_read_is_refused_rather_than_overwritten(status):
    with pytest.raises(SpecError, match="status"):
        to_incident(a_body() | {"status": status})


def test_the_server_may_choose_the_name():
    body = a_body()
    body["metadata"] = {"generateName": "payments-fail-"}
    assert not check_incident(body).problems
    assert check_incident(a_body() | {"metadata": {}}).problems


def test_a_status_without_an_opening_is_not_taken_up_yet():
    assert to_incident(a_body() | {"status": {"conditions": []}}).opened_at is None
    assert to_incident(a_body() | {"status": {}}).opened_at is None


def test_every_status_fits_the_schema():
    for incident in (an_incident(), lived()):
        IncidentStatus.model_validate(to_status(incident))


def test_the_definition_has_a_status_of_its_own():
    (version,) = crd(INCIDENT)["spec"]["versions"]
    assert version["subresources"] == {"status": {}}


STATUSES = st.sampled_from(list(AlertStatus))


@st.composite
def readings(draw):
    """A story: what three alerts are at each of some moments, each changing now and then."""
    alerts = [an_alert(FAST), an_alert(SLOW), an_alert(BLIND, slo="latency")]
    at, story = NOW, []
    for _ in range(draw(st.integers(min_value=1, max_value=8))):
        at += draw(st.sampled_from([1.0, 60.0, 301.0, 1000.0, 2000.0]))
        for index in range(3):
            if draw(st.booleans()):
                alerts[index] = now_is(alerts[index], draw(STATUSES), at)
        told = draw(st.permutations(alerts))
        story.append((tuple(told), at))
    return story


def lived_through(story, *, order=tuple, again=1, restarts=False):
    policy = a_policy()
    incident = an_incident(an_alert(FAST), an_alert(SLOW))
    for alerts, at in story:
        reading = a_reading(*order(alerts), at=at, policy=policy)
        for _ in range(again):
            incident = passed(looked_after(followed(incident, reading), at), at)
            if restarts:
                incident = stored_and_read(incident)
    return incident


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(readings())
def test_order_repetition_and_restarts_make_no_difference(story):
    plain = lived_through(story)
    assert lived_through(story, order=lambda alerts: tuple(reversed(alerts))) == plain
    assert lived_through(story, again=3) == plain
    assert lived_through(story, restarts=True) == plain
    assert lived_through(story, order=lambda alerts: tuple(sorted(alerts, key=repr)), again=2, restarts=True) == plain


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(readings())
def test_it_is_resolved_only_with_a_reason_and_never_while_something_fires(story):
    incident = an_incident(an_alert(FAST), an_alert(SLOW))
    for alerts, at in story:
        reading: Reading = a_reading(*alerts, at=at)
        incident = followed(incident, reading)
        if incident.state is IncidentState.RESOLVED and incident.resolved_at == at:
            assert not reading.firing
            assert incident.resolution
            named = {entry.key: entry for entry in incident.alerts}
            assert all(entry.over for entry in named.values())
        kinds = [entry.kind for entry in incident.timeline]
        assert kinds.count(TimelineKind.RESOLVED) - kinds.count(TimelineKind.REOPENED) in (0, 1)


def test_texts_that_are_cut_stay_the_same_when_they_are_read():
    incident = said(an_incident(), NOW, TimelineKind.NOTE, '\U0001f525<"' * 2000, by="x" * 2000)
    assert stored_and_read(incident) == incident
