"""Which namespaces may use a source, and what it forces on their queries (semantics K6)."""

import pytest

from backstop.engine.sources import SourceBinding, SourceRefused, check_source, enforced_matchers
from backstop.vocabulary import Reason
from tests.builders import a_slo
from tests.fakes.metrics_source import FakeMetricsSource


def binding(**granted):
    return SourceBinding(source=FakeMetricsSource(), **granted)


@pytest.mark.parametrize(
    ("namespace", "allowed"),
    [("shop", True), ("team-a", True), ("shop-2", False), ("team", False), ("Shop", False)],
)
def test_allowed_namespaces_are_names_or_patterns(namespace, allowed):
    bindings = {"default": binding(allowed_namespaces=("shop", "team-*"))}
    if allowed:
        check_source(a_slo(namespace=namespace), bindings)
        return
    with pytest.raises(SourceRefused, match="is not allowed for namespace") as refused:
        check_source(a_slo(namespace=namespace), bindings)
    assert refused.value.reason is Reason.SOURCE_NOT_ALLOWED


def test_an_unknown_source_is_refused_with_those_that_may_be_used():
    bindings = {"default": binding(), "secret": binding(allowed_namespaces=("ops",))}
    with pytest.raises(SourceRefused, match=r"no source is named 'elsewhere'; use one of: default$") as refused:
        check_source(a_slo(source="elsewhere"), bindings)
    assert refused.value.reason is Reason.SOURCE_UNKNOWN


def test_the_placeholder_becomes_the_namespace_of_the_slo():
    given = {"namespace": "$namespace", "cluster": "eu", "tenant": "k8s-$namespace"}
    forced = enforced_matchers(a_slo(namespace="shop"), binding(enforced_matchers=given))
    assert forced == {"namespace": "shop", "cluster": "eu", "tenant": "k8s-shop"}
    assert enforced_matchers(a_slo(), binding()) == {}
