"""Reading one Secret by name: what comes back, what a missing right prints, and what is never repeated."""

import asyncio
import base64
import logging

import pytest
import structlog
import yaml
from werkzeug import Response

from backstop.adapters.kubernetes.secrets import KubernetesSecretReader, role_to_apply
from backstop.domain.errors import AccessDenied, ClusterUnavailable, SecretMissing
from backstop.domain.notification_channel import SecretKey
from tests.adapters.kubernetes.canned import canned_client

__all__ = ["canned_client"]

KEY = SecretKey(name="incident-webhook", key="signing-key")
VALUE = b"a signing key of thirty-two bytes"
PATH = "/api/v1/namespaces/shop/secrets/incident-webhook"
FORBIDDEN = {
    "kind": "Status",
    "code": 403,
    "reason": "Forbidden",
    "message": 'secrets "incident-webhook" is forbidden: User "system:serviceaccount:backstop-system:backstop" cannot'
    ' get resource "secrets" in API group "" in the namespace "shop"',
}


@pytest.fixture
def reader(canned_client):
    return KubernetesSecretReader(canned_client)


def stored(httpserver, **data):
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    httpserver.expect_request(PATH, method="GET").respond_with_json({"kind": "Secret", "data": encoded})


async def test_the_value_is_returned_as_it_is(httpserver, reader):
    stored(httpserver, **{"signing-key": VALUE, "other": b"something else entirely"})
    assert await reader.read_secret("shop", KEY) == VALUE


async def test_a_rotated_value_is_read_at_once(httpserver, reader):
    for value in (VALUE, b"another key of sixteen bytes"):
        httpserver.expect_ordered_request(PATH).respond_with_json(
            {"kind": "Secret", "data": {"signing-key": base64.b64encode(value).decode()}}
        )
    assert [await reader.read_secret("shop", KEY) for _ in range(2)] == [VALUE, b"another key of sixteen bytes"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param({}, "has no key signing-key; add it", id="another key"),
        pytest.param({"signing-key": ""}, "fewer than 16 bytes", id="empty"),
        pytest.param({"signing-key": base64.b64encode(b"hidden-short").decode()}, "fewer than 16 bytes", id="short"),
        pytest.param({"signing-key": "%%%hidden%%%"}, "no base64", id="no base64"),
    ],
)
async def test_a_value_that_cannot_be_used_is_told_without_it(httpserver, reader, data, text):
    httpserver.expect_request(PATH).respond_with_json({"kind": "Secret", "data": data})
    with pytest.raises(SecretMissing, match=text) as missing:
        await reader.read_secret("shop", KEY)
    assert "hidden" not in str(missing.value)


async def test_a_secret_without_data_has_no_key(httpserver, reader):
    httpserver.expect_request(PATH).respond_with_json({"kind": "Secret", "data": None})
    with pytest.raises(SecretMissing):
        await reader.read_secret("shop", KEY)


async def test_a_secret_that_does_not_exist_is_told_with_what_to_create(httpserver, reader):
    httpserver.expect_request(PATH).respond_with_json({"details": {"name": "incident-webhook"}}, status=404)
    with pytest.raises(SecretMissing, match="no Secret incident-webhook in namespace shop; create it with the key"):
        await reader.read_secret("shop", KEY)


async def test_a_missing_right_prints_the_role_to_apply(httpserver, reader):
    httpserver.expect_request(PATH).respond_with_json(FORBIDDEN, status=403)
    with pytest.raises(AccessDenied) as denied:
        await reader.read_secret("shop", KEY)
    text = str(denied.value)
    assert text.startswith("Backstop may not read Secret incident-webhook; apply in namespace shop: {")
    assert len(text) <= 1024  # as much as a condition shows
    role, binding = yaml.safe_load(text[text.index("{") :])["items"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["incident-webhook"], "verbs": ["get"]}
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "backstop", "namespace": "backstop-system"}]
    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {"shop"}


async def test_a_policy_that_says_no_keeps_its_words(httpserver, reader):
    httpserver.expect_request(PATH).respond_with_json({"message": "denied by policy x"}, status=403)
    with pytest.raises(AccessDenied, match="denied by policy x"):
        await reader.read_secret("shop", KEY)


async def test_no_answer_is_not_a_missing_secret(httpserver, reader):
    httpserver.expect_request(PATH).respond_with_json({"message": "etcd"}, status=500)
    with pytest.raises(ClusterUnavailable):
        await reader.read_secret("shop", KEY)


def test_a_role_for_a_person_who_runs_the_operator_names_the_person():
    _, binding = yaml.safe_load(role_to_apply("shop", "a" * 253, user="jane@example.com"))["items"]
    assert binding["subjects"][0] == {
        "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane@example.com",
    }  # fmt: skip
    assert len(binding["metadata"]["name"]) <= 63


async def test_no_log_line_holds_a_value(httpserver, reader, caplog):
    caplog.set_level(logging.DEBUG)
    stored(httpserver, **{"signing-key": VALUE})
    with structlog.testing.capture_logs() as logged:
        await reader.read_secret("shop", KEY)
        httpserver.clear()
        httpserver.expect_request(PATH).respond_with_response(Response(b'{"data": {"signing-key": 5}}'))
        with pytest.raises(SecretMissing):
            await reader.read_secret("shop", KEY)
    everything = f"{logged} {caplog.text}"
    assert VALUE.decode() not in everything
    assert base64.b64encode(VALUE).decode() not in everything


@pytest.mark.cluster
async def test_on_a_real_cluster_the_printed_role_opens_this_secret_and_no_other(
    slo_cluster, namespace, powerless_client
):
    for name in ("incident-webhook", "another"):
        slo_cluster.apply(
            [
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": name, "namespace": namespace},
                    "stringData": {"signing-key": VALUE.decode()},
                }
            ]
        )
    reader = KubernetesSecretReader(powerless_client)
    with pytest.raises(AccessDenied) as denied:
        await reader.read_secret(namespace, KEY)
    text = str(denied.value)
    slo_cluster.kubectl("apply", "-f", "-", stdin=text[text.index("{") :])

    async def read():
        try:
            return await reader.read_secret(namespace, KEY)
        except AccessDenied:
            return None  # the authorizer hears of a new Role a moment later

    async with asyncio.timeout(20):
        while (value := await read()) is None:
            pass
    assert value == VALUE
    with pytest.raises(AccessDenied):
        await reader.read_secret(namespace, SecretKey(name="another", key="signing-key"))
