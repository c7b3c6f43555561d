"""docs/reference/replay.md and its schemas: what `backstop replay` and `backstop evaluate` print for programs."""

import json
from collections.abc import Iterator
from itertools import chain

from backstop.api.replay_schema import evaluation_schema, replay_schema
from backstop.api.schema import Schema
from tests.generators.registry import Files, Generator

FOLDER = "docs/reference"
_HEAD = """# Output of replay and evaluate

<!-- Generated from operator/backstop/api/replay_schema.py by `make docs`; edit that. -->

What [`backstop replay` and `backstop evaluate`](../how-to/replay.md) print with `-o json`. The numbers are those of the
[status of an SLO](slo.md#what-backstop-knows-status). A field that cannot be told is absent, never zero; fields may be
added, so ignore those that you do not know. Times are RFC 3339 in UTC.
"""
_REPLAY = """## backstop replay -o json

One JSON object a line, in order of time ([JSON Schema](replay.schema.json)). `type` tells which of them it is.
"""
_EVALUATE = """## backstop evaluate -o json

One JSON object ([JSON Schema](evaluate.schema.json)); with `-o yaml` the same as YAML.
"""


def make() -> Files:
    row, change, alert = replay_schema()["oneOf"]
    shown: dict[str, str] = {}
    lines = [
        list(_sections(name, schema, shown)) for name, schema in (("row", row), ("change", change), ("alert", alert))
    ]
    evaluation = _sections("evaluation", evaluation_schema(), shown)
    page = "\n".join([_HEAD, _REPLAY, *chain.from_iterable(lines), _EVALUATE, *evaluation])
    return {
        f"{FOLDER}/replay.md": page,
        f"{FOLDER}/replay.schema.json": _json(replay_schema()),
        f"{FOLDER}/evaluate.schema.json": _json(evaluation_schema()),
    }


def _sections(path: str, schema: Schema, shown: dict[str, str]) -> Iterator[str]:
    """Yield the section of an object, then those of the objects inside it; `shown` has those of the page so far."""
    shown[_json(schema)] = path
    required = schema.get("required", ())
    lines = [f"### {path}", "", schema["description"], "", "| field | type | there | meaning |", "|---|---|---|---|"]
    inside = []
    for name, field in schema["properties"].items():
        inner = field.get("items", field)
        at = f"{path}.{name}{'[]' if 'items' in field else ''}"
        known = shown.get(_json(inner))
        if "properties" in inner and known is None:
            inside.append((at, inner))
        kind = f"{_type(field)}, see `{known}`" if known else _type(field)
        there = "always" if name in required else "if known"
        lines.append(f"| `{name}` | {kind} | {there} | {field['description']} |")
    yield "\n".join([*lines, ""])
    for at, inner in inside:
        yield from _sections(at, inner, shown)


def _type(field: Schema) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("format") == "date-time":
        return "time"
    match field["type"]:
        case "array":
            return f"list of {_type(field['items'])}"
        case "object" if "properties" not in field:
            return f"map to {_type(field['additionalProperties'])}"
        case kind:
            return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(kind, kind)


def _json(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


REPLAY_REFERENCE = Generator(make=make, owns=(f"{FOLDER}/replay*", f"{FOLDER}/evaluate*"))
