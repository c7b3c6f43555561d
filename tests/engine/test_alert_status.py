"""The status of an AlertPolicy stays within what an object may hold, and is read back as it was written."""

import json
from datetime import UTC, datetime

from backstop.domain.alert import AlertStatus, Finding, Subject, SubjectKind
from backstop.domain.alert_policy import AlertPolicy, NoData, Rule, Severity
from backstop.domain.slo import Uid
from backstop.engine.alert_book import AlertBook
from backstop.engine.alert_status import policy_changed, policy_status
from backstop.vocabulary import SHOWN_ALERTS, AlertReason

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
AT = NOW.timestamp()
RULE = Rule(name="blind", severity=Severity.P1, when=NoData(for_seconds=0.0))
HOLDS = Finding(holds=True, reason=AlertReason.DATA_LOST, message="no data", started_at=AT - 60)


def a_book(*subjects, finding=HOLDS):
    book = AlertBook(AlertPolicy(uid=Uid("uid"), namespace="shop", name="shop", generation=1, slos=None, rules=(RULE,)))
    for subject in subjects:
        book.found(RULE, subject, finding, at=AT)
    return book


def status_of(book, previous=None):
    return policy_status(book, {}, {}, generation=1, previous=previous, now=NOW)


def subjects(count, **fields):
    return [Subject(kind=SubjectKind.SLO, name=f"slo-{n:04}", **fields) for n in range(count)]


def test_what_is_written_is_read_back_as_it_was():
    group = (("code", "5xx"), ("region", "eu"))
    book = a_book(Subject(kind=SubjectKind.SLO, name="checkout", group=group, service="shop"))
    again = a_book()
    again.restore(json.loads(json.dumps(status_of(book))))
    (was,), (now,) = list(book), list(again)
    assert now.subject == was.subject
    assert (now.state.status, now.state.since, now.state.started_at) == (AlertStatus.FIRING, AT, AT - 60)


def test_only_so_many_alerts_are_shown_and_all_are_counted():
    status = status_of(a_book(*subjects(SHOWN_ALERTS + 50)))
    assert len(status["alerts"]) == SHOWN_ALERTS
    assert status["alertCounts"]["firing"] == SHOWN_ALERTS + 50


def test_alerts_with_the_longest_texts_fit_into_an_object():
    group = tuple((f"label_{n}", "é" * 128) for n in range(8))
    long = Finding(holds=True, reason=AlertReason.DATA_LOST, message="é" * 5000)
    status = status_of(a_book(*subjects(SHOWN_ALERTS, group=group), finding=long))
    assert len(json.dumps(status, ensure_ascii=False).encode()) < 256 * 1024
    assert len(status["alerts"]) > 20


def test_what_fires_is_shown_before_what_is_pending_and_the_worst_of_it_first():
    book = a_book(*subjects(3))
    mild = Rule(name="mild", severity=Severity.P3, when=NoData(for_seconds=0.0))
    book.found(mild, Subject(kind=SubjectKind.SLO, name="aaa"), HOLDS, at=AT - 1000)
    pending = Rule(name="later", severity=Severity.P0, when=NoData(for_seconds=600.0))
    book.found(pending, Subject(kind=SubjectKind.SLO, name="aaa"), HOLDS, at=AT)
    assert [alert["severity"] for alert in status_of(book)["alerts"]] == ["P1", "P1", "P1", "P3", "P0"]


def test_an_alert_that_comes_is_news_and_other_words_are_not():
    few, more = status_of(a_book(*subjects(1))), status_of(a_book(*subjects(2)))
    assert policy_changed(few, more)
    other_words = Finding(holds=True, reason=AlertReason.DATA_LOST, message="other words")
    assert not policy_changed(few, status_of(a_book(*subjects(1), finding=other_words)))


def test_an_entry_that_is_no_alert_is_left_out_and_the_others_are_read():
    status = status_of(a_book(*subjects(2)))
    for odd in ({"rule": "x"}, 7, {**status["alerts"][0], "status": "Maybe"}, {**status["alerts"][0], "since": "soon"}):
        again = a_book()
        again.restore({"alerts": [odd, status["alerts"][1]]})
        assert [alert.subject.name for alert in again] == ["slo-0001"]


def test_subjects_that_are_gone_are_clear_and_that_is_why():
    book = a_book(*subjects(2))
    book.gone([("blind", "SLO/slo-0000")], kinds=frozenset({SubjectKind.SLO}), at=AT + 1)
    states = {alert.subject.name: alert.state for alert in book}
    assert (states["slo-0001"].status, states["slo-0001"].reason) == (AlertStatus.CLEAR, AlertReason.SUBJECT_GONE)
    assert states["slo-0000"].status is AlertStatus.FIRING
