from typing import Annotated, Any

import pytest
from pydantic import Field

from backstop.api.crd import KINDS
from backstop.api.rules import ApiModel, exactly_one_of
from backstop.api.schema import structural_schema
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.api.v1alpha1.slo_status import SLOStatus


def nodes(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every schema inside of a schema, with its path."""
    found = [(path, schema)]
    for name, field in schema.get("properties", {}).items():
        found += nodes(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            found += nodes(schema[key], f"{path}[]")
    return found


MODELS = [model for kind in KINDS for model in (kind.spec, kind.status)]
ALL = [
    pytest.param(node, id=f"{model.__name__}{path}")
    for model in MODELS
    for path, node in nodes(structural_schema(model))
]


@pytest.mark.parametrize("node", ALL)
def test_every_node_is_structural_described_and_bounded(node: dict[str, Any]) -> None:
    assert "type" in node
    assert not node.keys() & {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "examples", "const"}
    assert not ("properties" in node and "additionalProperties" in node)
    if node["type"] == "string":
        assert "enum" in node or "maxLength" in node
    if node["type"] == "array":
        assert "maxItems" in node
        assert "x-kubernetes-list-type" in node, "server-side apply merges lists that say how"
    for flag in ("exclusiveMinimum", "exclusiveMaximum"):
        assert node.get(flag, True) is True, "a flag in OpenAPI 3.0, not a number"


@pytest.mark.parametrize(
    ("path", "node"),
    [(p, n) for model in MODELS for p, n in nodes(structural_schema(model)) if not p.endswith("[]")],
)
def test_every_field_has_a_description(path: str, node: dict[str, Any]) -> None:
    assert node.get("description"), path


def test_defaults_are_in_the_schema_and_never_null() -> None:
    properties = structural_schema(SLOSpec)["properties"]
    assert properties["windows"]["default"] == [{"name": "30d", "rolling": "30d"}]
    assert properties["source"]["default"] == "default"
    assert properties["evaluation"]["default"]["staleAfter"] == "2m"
    assert "default" not in properties["workload"]


def test_names_are_camel_case() -> None:
    assert "groupBy" in structural_schema(SLOSpec)["properties"]
    assert "observedGeneration" in structural_schema(SLOStatus)["properties"]


def test_a_rule_is_enforced_by_the_server_and_by_us() -> None:
    class Either(ApiModel):
        one: Annotated[int, Field(ge=0)] | None = None
        two: Annotated[int, Field(gt=0, lt=5)] | None = None
        rules = (exactly_one_of("one", "two", example="one: 1"),)

    (rule,) = structural_schema(Either)["x-kubernetes-validations"]
    assert rule["message"] == "exactly one of one, two must be set; for example one: 1"
    assert rule["rule"] == "[has(self.one), has(self.two)].filter(set, set).size() == 1"
    assert Either.model_validate({"one": 1}).one == 1
    with pytest.raises(ValueError, match="exactly one of one, two must be set"):
        Either.model_validate({})


def test_exclusive_bounds_are_written_as_flags() -> None:
    class Bounded(ApiModel):
        share: Annotated[float, Field(gt=0, lt=1)]

    assert structural_schema(Bounded)["properties"]["share"] == {
        "type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True,
    }  # fmt: skip


def test_a_field_without_maximum_or_with_two_types_is_refused_by_the_generator() -> None:
    class Unbounded(ApiModel):
        text: str

    class Ambiguous(ApiModel):
        value: int | str

    with pytest.raises(ValueError, match=r"Unbounded\.text: a string needs maxLength"):
        structural_schema(Unbounded)
    with pytest.raises(ValueError, match="2 types in one field"):
        structural_schema(Ambiguous)
