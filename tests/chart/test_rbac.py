"""The operator's rights: exactly the calls it makes, and never more than that."""

from collections.abc import Iterable

import pytest

from backstop.adapters.kubernetes.permissions import PERMISSIONS, Scope
from backstop.api.crd import KINDS
from backstop.vocabulary import WEBHOOK_TLS
from tests.chart.render import RELEASE, Object, of_kind, render

ROLES = ("ClusterRole", "Role")
Right = tuple[str, str, str, str | None]  # API group, resource, verb, name


def rights(roles: Iterable[Object]) -> set[Right]:
    return {
        (group, resource, verb, name)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [None])
    }


def needed(scope: Scope) -> set[Right]:
    return {(p.resource.group, p.rbac_resource, p.verb, p.name) for p in PERMISSIONS if p.scope is scope}


def granted_to_the_operator(objects: list[Object]) -> dict[str | None, set[Right]]:
    """Return the rights that bindings give to the operator's account, by namespace (None: in all)."""
    roles = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in of_kind(objects, *ROLES)}
    found: dict[str | None, set[Right]] = {}
    for binding in of_kind(objects, "ClusterRoleBinding", "RoleBinding"):
        reference, namespace = binding["roleRef"], binding["metadata"].get("namespace")
        role = roles[reference["kind"], namespace, reference["name"]]
        found.setdefault(namespace, set()).update(rights([role]))
        (subject,) = binding["subjects"]
        assert subject["kind"] == "ServiceAccount"
        assert subject["namespace"] == RELEASE
    return found


def test_cluster_wide_it_may_do_what_it_does_and_nothing_else():
    everywhere = needed(Scope.WATCHED) | needed(Scope.CLUSTER) | needed(Scope.WEBHOOK)
    assert granted_to_the_operator(render()) == {None: everywhere, RELEASE: needed(Scope.OWN)}


def test_limited_to_namespaces_it_has_no_right_in_others_but_on_its_own_webhook():
    granted = granted_to_the_operator(render({"watch": {"namespaces": ["shop", "ads"]}}))
    assert granted == {
        None: needed(Scope.WEBHOOK),
        "shop": needed(Scope.WATCHED),
        "ads": needed(Scope.WATCHED),
        RELEASE: needed(Scope.OWN),
    }


def test_watching_its_own_namespace_works_beside_the_lease():
    granted = granted_to_the_operator(render({"watch": {"namespaces": [RELEASE]}}))
    assert granted == {RELEASE: needed(Scope.WATCHED) | needed(Scope.OWN), None: needed(Scope.WEBHOOK)}


def test_without_an_election_there_is_no_right_on_leases():
    granted = granted_to_the_operator(render({"leaderElection": {"enabled": False}}))
    assert "leases" not in {resource for rights_there in granted.values() for _, resource, _, _ in rights_there}


def test_without_the_webhook_there_is_no_right_on_any_secret_or_configuration():
    granted = granted_to_the_operator(render({"admission": {"enabled": False}}))
    leases = {right for right in needed(Scope.OWN) if right[1] == "leases"}
    assert granted == {None: needed(Scope.WATCHED) | needed(Scope.CLUSTER), RELEASE: leases}


def test_no_role_has_a_wildcard_or_a_right_that_would_widen_it(objects: list[Object]):
    for group, resource, verb, name in rights(of_kind(objects, *ROLES)):
        assert "*" not in {group, resource, verb}
        assert verb not in {"escalate", "bind", "impersonate"}
        if (resource, name) == ("secrets", WEBHOOK_TLS):
            assert verb in {"get", "update"}
            continue
        if group == "admissionregistration.k8s.io":
            assert name is not None
        assert not resource.startswith(("secrets", "roles", "clusterroles", "rolebindings", "clusterrolebindings"))


def test_people_get_our_kinds_through_the_usual_roles_but_never_their_status(objects: list[Object]):
    for role in of_kind(objects, "ClusterRole"):
        if any("aggregate-to" in label for label in role["metadata"]["labels"]):
            assert {resource for _, resource, _, _ in rights([role])} == {kind.plural for kind in KINDS}


def test_people_can_open_and_answer_an_incident_but_not_make_it_never_have_happened(objects: list[Object]):
    for role in of_kind(objects, "ClusterRole"):
        if role["metadata"]["labels"].get("rbac.authorization.k8s.io/aggregate-to-edit") == "true":
            verbs = {verb for _, resource, verb, _ in rights([role]) if resource == "incidents"}
            assert verbs in ({"get", "list", "watch"}, {"create", "update", "patch"})


@pytest.mark.parametrize("values", [{"rbac": {"create": False}}, {"rbac": {"create": False, "aggregate": True}}])
def test_roles_granted_by_others_are_not_made_twice(values):
    assert not of_kind(render(values), *ROLES, "RoleBinding", "ClusterRoleBinding")
