"""What a release consists of, and that a Kubernetes API would take it."""

import kubernetes_validate
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from tests.chart.render import CHART, RELEASE, Object, of_kind, only, render

CLUSTER_SCOPED = {
    "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
}  # fmt: skip
NOT_IN_KUBERNETES = {"ServiceMonitor"}  # the Prometheus Operator's


def test_the_rendered_objects_are_those_of_the_snapshot(objects: list[Object], snapshot: SnapshotAssertion):
    ordered = sorted(objects, key=lambda o: (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]))
    assert yaml.safe_dump_all(ordered, sort_keys=True, width=118) == snapshot


@pytest.mark.parametrize("version", ["1.30", "1.34", "1.37"])
def test_every_object_is_valid_in_the_oldest_and_newest_kubernetes(objects: list[Object], version: str):
    for item in objects:
        if item["kind"] not in NOT_IN_KUBERNETES:
            kubernetes_validate.validate(item, version, strict=True)


def test_nothing_is_made_outside_the_namespaces_of_the_release_and_its_watch(objects: list[Object], case):
    watched = set(case.get("watch", {}).get("namespaces", []))
    for item in objects:
        namespace = item["metadata"].get("namespace")
        if item["kind"] in CLUSTER_SCOPED:
            assert namespace is None
        elif item["kind"] in {"Role", "RoleBinding"}:
            assert namespace in watched | {RELEASE}
        else:
            assert namespace == RELEASE


def test_every_object_carries_the_labels_that_tools_look_for(objects: list[Object], case):
    for item in objects:
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "backstop"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert case.get("commonLabels", {}).items() <= labels.items()


def test_a_common_label_cannot_break_the_selectors():
    objects = render(
        {"commonLabels": {"app.kubernetes.io/name": "mine"}, "podLabels": {"app.kubernetes.io/name": "my"}}
    )
    deployment = only(objects, "Deployment")
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector["app.kubernetes.io/name"] == "backstop"
    assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_several_replicas_get_a_budget_for_disruptions_and_one_does_not(objects: list[Object], case):
    budgets = of_kind(objects, "PodDisruptionBudget")
    assert len(budgets) == (1 if case.get("replicas", 1) > 1 else 0)
    for budget in budgets:
        assert budget["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("backstop", "backstop"),
        ("backstop-system", "backstop"),
        ("eu-backstop", "eu-backstop"),
        ("slo", "slo-backstop"),
    ],
)
def test_resource_names_follow_the_release(release: str, name: str):
    assert only(render(release=release), "Deployment")["metadata"]["name"] == name


@pytest.mark.parametrize("values", [{"fullnameOverride": "guard"}, {"nameOverride": "x" * 80}])
def test_overridden_names_stay_within_63_characters(values):
    for item in render(values):
        assert len(item["metadata"]["name"]) <= 63


def test_the_chart_ships_no_file_that_helm_would_not_need():
    assert {path.name for path in CHART.iterdir()} == {
        ".helmignore", "Chart.yaml", "README.md", "files", "templates", "values.schema.json", "values.yaml",
    }  # fmt: skip
