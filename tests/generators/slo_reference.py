"""docs/reference/slo.md: every field of the SLO, from the models."""

import json
from collections.abc import Iterator
from typing import Any

from backstop.api.crd import SLO
from backstop.api.schema import structural_schema
from backstop.domain.duration import PATTERN as DURATION_PATTERN
from backstop.vocabulary import API_VERSION
from tests.generators.registry import Files, Generator

PATH = "docs/reference/slo.md"
_INTRODUCTION = f"""# SLO

<!-- Generated from the models in operator/backstop/api by `make docs`; edit those. -->

`apiVersion: {API_VERSION}`, `kind: SLO`, short name `slo`, category `backstop`, namespaced.

```yaml
apiVersion: {API_VERSION}
kind: SLO
metadata: {{name: checkout-availability, namespace: shop}}
spec:
  service: checkout
  target: 99.9  # one request in a thousand may fail
  indicator:
    ratio:
      bad: http_requests_total{{service="checkout",code=~"5.."}}
      total: http_requests_total{{service="checkout"}}
```

Durations are written as Prometheus writes them: `30s`, `5m`, `1h30m`, `30d`, `500ms`; a day is 24 hours, a week 7
days, a year 365 days. Unknown fields are errors. A field that is *not supported yet* is refused with condition
`Ready=False` and reason `NotSupportedYet`; it is never ignored. `backstop validate -f FILE` checks all of this without
a cluster.
"""


def make() -> Files:
    parts = [_INTRODUCTION]
    for name, title, schema in (
        ("spec", "What you write", structural_schema(SLO.spec)),
        ("status", "What Backstop knows", structural_schema(SLO.status)),
    ):
        parts.append(f"## {title}: `{name}`\n")
        parts += (_section(path, node) for path, node in _objects(name, schema))
    parts.append(_columns())
    return {PATH: "\n".join(parts)}


def _objects(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object with properties, outer before inner."""
    if "properties" in schema:
        yield path, schema
        for name, field in schema["properties"].items():
            yield from _objects(f"{path}.{name}", field)
    elif "items" in schema:
        yield from _objects(f"{path}[]", schema["items"])


def _section(path: str, schema: dict[str, Any]) -> str:
    lines = [f"### {path}", "", schema["description"], ""]
    if rules := schema.get("x-kubernetes-validations"):
        lines += [*(f"- Rule: {rule['message']}." for rule in rules), ""]
    lines += ["| field | type | default | limits | meaning |", "|---|---|---|---|---|"]
    lines += [
        _row(name, field, required=name in schema.get("required", ())) for name, field in schema["properties"].items()
    ]
    return "\n".join([*lines, ""])


def _row(name: str, field: dict[str, Any], *, required: bool) -> str:
    default = "**required**" if required else f"`{json.dumps(field['default'])}`" if "default" in field else ""
    cells = (f"`{name}`", _type(field), default, _limits(field), field["description"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("pattern") == DURATION_PATTERN:
        return "duration"
    if field.get("format") == "date-time":
        return "time (RFC 3339, UTC)"
    kind: str = field["type"]
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if kind == "object":
        return f"map to {_type(field['additionalProperties'])}" if "additionalProperties" in field else "object"
    return {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}[kind]


def _limits(field: dict[str, Any]) -> str:
    limits = [
        rule["message"].split(";")[0] for rule in field.get("x-kubernetes-validations", ()) if "properties" not in field
    ]
    limits = [text.removeprefix("write a duration ") for text in limits]
    if "minimum" in field:
        limits.append(f"{'>' if field.get('exclusiveMinimum') else '≥'} {field['minimum']:g}")
    if "maximum" in field:
        limits.append(f"{'<' if field.get('exclusiveMaximum') else '≤'} {field['maximum']:g}")
    is_duration = field.get("pattern") == DURATION_PATTERN
    if "maxLength" in field and not is_duration:
        limits.append(f"at most {field['maxLength']} characters")
    if "maxItems" in field:
        limits.append(f"{field.get('minItems', 0)} to {field['maxItems']} entries")
    if keys := field.get("x-kubernetes-list-map-keys"):
        limits.append(f"unique by `{keys[0]}`")
    return ", ".join(limits)


def _columns() -> str:
    lines = ["## Columns of `kubectl get slo`", "", "| column | shown | meaning | from |", "|---|---|---|---|"]
    for column in SLO.columns:
        shown = "with `-o wide`" if column.priority else "always"
        lines.append(f"| {column.name} | {shown} | {column.description} | `{column.path}` |")
    return "\n".join([*lines, ""])


SLO_REFERENCE = Generator(make=make, owns=(PATH,))
