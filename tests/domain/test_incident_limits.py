"""An incident stays small, and its names valid, whatever labels and people say (semantics S6)."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backstop.api.to_incident import new_object, to_status
from backstop.domain.alert import AlertStatus, SubjectKind
from backstop.domain.alert_policy import IncidentBy, Severity
from backstop.domain.incident import TimelineEntry
from backstop.domain.incident_answers import answered
from backstop.domain.incident_group import entry_key, group_key, name_prefix, numbered
from backstop.domain.incident_limits import with_entry
from backstop.domain.incident_retention import KEPT_COUNT, KEPT_SECONDS, overdue
from backstop.domain.incident_telling import said, told
from backstop.domain.incident_text import clean, cut, stored_bytes
from backstop.domain.incident_transitions import followed
from backstop.domain.slo import Uid
from backstop.vocabulary import MAX_TIMELINE, Annotation, NotificationCause, TimelineKind
from tests.domain.incident_cases import NOW, a_policy, a_reading, a_rule, an_alert, an_incident, now_is

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
HOSTILE = st.text(alphabet=st.sampled_from('<>&"\\\x00\x1b\n\u2028\U0001f525a|`*[]()'), max_size=3000)
WORST = ("<" * 2000, '"' * 2000, "\U0001f525" * 2000, "\x00" * 2000, "a" * 5000, "\ud800" * 300)


def as_stored(incident):
    """The object as Go's JSON encoder writes it."""
    text = json.dumps(new_object(incident) | {"status": to_status(incident)}, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return len(text.encode())


@pytest.mark.parametrize("text", WORST)
def test_an_incident_takes_at_most_256_kibibytes(text):
    rules = [a_rule(f"rule-{n}", notify=tuple(f"channel-{n}-{m}-{'x' * 200}" for m in range(16))) for n in range(32)]
    group = tuple((f"label{n}", text) for n in range(8))
    alerts = [
        an_alert(rules[n % 32], slo=f"slo-{n}-{text}", group=group, service=None, message=text) for n in range(120)
    ]
    incident = an_incident(*alerts, policy=a_policy(*rules))
    for number in range(320):
        incident = answered(incident, {Annotation.NOTED_BY: text[:400] or "x", Annotation.NOTE: f"{number}{text}"}, NOW)
        incident = told(incident, NotificationCause.RAISED, NOW)
    assert as_stored(incident) <= 256 * 1024
    assert as_stored(incident) > 30 * 1024  # it is not empty either


@given(HOSTILE, st.integers(min_value=4, max_value=500))
def test_a_text_is_cut_to_what_it_takes_when_it_is_stored(text, most):
    short = cut(text, most)
    assert stored_bytes(short) <= most
    assert clean(short) == short
    if stored_bytes(clean(text)) <= most and len(text) <= most:
        assert short == clean(text)


@given(st.text(max_size=200))
def test_what_is_stored_is_counted_as_the_server_counts_it(text):
    stored = json.dumps(clean(text), ensure_ascii=False)[1:-1]
    for character in "<>&":
        stored = stored.replace(character, f"\\u{ord(character):04x}")
    assert stored_bytes(clean(text)) == len(stored.encode())


def test_a_timeline_keeps_how_it_began_and_what_came_last_and_counts_the_rest():
    incident = an_incident()
    for number in range(1000):
        incident = said(incident, NOW + number, TimelineKind.NOTE, f"note {number}", by="ann")
    timeline = incident.timeline
    assert len(timeline) <= MAX_TIMELINE
    assert timeline[0].kind is TimelineKind.OPENED
    assert timeline[1].kind is TimelineKind.SUMMARY
    assert timeline[-1].text == "note 999"
    assert sum(entry.count for entry in timeline) == 1001
    assert f"{timeline[1].count} entries left out" in timeline[1].text


def test_a_timeline_of_long_notes_keeps_fewer():
    timeline = ()
    for number in range(200):
        entry = TimelineEntry(at=NOW + number, kind=TimelineKind.NOTE, text="x" * 1500)
        timeline = with_entry(timeline, entry)
    assert 20 < len(timeline) < 100
    assert sum(entry.count for entry in timeline) == 200


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_names_are_valid_whatever_policy_and_group_are_called(policy, uid, key):
    prefix = name_prefix(policy, uid, key)
    name = f"{prefix}-1"
    assert _NAME.fullmatch(name)
    assert len(name) <= 40 + 1 + 8 + 2
    assert numbered(name) == (prefix, 1)


def test_a_name_begins_with_that_of_its_policy():
    assert name_prefix("checkout", "uid", "service/shop").startswith("checkout-")
    assert name_prefix("a" * 39 + ".b", "uid", "k")[:40] == "a" * 39 + "-"
    assert name_prefix("checkout", "uid", "a") != name_prefix("checkout", "uid", "b")


@pytest.mark.parametrize(
    ("by", "alert", "key"),
    [
        (None, an_alert(), "service/checkout"),
        (None, an_alert(service=None), "rule/fast"),
        (IncidentBy.SERVICE, an_alert(service=None), "rule/fast"),
        (IncidentBy.SLO, an_alert(), "slo/availability"),
        (IncidentBy.RULE, an_alert(), "rule/fast"),
        (IncidentBy.TARGET, an_alert(), "target/SLO/availability"),
        (IncidentBy.GROUP, an_alert(), "group/SLO/availability"),
        (IncidentBy.GROUP, an_alert(group=(("region", "eu"),)), 'group/SLO/availability[["region","eu"]]'),
    ],
)
def test_what_shares_an_incident(by, alert, key):
    assert group_key(by, alert) == key


def test_quotes_in_labels_do_not_make_two_groups_one():
    one = an_alert(group=(("a", '1",b="2'),))
    other = an_alert(group=(("a", "1"), ("b", "2")))
    assert group_key(IncidentBy.GROUP, one) != group_key(IncidentBy.GROUP, other)
    assert entry_key(one) != entry_key(other)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(st.lists(HOSTILE, min_size=1, max_size=4), HOSTILE)
def test_hostile_labels_change_nothing_but_text(values, message):
    group = tuple((f"label{n}", value) for n, value in enumerate(values))
    hostile = an_alert(group=group, message=message)
    plain = an_alert(group=tuple((label, "x") for label, _ in group))

    def story(alert):
        incident = an_incident(alert, policy=a_policy(incident_by=IncidentBy.SERVICE))
        incident = followed(incident, a_reading(now_is(alert, AlertStatus.CLEAR, NOW + 60), at=NOW + 60))
        return (
            incident.name,
            incident.state,
            incident.severity,
            [entry.kind for entry in incident.timeline],
            [(n.id, n.channel, n.cause) for n in incident.notifications],
            incident.deadlines,
        )

    assert story(hostile) == story(plain)


def test_retention_keeps_the_newest_of_a_namespace_and_nothing_older_than_ninety_days():
    found = [(Uid(f"a{n}"), "shop", NOW - n) for n in range(KEPT_COUNT + 2)]
    found += [
        (Uid("open"), "shop", None),
        (Uid("other"), "search", NOW),
        (Uid("old"), "search", NOW - KEPT_SECONDS - 1),
    ]
    assert set(overdue(found, NOW)) == {f"a{KEPT_COUNT}", f"a{KEPT_COUNT + 1}", "old"}


def test_kinds_and_severities_are_not_texts_of_others():
    incident = an_incident(an_alert(a_rule(severity=Severity.P1)))
    assert incident.alerts[0].subject_kind is SubjectKind.SLO
