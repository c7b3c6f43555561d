"""Who is asked before an object of ours is stored, and what the API server itself holds people to."""

from typing import Any

import pytest

from backstop.adapters.admission.server import ANSWER_SECONDS, PATH, PLACE_SECONDS, READ_SECONDS
from backstop.api.configuration import parse_configuration
from backstop.api.crd import KINDS
from backstop.vocabulary import GROUP, WEBHOOK_CONFIGURATION, WEBHOOK_TLS, Annotation
from tests.chart.matrix import EVERYTHING
from tests.chart.render import RELEASE, of_kind, only, render

POLICY = "ValidatingAdmissionPolicy"


@pytest.fixture(scope="module")
def chart() -> list[dict[str, Any]]:
    return render()


@pytest.fixture(scope="module")
def hook(chart) -> dict[str, Any]:
    configuration = only(chart, "ValidatingWebhookConfiguration")
    assert configuration["metadata"]["name"] == WEBHOOK_CONFIGURATION
    (found,) = configuration["webhooks"]
    return found


def test_every_kind_of_ours_is_judged_when_it_is_made_and_when_it_is_changed(hook):
    (rule,) = hook["rules"]
    assert rule["apiGroups"] == [GROUP]
    assert set(rule["resources"]) == {kind.plural for kind in KINDS}
    assert rule["operations"] == ["CREATE", "UPDATE"]
    assert hook["failurePolicy"] == "Fail"


def test_the_status_is_never_judged_so_the_operator_never_waits_for_itself(hook):
    assert not [resource for rule in hook["rules"] for resource in rule["resources"] if "/" in resource]


def test_the_api_server_waits_longer_than_an_answer_takes(hook):
    assert hook["timeoutSeconds"] > PLACE_SECONDS + READ_SECONDS + ANSWER_SECONDS


def test_the_certificate_is_for_the_name_under_which_the_api_server_calls(chart, hook):
    configuration = parse_configuration(only(chart, "ConfigMap")["data"]["config.yaml"])
    service = hook["clientConfig"]["service"]
    assert configuration.admission.names == (f"{service['name']}.{service['namespace']}.svc",)
    assert service["path"] == PATH
    assert only(chart, "Service", service["name"])["spec"]["ports"][0]["port"] == service["port"]


def test_the_chart_renders_no_certificate_and_no_key(chart, hook):
    secret = only(chart, "Secret")
    assert secret["metadata"]["name"] == WEBHOOK_TLS
    assert not {"data", "stringData"} & secret.keys()
    assert "caBundle" not in hook["clientConfig"]


@pytest.mark.parametrize("values", [{}, {"serviceAccount": {"create": False, "name": "given"}}, EVERYTHING])
def test_exempt_is_the_account_of_the_operator_and_nobody_else(values):
    objects = render(values)
    deployment = only(objects, "Deployment")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    (found,) = only(objects, "ValidatingWebhookConfiguration")["webhooks"]
    expected = f"request.userInfo.username != 'system:serviceaccount:{RELEASE}:{account}'"
    for conditions in (found["matchConditions"], only(objects, POLICY)["spec"]["matchConditions"]):
        assert [condition["expression"] for condition in conditions] == [expected]


def test_limited_to_namespaces_nobody_elsewhere_waits_for_it():
    (found,) = only(render({"watch": {"namespaces": ["shop", "ads"]}}), "ValidatingWebhookConfiguration")["webhooks"]
    (term,) = found["namespaceSelector"]["matchExpressions"]
    assert term == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "ads"]}


def test_a_network_policy_lets_the_api_server_in_from_wherever_it_is():
    policy = only(render({"networkPolicy": {"enabled": True, "ingressFrom": [{"podSelector": {}}]}}), "NetworkPolicy")
    rules = {rule["ports"][0]["port"]: "from" in rule for rule in policy["spec"]["ingress"]}
    assert rules == {"metrics": True, "webhook": False}


def test_the_policy_on_records_speaks_of_every_annotation_that_there_is(chart):
    policy = only(chart, POLICY)
    assert policy["spec"]["failurePolicy"] == "Fail"
    text = " ".join(validation["expression"] for validation in policy["spec"]["validations"])
    assert [annotation for annotation in Annotation if f"'{annotation}'" not in text] == []


def test_the_policy_on_records_is_bound_and_denies(chart):
    binding = only(chart, "ValidatingAdmissionPolicyBinding")
    assert binding["spec"] == {"policyName": only(chart, POLICY)["metadata"]["name"], "validationActions": ["Deny"]}


def test_without_the_webhook_records_are_guarded_all_the_same():
    objects = render({"admission": {"enabled": False}})
    assert not of_kind(objects, "ValidatingWebhookConfiguration", "Secret")
    assert only(objects, POLICY)
