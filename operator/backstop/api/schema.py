"""From a pydantic model to the structural schema that the Kubernetes API server accepts.

A real API server refuses what pydantic writes: `$ref`, `anyOf` with null, numeric `exclusiveMinimum`, and
`additionalProperties` beside `properties` (the server prunes unknown fields or, when asked to be strict, refuses them).
Every list, map and text needs a maximum, or the server refuses CEL rules for their possible cost.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT: Final = (
    "type",
    "format",
    "default",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)
_MAXIMUM_OF: Final = {"string": "maxLength", "array": "maxItems"}


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the schema of `model`. Raises ValueError for what has no maximum or no structural form."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(raw, raw.get("$defs", {}), path=model.__name__)


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Schema], *, path: str) -> Schema:
    node = _flat(node, definitions)
    if "type" not in node:
        raise ValueError(f"{path}: {sorted(node)} has no type; a structural schema needs one")
    converted: Schema = {}
    if "description" in node:
        converted["description"] = _description(node)
    converted |= {key: node[key] for key in _KEPT if key in node}
    _bound(node, converted)
    if node["type"] == "integer":
        converted["format"] = "int64"
    if "properties" in node:
        converted["properties"] = {
            name: _convert(field, definitions, path=f"{path}.{name}") for name, field in node["properties"].items()
        }
        if node.get("required"):
            converted["required"] = sorted(node["required"])
    elif node["type"] == "object":
        converted["additionalProperties"] = _convert(node["additionalProperties"], definitions, path=f"{path}.*")
    if "items" in node:
        converted["items"] = _convert(node["items"], definitions, path=f"{path}[]")
    _require_maximum(converted, path)
    return converted


def _flat(node: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    """Inline references and the one type inside of an optional; what stands outermost wins."""
    flat = dict(node)
    while (inner := _wrapped(flat)) is not None:
        outer = {key: value for key, value in flat.items() if key not in ("$ref", "anyOf", "allOf")}
        if "$ref" in inner:
            inner = definitions[inner["$ref"].removeprefix("#/$defs/")] | {
                k: v for k, v in inner.items() if k != "$ref"
            }
        flat = dict(inner) | outer
    if flat.get("default", ...) is None:
        del flat["default"]  # absent, not null
    return flat


def _wrapped(node: Mapping[str, Any]) -> Schema | None:
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    for key in ("anyOf", "allOf"):
        if key in node:
            options = [option for option in node[key] if option.get("type") != "null"]
            if len(options) != 1:
                raise ValueError(f"{len(options)} types in one field; write one type, or optional fields and a rule")
            return dict(options[0])
    return None


def _bound(node: Mapping[str, Any], converted: Schema) -> None:
    """OpenAPI 3.0 writes exclusive bounds as a flag beside the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        value = node.get(exclusive)
        if isinstance(value, bool):
            converted[exclusive] = value
        elif value is not None:
            converted |= {bound: value, exclusive: True}


def _description(node: Mapping[str, Any]) -> str:
    text = " ".join(str(node["description"]).split())
    examples = node.get("examples")
    if examples and not isinstance(examples[0], (dict, list)):
        text += f" Example: {examples[0]}"
    return text


def _require_maximum(schema: Schema, path: str) -> None:
    kind = schema["type"]
    if "enum" in schema:
        return
    key = "maxProperties" if kind == "object" and "additionalProperties" in schema else _MAXIMUM_OF.get(kind)
    if key is not None and key not in schema:
        raise ValueError(f"{path}: a {kind} needs {key}, or the API server refuses rules over it")
