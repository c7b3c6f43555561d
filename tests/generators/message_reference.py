"""docs/reference/incident-message.md and its schema: what a webhook receives."""

import json
from collections.abc import Iterator

from backstop.api.incident_message import message_schema
from backstop.api.schema import Schema
from tests.generators.registry import Files, Generator

PATH = "docs/reference/incident-message.md"
SCHEMA = "docs/reference/incident-message.schema.json"
_HEAD = """# Message about an incident

<!-- Generated from operator/backstop/api/incident_message.py by `make docs`; edit that. -->

What a [NotificationChannel of kind webhook](../how-to/notify-by-webhook.md) sends: one JSON object by POST
([JSON Schema](incident-message.schema.json)). Times are RFC 3339 in UTC with milliseconds. Fields may be added within a
version, so ignore those that you do not know; `version` changes when a field goes or means something else.
"""


def make() -> Files:
    schema = message_schema()
    return {
        PATH: "\n".join([_HEAD, *_sections("message", schema)]),
        SCHEMA: json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    }


def _sections(path: str, schema: Schema) -> Iterator[str]:
    """Yield the section of an object, then those of the objects inside it."""
    required = schema.get("required", ())
    lines = [f"## {path}", "", schema["description"], "", "| field | type | there | meaning |", "|---|---|---|---|"]
    inside = []
    for name, field in schema["properties"].items():
        inner = field.get("items", field)
        if "properties" in inner:
            inside.append((f"{path}.{name}{'[]' if 'items' in field else ''}", inner))
        there = "always" if name in required else "if known"
        lines.append(f"| `{name}` | {_type(field)} | {there} | {field['description']} |")
    yield "\n".join([*lines, ""])
    for at, inner in inside:
        yield from _sections(at, inner)


def _type(field: Schema) -> str:
    if field.get("format") == "date-time":
        return "time"
    match field["type"]:
        case "array":
            return f"list of {_type(field['items'])}"
        case "object" if "properties" not in field:
            return f"map to {_type(field['additionalProperties'])}"
        case kind:
            return {"string": "text", "integer": "whole number"}.get(kind, kind)


MESSAGE_REFERENCE = Generator(make=make, owns=(PATH, SCHEMA))
