"""What a receiver reads: the document is what its schema says, whatever the incident holds."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.api.incident_message import SHOWN_ALERTS, message_body, message_schema
from backstop.domain.alert import AlertStatus, SubjectKind
from backstop.domain.alert_policy import Severity
from backstop.domain.incident import AlertEntry, Incident
from backstop.domain.notification import Notification
from backstop.domain.slo import Uid
from backstop.vocabulary import AlertReason, IncidentState

BORN = 1_800_000_000.0
NOW = datetime.fromtimestamp(BORN + 3.25, UTC)
UID = Uid("6d0f2f0e-6f3a-4a53-9a57-2f4a3c9f1d11")
NEWS = Notification(id="checkout-1-opened-1", channel="oncall", cause="Opened", created_at=BORN)


def an_alert(rule="fast-burn", *, status=AlertStatus.FIRING, severity=Severity.P0, **changes):
    known = {
        "rule": rule,
        "severity": severity,
        "subject_kind": SubjectKind.SLO,
        "subject": "checkout",
        "status": status,
        "since": BORN,
        "reason": AlertReason.BURNING,
        "message": "burn rate 120 over 1h and 118 over 5m (limit 14.4)",
    }
    return AlertEntry(**known | changes)


def an_incident(**changes):
    known = {
        "namespace": "shop",
        "name": "checkout-3f2a91bc-1",
        "title": "checkout burns its budget",
        "severity": Severity.P0,
        "policy": "checkout",
        "opened_at": BORN,
        "started_at": BORN - 60,
        "alerts": (an_alert(),),
        "alert_count": 1,
    }
    return Incident(**known | changes)


def document(incident, news=NEWS):
    read = json.loads(message_body(UID, incident, news, now=NOW))
    jsonschema.validate(read, message_schema())
    return read


def test_a_message_tells_what_how_bad_since_when_and_how_to_take_it():
    assert document(an_incident()) == {
        "version": "1",
        "id": f"{UID}-1",
        "dedupKey": UID,
        "sequence": 1,
        "cause": "Opened",
        "sentAt": "2027-01-15T08:00:03.250Z",
        "acknowledge": "backstop ack checkout-3f2a91bc-1 -n shop",
        "incident": {
            "uid": UID,
            "namespace": "shop",
            "name": "checkout-3f2a91bc-1",
            "title": "checkout burns its budget",
            "severity": "P0",
            "state": "Open",
            "policy": "checkout",
            "openedAt": "2027-01-15T08:00:00.000Z",
            "startedAt": "2027-01-15T07:59:00.000Z",
            "summary": "1 alert fires: fast-burn of SLO/checkout: burn rate 120 over 1h and 118 over 5m (limit 14.4)",
            "alerts": [
                {
                    "rule": "fast-burn",
                    "severity": "P0",
                    "status": "Firing",
                    "subjectKind": "SLO",
                    "subject": "checkout",
                    "group": {},
                    "since": "2027-01-15T08:00:00.000Z",
                    "reason": "Burning",
                    "message": "burn rate 120 over 1h and 118 over 5m (limit 14.4)",
                }
            ],
            "alertCount": 1,
        },
    }


def test_the_worst_alerts_are_listed_and_the_rest_is_counted():
    clear = an_alert("clear", status=AlertStatus.CLEAR)
    many = [an_alert(f"slow-{n}", severity=Severity.P2) for n in range(30)]
    told = document(an_incident(alerts=(clear, *many, an_alert("worst")), alert_count=40))["incident"]
    assert len(told["alerts"]) == SHOWN_ALERTS
    assert told["alerts"][0]["rule"] == "worst"
    assert told["alertCount"] == 40
    assert told["summary"].startswith("31 alerts fire: worst of ")


def test_how_it_ended_is_the_summary_of_what_is_resolved():
    ended = an_incident(state=IncidentState.RESOLVED, resolution="burn rate 0.1 for 10 minutes")
    assert document(ended)["incident"]["summary"] == "burn rate 0.1 for 10 minutes"


def test_what_a_person_opened_is_told_in_their_words():
    opened = an_incident(alerts=(), alert_count=0, policy=None, description="Payments fail")
    assert document(opened)["incident"]["summary"] == "Payments fail"
    assert "policy" not in document(opened)["incident"]


def test_the_same_name_in_another_namespace_or_later_is_another_message():
    other = json.loads(message_body(Uid("another"), an_incident(namespace="other"), NEWS, now=NOW))
    assert other["id"] != document(an_incident())["id"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=5000))
def test_whatever_texts_say_the_document_is_valid_and_bounded(text):
    hostile = an_incident(
        title=text,
        description=text,
        acknowledged_by=text,
        resolution=text,
        alerts=tuple(an_alert(message=text, subject=text, group=((f"l{n}", text),)) for n in range(20)),
    )
    body = message_body(UID, hostile, NEWS, now=NOW)
    jsonschema.validate(json.loads(body), message_schema())
    assert len(body) < 256 * 1024


@pytest.mark.parametrize("opened_at", [None, BORN])
def test_an_incident_that_was_not_taken_up_yet_is_as_old_as_its_first_message(opened_at):
    told = document(replace(an_incident(), opened_at=opened_at))
    assert told["incident"]["openedAt"] == "2027-01-15T08:00:00.000Z"
