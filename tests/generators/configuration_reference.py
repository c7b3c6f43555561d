"""docs/reference/configuration.md: every field of the operator's configuration file, from its model."""

import types
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from backstop.api.configuration import DEFAULT_PATH, PATH_VARIABLE, Configuration, Seconds
from backstop.domain.duration import format_duration
from tests.generators.registry import Files, Generator

PATH = "docs/reference/configuration.md"
EXAMPLE = """\
sources:
  - name: default
    url: http://prometheus.monitoring:9090
  - name: mimir
    url: https://mimir.example/prometheus
    allowedNamespaces: [shop, "team-*"]
    timeout: 20s
    ingestionDelay: 1m
    auth: {bearerTokenFile: /etc/backstop/secrets/mimir/token}
    tls: {caFile: /etc/backstop/secrets/mimir/ca.crt}
    headers: {X-Scope-OrgID: team-a}
    enforceMatcher: {namespace: $namespace}
watch: {namespaces: []}
leaderElection: {enabled: true, leaseDuration: 15s, renewEvery: 5s}
status: {writesPerSecond: 50, heartbeat: 10m, minimumInterval: 60s}
checkpoint: {folder: /var/lib/backstop, sizeMebibytes: 512}
notifications: {allowedHosts: [hooks.example.com], allowedNetworks: [10.20.0.0/16]}
web: {host: 0.0.0.0, port: 8080}
admission: {enabled: true, port: 9443, names: [backstop-webhook.backstop-system.svc]}
logging: {level: info, format: json}
"""
_INTRODUCTION = f"""# Configuration

<!-- Generated from operator/backstop/api/configuration.py by `make docs`; edit that. -->

The operator reads `{DEFAULT_PATH}`, or the file that the environment variable `{PATH_VARIABLE}` names.
The Helm chart writes it from its values; [connect Prometheus](../how-to/connect-prometheus.md) shows how to fill
`sources`.

The file is read again when its content changes. A file with a problem is not put in force: the last good one stays,
the log tells every problem with its path and what to write instead, and `backstop_config_valid` is 0. At start-up a
file with a problem ends the operator. Unknown fields are problems. Files with secrets are read anew for every query, so
a rotated one is used at once.

Durations are written as Prometheus writes them: `500ms`, `10s`, `5m`, `1h30m`.

```yaml
{EXAMPLE}```
"""


def make() -> Files:
    return {PATH: "\n".join([_INTRODUCTION, *_sections(Configuration, "")])}


def _sections(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the section of a model, then those of the models inside it."""
    inner = []
    rows = []
    for field in model.model_fields.values():
        at = f"{path}.{field.alias}" if path else str(field.alias)
        if (nested := _model_in(field.annotation)) is not None:
            at += "[]" if _is_list(field.annotation) else ""
            inner.append((nested, at))
        rows.append(
            f"| `{field.alias}` | {_kind(field)} | {_default(field)} | {_limits(field)} | {field.description} |"
        )
    lines = [f"## {path}" if path else "## Top level", ""]
    lines += ["| field | type | default | limits | meaning |", "|---|---|---|---|---|", *rows, ""]
    yield "\n".join(lines).replace("|  |", "| |").replace("|  |", "| |")
    for nested, at in inner:
        yield from _sections(nested, at)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _kind(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) in {Union, types.UnionType}:
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if any(part in field.metadata for part in get_args(Seconds)[1:]):
        return "duration"
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f"`{each}`" for each in annotation)
    if _is_list(annotation):
        return "list of object" if _model_in(annotation) else "list of text"
    if get_origin(annotation) in {Mapping, dict} or annotation is Mapping:
        return "map of text to text"
    if _model_in(annotation):
        return "object"
    return {bool: "true or false", int: "whole number"}.get(annotation, "text")  # type: ignore[arg-type]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    match field.default:
        case None | BaseModel() | {}:
            return ""
        case float() as seconds:
            return f"`{format_duration(seconds)}`"
        case bool() as flag:
            return f"`{str(flag).lower()}`"
        case tuple() as entries:
            return f"`[{', '.join(repr(str(each)) for each in entries)}]`".replace("'", '"')
        case other:
            return f"`{other}`"


def _limits(field: FieldInfo) -> str:
    duration = _kind(field) == "duration"
    texts = []
    for limit in field.metadata:
        match limit:
            case Ge(ge=bound):
                texts.append(f"≥ {format_duration(float(bound)) if duration else bound}")  # type: ignore[arg-type]
            case Le(le=bound):
                texts.append(f"≤ {format_duration(float(bound)) if duration else bound}")  # type: ignore[arg-type]
            case MinLen(min_length=1):
                texts.append("not empty")
            case MaxLen(max_length=count):
                texts.append(f"at most {count} {'characters' if _kind(field) == 'text' else 'entries'}")
    return ", ".join(texts)


CONFIGURATION_REFERENCE = Generator(make=make, owns=(PATH,))
