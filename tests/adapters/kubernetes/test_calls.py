"""Paths and rules of calls."""

import pytest

from backstop.adapters.kubernetes.calls import LEASES, PODS, SLOS, ApiCall, Verb


@pytest.mark.parametrize(
    ("call", "method", "path"),
    [
        (
            ApiCall(verb=Verb.PATCH, resource=SLOS, namespace="shop", name="checkout", subresource="status"),
            "PATCH",
            "/apis/backstop.dev/v1alpha1/namespaces/shop/slos/checkout/status",
        ),
        (ApiCall(verb=Verb.LIST, resource=SLOS), "GET", "/apis/backstop.dev/v1alpha1/slos"),
        (ApiCall(verb=Verb.LIST, resource=PODS, namespace="shop"), "GET", "/api/v1/namespaces/shop/pods"),
        (
            ApiCall(verb=Verb.GET, resource=PODS, namespace="shop", name="../../secrets/a?b"),
            "GET",
            "/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets%2Fa%3Fb",
        ),
    ],
)
def test_a_call_has_one_path_and_nobody_can_leave_it(call, method, path):
    assert (call.method, call.path) == (method, path)


def test_the_rule_of_a_call_is_what_a_role_needs():
    patch = ApiCall(verb=Verb.PATCH, resource=SLOS, namespace="shop", name="checkout", subresource="status")
    assert patch.rule == '{apiGroups: ["backstop.dev"], resources: ["slos/status"], verbs: ["patch"]}'


def test_the_rule_of_the_lease_names_it_except_to_create():
    get = ApiCall(verb=Verb.GET, resource=LEASES, namespace="backstop-system", name="backstop-leader")
    assert get.rule == (
        '{apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get"], '
        'resourceNames: ["backstop-leader"]}'
    )
    create = ApiCall(verb=Verb.CREATE, resource=LEASES, namespace="backstop-system", name="backstop-leader")
    assert "resourceNames" not in create.rule


def test_a_call_reads_as_a_sentence():
    call = ApiCall(verb=Verb.PATCH, resource=SLOS, namespace="shop", name="checkout", subresource="status")
    assert str(call) == "patch slos/status checkout in namespace shop"
