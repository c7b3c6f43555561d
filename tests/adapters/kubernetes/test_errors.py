"""Answers of the API server as errors of the domain."""

import json

import pytest

from backstop.adapters.kubernetes.calls import SLOS, ApiCall, Verb
from backstop.adapters.kubernetes.errors import AlreadyExists, Expired, NotFound, Rejected, error_of
from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict

CALL = ApiCall(verb=Verb.GET, resource=SLOS, namespace="shop", name="checkout")


def a_status(**fields):
    return json.dumps({"kind": "Status", "apiVersion": "v1", **fields}).encode()


@pytest.mark.parametrize(
    ("http_status", "body", "error"),
    [
        pytest.param(401, a_status(message="Unauthorized"), ClusterUnavailable, id="credentials can be renewed"),
        pytest.param(403, a_status(message='User "x" cannot get resource'), AccessDenied, id="a missing right"),
        pytest.param(403, a_status(message="exceeded quota"), AccessDenied, id="a policy that says no"),
        pytest.param(404, a_status(details={"name": "checkout"}), NotFound, id="no such object"),
        pytest.param(409, a_status(reason="Conflict"), Conflict, id="the object moved on"),
        pytest.param(409, a_status(reason="AlreadyExists"), AlreadyExists, id="somebody created it first"),
        pytest.param(410, a_status(reason="Expired"), Expired, id="the pages of a list are too old"),
        pytest.param(422, a_status(reason="Invalid"), Rejected, id="content that the server refuses"),
        pytest.param(429, a_status(message="slow down"), ClusterUnavailable, id="too many requests"),
        pytest.param(500, a_status(message="etcd"), ClusterUnavailable, id="an error of the server"),
        pytest.param(502, b"<html>Bad Gateway</html>", ClusterUnavailable, id="a proxy in between"),
        pytest.param(503, b"", ClusterUnavailable, id="nothing said"),
        pytest.param(500, b"[]", ClusterUnavailable, id="something else said"),
    ],
)
def test_each_answer_is_one_error(http_status, body, error):
    translated = error_of(CALL, http_status, body)
    assert type(translated) is error
    assert str(translated).startswith(f"get slos checkout in namespace shop: {http_status}: ")


def test_a_missing_right_prints_the_rule_and_where_to_grant_it():
    body = a_status(message='slos.backstop.dev "checkout" is forbidden: User "x" cannot get resource "slos"')
    assert str(error_of(CALL, 403, body)).endswith(
        'grant {apiGroups: ["backstop.dev"], resources: ["slos"], verbs: ["get"]} in namespace shop'
    )
    everywhere = ApiCall(verb=Verb.LIST, resource=SLOS)
    assert str(error_of(everywhere, 403, body)).endswith("in a ClusterRole")


def test_what_a_policy_refuses_prints_no_rule():
    assert "grant" not in str(error_of(CALL, 403, a_status(message="exceeded quota: pods")))


def test_a_namespace_on_its_way_out_is_gone_not_forbidden():
    body = a_status(message="is being terminated", details={"causes": [{"reason": "NamespaceTerminating"}]})
    assert type(error_of(CALL, 403, body)) is NotFound


def test_an_unknown_kind_differs_from_an_unknown_object():
    unknown_kind = error_of(CALL, 404, b"404 page not found\n")
    unknown_object = error_of(CALL, 404, a_status(details={"name": "checkout", "kind": "slos"}))
    assert isinstance(unknown_kind, NotFound)
    assert isinstance(unknown_object, NotFound)
    assert (unknown_kind.kind_missing, unknown_object.kind_missing) == (True, False)


def test_a_huge_foreign_message_is_cut():
    assert len(str(error_of(CALL, 500, b"x" * 100_000))) < 700
