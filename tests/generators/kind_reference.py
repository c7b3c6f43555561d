"""docs/reference/: a page per kind with every field, from the models."""

import json
from collections.abc import Iterator
from typing import Any

from backstop.api.crd import ALERT_POLICY, INCIDENT, MAINTENANCE_WINDOW, NOTIFICATION_CHANNEL, SLO, Kind
from backstop.api.schema import structural_schema
from backstop.domain.duration import PATTERN as DURATION_PATTERN
from backstop.vocabulary import API_VERSION
from tests.generators.registry import Generator

_HEAD = """# {kind}

<!-- Generated from the models in operator/backstop/api by `make docs`; edit those. -->

`apiVersion: {api_version}`, `kind: {kind}`, short name `{short}`, category `backstop`, namespaced.
"""
_SLO_EXAMPLE = f"""```yaml
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
"""
_MAINTENANCE_EXAMPLE = f"""```yaml
apiVersion: {API_VERSION}
kind: MaintenanceWindow
metadata: {{name: database-upgrade, namespace: shop}}
spec:
  slos: {{names: [checkout-availability]}}
  schedule: {{cron: 0 2 * * 6, timeZone: Europe/Berlin, duration: 2h}}  # Saturdays from two to four
```
"""
_ALERT_POLICY_EXAMPLE = f"""```yaml
apiVersion: {API_VERSION}
kind: AlertPolicy
metadata: {{name: shop, namespace: shop}}
spec:
  preset: google-sre  # four tiers of burn rates, for every SLO of the namespace
  presetNotify: [oncall]
  rules:
  - {{name: blind, severity: P1, when: {{noData: {{for: 10m}}}}, notify: [oncall]}}
  escalation: {{acknowledgeWithin: {{P0: 5m, P1: 15m}}}}
```
"""
_INCIDENT_EXAMPLE = f"""```yaml
apiVersion: {API_VERSION}
kind: Incident  # most are opened by an AlertPolicy; this is what a person writes, or: backstop incident open
metadata:
  generateName: payments-fail-
  namespace: shop
  annotations: {{backstop.dev/opened-by: ann@example.com}}
spec:
  title: Payments fail in the shop
  severity: P1
```
"""
_CHANNEL_EXAMPLE = f"""```yaml
apiVersion: {API_VERSION}
kind: NotificationChannel
metadata: {{name: oncall, namespace: shop}}
spec:
  webhook:
    url: https://hooks.example.com/incidents
    secretRef: {{name: incident-webhook, key: signing-key}}  # messages are signed with it
```
"""
_CONVENTIONS = """\
Durations are written as Prometheus writes them: `30s`, `5m`, `1h30m`, `30d`, `500ms`; a day is 24 hours, a week 7
days, a year 365 days. Unknown fields are errors. A field that is *not supported yet* is refused with condition
`Ready=False` and reason `NotSupportedYet`; it is never ignored. `backstop validate -f FILE` checks all of this without
a cluster.
"""


def _generator(kind: Kind, path: str, example: str) -> Generator:
    return Generator(make=lambda: {path: _page(kind, example)}, owns=(path,))


def _page(kind: Kind, example: str) -> str:
    parts = [_HEAD.format(kind=kind.name, short=kind.short, api_version=API_VERSION), example, _CONVENTIONS]
    for name, title, schema in (
        ("spec", "What you write", structural_schema(kind.spec)),
        ("status", "What Backstop knows", structural_schema(kind.status)),
    ):
        parts.append(f"## {title}: `{name}`\n")
        parts += (_section(path, node) for path, node in _objects(name, schema))
    parts.append(_columns(kind))
    return "\n".join(parts)


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
        return "time with offset (RFC 3339)" if "pattern" in field else "time (RFC 3339, UTC)"
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


def _columns(kind: Kind) -> str:
    lines = [
        f"## Columns of `kubectl get {kind.short}`",
        "",
        "| column | shown | meaning | from |",
        "|---|---|---|---|",
    ]
    for column in kind.columns:
        shown = "with `-o wide`" if column.priority else "always"
        lines.append(f"| {column.name} | {shown} | {column.description} | `{column.path}` |")
    return "\n".join([*lines, ""])


SLO_REFERENCE = _generator(SLO, "docs/reference/slo.md", _SLO_EXAMPLE)
MAINTENANCE_REFERENCE = _generator(MAINTENANCE_WINDOW, "docs/reference/maintenance-window.md", _MAINTENANCE_EXAMPLE)
ALERT_POLICY_REFERENCE = _generator(ALERT_POLICY, "docs/reference/alert-policy.md", _ALERT_POLICY_EXAMPLE)
INCIDENT_REFERENCE = _generator(INCIDENT, "docs/reference/incident.md", _INCIDENT_EXAMPLE)
CHANNEL_REFERENCE = _generator(NOTIFICATION_CHANNEL, "docs/reference/notification-channel.md", _CHANNEL_EXAMPLE)
