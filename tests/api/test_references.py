"""What our objects name, and that it is never outside of their own namespace."""

from collections.abc import Iterator
from typing import Any

import pytest

from backstop.api.crd import KINDS, crd
from backstop.api.references import references_of
from backstop.api.review import check_object


def fields_of(schema: dict[str, Any], path: str = "spec") -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields_of(inner, f"{path}.{name}")
    if "items" in schema:
        yield from fields_of(schema["items"], f"{path}[]")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_field_of_a_spec_names_another_namespace(kind):
    (version,) = crd(kind)["spec"]["versions"]
    fields = list(fields_of(version["schema"]["openAPIV3Schema"]["properties"]["spec"]))
    assert len(fields) > 1
    assert [field for field in fields if "namespace" in field.lower()] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_be_judged_at_apply(kind):
    checked = check_object(kind.name, {}, now=None)
    assert checked is not None
    assert checked.problems


def test_a_composite_names_its_components_with_their_fields():
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": "shop"},
        "spec": {"target": 99, "indicator": {"composite": {"components": [{"slo": "cart"}, {"slo": "payments"}]}}},
    }
    spec = check_object("SLO", body, now=None).spec
    found = [(reference.path, reference.kind, reference.name) for reference in references_of("SLO", spec)]
    assert found == [
        ("spec.indicator.composite.components[0].slo", "SLO", "cart"),
        ("spec.indicator.composite.components[1].slo", "SLO", "payments"),
    ]


def test_a_kind_that_names_nothing_has_no_references():
    assert list(references_of("Incident", object())) == []
