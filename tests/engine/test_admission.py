"""What is answered to the API server before it stores an object of ours."""

import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.api.crd import KINDS
from backstop.api.to_domain import to_domain
from backstop.domain.errors import SpecError
from backstop.domain.slo import RollingWindow
from backstop.engine import admission
from backstop.engine.admission import (
    KnownObjects,
    NotAReview,
    answer,
    judge,
    read_request,
    too_slow,
)
from tests.builders import a_slo

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOTHING = KnownObjects({})


def slo(**spec):
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "u-1", "generation": 1},
        "spec": {"target": 99.9, "indicator": {"ratio": {"bad": 'requests{code="500"}', "total": "requests"}}} | spec,
    }


def composite(*names):
    return slo(
        indicator={"composite": {"components": [{"slo": name} for name in names]}},
        budgeting="RatioTimeslices",
        timeslice={"length": "1m"},
    )


def review_of(body, *, operation="CREATE", before=None, kind="SLO"):
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "r-1",
            "kind": {"group": "backstop.dev", "version": "v1alpha1", "kind": kind},
            "operation": operation,
            "namespace": "shop",
            "name": "checkout",
            "userInfo": {"username": "alice"},
            "object": body,
            "oldObject": before,
        },
    }


def response(body, *, known=NOTHING, **options):
    request = read_request(json.dumps(review_of(body, **options)).encode())
    given_back = answer(request, judge(request, known, now=NOW))
    assert json.loads(json.dumps(given_back)) == given_back
    assert (given_back["apiVersion"], given_back["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert given_back["response"]["uid"] == "r-1"
    return given_back["response"]


def test_a_good_object_is_allowed_without_a_word():
    assert response(slo()) == {"uid": "r-1", "allowed": True}


WRONG = {
    "a value": slo(target=101),
    "a field": slo(targte=99),
    "several": slo(target=0, windows=[{"name": "w", "rolling": "1s"}]),
    "no spec": {**slo(), "spec": None},
    "a rule": slo(budgeting="Timeslices"),
    "PromQL": slo(indicator={"ratio": {"bad": "sum(", "total": "requests"}}),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_what_is_refused_is_refused_in_the_words_of_condition_ready(body, operation):
    refused = response(body, operation=operation, before=slo())
    with pytest.raises(SpecError) as ready:
        to_domain(body)
    assert refused["allowed"] is False
    assert refused["status"]["message"] == str(ready.value)
    assert (refused["status"]["code"], refused["status"]["reason"]) == (422, "Invalid")


def test_a_refusal_lists_every_field_with_its_path_for_clients_that_show_them_one_by_one():
    details = response(slo(target=101, windows=[]))["status"]["details"]
    assert (details["kind"], details["name"]) == ("SLO", "checkout")
    assert {cause["field"] for cause in details["causes"]} == {"spec.target", "spec.windows"}
    assert all("write" in cause["message"] for cause in details["causes"])


def test_many_wrong_fields_are_counted_once_they_are_too_many_to_list():
    causes = response(slo(**{f"x{n}": 1 for n in range(40)}))["status"]["details"]["causes"]
    assert len(causes) == 17
    assert causes[-1]["message"] == "has 24 more such fields"


def test_what_can_be_meant_and_probably_is_not_is_a_warning():
    allowed = response(
        slo(indicator={"query": {"bad": "not_known_yet(errors[$window])", "total": "increase(all[$window])"}})
    )
    assert allowed["allowed"] is True
    assert allowed["warnings"][0].startswith("spec.indicator.query.bad: ")


def test_a_component_that_does_not_exist_is_a_warning_since_it_may_come_later():
    known = KnownObjects({"SLO": frozenset({("shop", "payments"), ("other", "cart")})})
    allowed = response(composite("payments", "cart"), known=known)
    assert allowed["allowed"] is True
    (warning,) = allowed["warnings"]
    assert warning == "spec.indicator.composite.components[1].slo: there is no SLO 'cart' in shop yet"


def test_before_the_slos_are_known_nothing_is_said_to_be_missing():
    assert response(composite("payments", "cart")) == {"uid": "r-1", "allowed": True}


def test_a_maintenance_window_is_told_which_of_its_slos_are_not_there():
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "MaintenanceWindow",
        "metadata": {"name": "upgrade", "namespace": "shop"},
        "spec": {"slos": {"names": ["checkout"]}, "start": "2026-03-02T02:00:00Z", "duration": "2h"},
    }
    told = response(body, kind="MaintenanceWindow", known=KnownObjects({"SLO": frozenset()}))
    assert told["warnings"] == ["spec.slos.names[0]: there is no SLO 'checkout' in shop yet"]


def test_a_rule_that_does_not_fit_an_slo_of_the_namespace_is_warned_of_at_apply():
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "AlertPolicy",
        "metadata": {"name": "pages", "namespace": "shop"},
        "spec": {"preset": "google-sre", "presetNotify": ["team"]},
    }
    short = (RollingWindow(name="1d", seconds=86_400),)
    known = KnownObjects({}, slos=(a_slo(windows=short), a_slo(name="elsewhere", namespace="other", windows=short)))
    told = response(body, kind="AlertPolicy", known=known)
    assert told["allowed"] is True
    assert any(text.startswith("spec.preset: does not fit SLO checkout: ") for text in told["warnings"])
    assert not any("elsewhere" in text for text in told["warnings"])
    assert response(body, kind="AlertPolicy", known=KnownObjects({}, slos=(a_slo(),)))["allowed"] is True


def test_an_object_that_was_stored_while_nobody_judged_can_still_get_labels_and_lose_finalizers():
    before = slo(target=101)
    after = copy.deepcopy(before)
    after["metadata"]["labels"] = {"tier": "1"}
    allowed = response(after, operation="UPDATE", before=before)
    assert allowed["allowed"] is True
    assert allowed["warnings"][0].startswith("not followed as it is stored: spec.target: ")
    after["spec"]["service"] = "shop"
    assert response(after, operation="UPDATE", before=before)["allowed"] is False


def test_an_object_that_is_being_deleted_is_not_held_up():
    body = slo(target=101)
    body["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    assert response(body, operation="UPDATE", before=slo())["allowed"] is True


@pytest.mark.parametrize("operation", ["DELETE", "CONNECT", ""])
def test_only_creating_and_changing_is_judged(operation):
    assert response(None, operation=operation, before=slo(target=101))["allowed"] is True


def test_a_kind_of_a_newer_chart_is_stored_with_a_warning_that_nobody_follows_it():
    allowed = response({"kind": "Runbook"}, kind="Runbook")
    assert allowed["allowed"] is True
    assert "does not know the kind Runbook" in allowed["warnings"][0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("body", [None, [], "x", 1, {}, {"spec": {}}, {"spec": []}, {"metadata": 1, "spec": "x"}])
def test_whatever_is_sent_as_an_object_of_any_kind_is_refused_and_not_a_failure_of_ours(kind, body):
    refused = response(body, kind=kind.name)
    assert refused["allowed"] is False
    assert refused["status"]["reason"] == "Invalid"


def test_a_failure_of_ours_refuses_says_that_it_is_ours_and_how_to_get_by(monkeypatch, caplog):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(admission, "check_object", fail)
    refused = response(slo())
    assert refused["allowed"] is False
    assert (refused["status"]["code"], refused["status"]["reason"]) == (500, "InternalError")
    message = refused["status"]["message"]
    assert message.startswith("Backstop failed to judge SLO shop/checkout (ZeroDivisionError). This is a defect of")
    assert "failurePolicy: Ignore" in message


def test_an_object_that_takes_too_long_is_refused_with_how_long():
    request = read_request(json.dumps(review_of(slo())).encode())
    status = answer(request, too_slow(request, 2.0))["response"]["status"]
    assert "it took longer than 2 s" in status["message"]


NOT_REVIEWS = {
    "nothing": b"",
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "no map": b"[]",
    "a number too long to read": b"1" * 5000,
    "too deep": b"[" * 100_000,
    "no request": b"{}",
    "no uid": b'{"request": {"uid": ""}}',
    "a strange uid": b'{"request": {"uid": {"a": 1}}}',
}


@pytest.mark.parametrize("text", NOT_REVIEWS.values(), ids=NOT_REVIEWS)
def test_what_is_no_review_is_told_apart_from_an_object_that_is_wrong(text):
    with pytest.raises(NotAReview):
        read_request(text)


def test_nothing_that_a_caller_writes_reaches_a_terminal_as_more_than_text_or_makes_the_answer_large():
    body = slo(**{"\x1b[31m" + "x" * 100_000: 1, "a\nb": "\ud800"})
    body["metadata"]["name"] = "\x07"
    refused = response(body)
    text = json.dumps(refused, ensure_ascii=False)
    assert len(text) < 10_000
    assert all(
        character.isprintable() for cause in refused["status"]["details"]["causes"] for character in cause["message"]
    )
    assert refused["status"]["message"].isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(["target", "windows", "indicator", "groupBy", "evaluation", "workload", "timeslice"])


@given(spec=st.dictionaries(FIELDS, JSON, max_size=5), metadata=JSON)
def test_no_object_whatever_is_in_it_is_a_failure_of_ours(spec, metadata):
    body = slo()
    body["spec"] |= spec
    body["metadata"] = metadata
    told = response(body)
    assert told["allowed"] or told["status"]["reason"] == "Invalid"
