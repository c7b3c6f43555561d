"""From what pydantic objects to, to problems that name the path and a value that works."""

import difflib
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from backstop.api import field_types, rules
from backstop.api.field_types import kind_of
from backstop.api.paths import Location, show_path
from backstop.domain.errors import SpecError

MAX_PROBLEMS: Final = 50  # of one object; a hostile one must not fill the terminal
_MAX_SHOWN: Final = 60  # characters of a wrong value that a message repeats

_EXPECTED: Final = {
    "string_type": "a text",
    "string_unicode": "valid Unicode text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One wrong field. The location has the names of YAML, so that a line number can be found for it."""

    location: Location
    text: str
    not_supported_yet: bool = False

    @property
    def path(self) -> str:
        return show_path(self.location)

    def error(self) -> SpecError:
        return SpecError(self.path, self.text, not_supported_yet=self.not_supported_yet)


def problems_of(error: ValidationError, model: type[BaseModel], *, at: Location) -> list[Problem]:
    """Return the problems of an object at location `at` that was refused as a `model`."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        location = tuple(detail["loc"])
        texts = _texts(detail, model, location)
        found.extend(Problem(location=(*at, *location), text=text) for text in texts)
        if len(found) >= MAX_PROBLEMS:
            break
    return found[:MAX_PROBLEMS]


def null_problems(model: type[BaseModel], raw: Mapping[Any, Any], *, at: Location) -> list[Problem]:
    """Return a problem per field that is written as null: the API server refuses what pydantic would take as unset.

    Follows fields of the model only, so its depth is bounded whatever `raw` is.
    """
    found: list[Problem] = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in raw:
            continue
        value = raw[key]
        if value is None:
            if not field.is_required():
                found.append(Problem(location=(*at, key), text=f"is null; leave it out{_or_example(field)}"))
            continue
        inner = _model_in(field.annotation)
        if inner is None:
            continue
        if isinstance(value, Mapping):
            found += null_problems(inner, value, at=(*at, key))
        elif isinstance(value, list):
            for index, item in enumerate(value[:MAX_PROBLEMS]):
                if isinstance(item, Mapping):
                    found += null_problems(inner, item, at=(*at, key, index))
    return found[:MAX_PROBLEMS]


_Context = Mapping[str, Any]
_LIMITS: Final[Mapping[str, Callable[[_Context, Any], str]]] = {
    "string_too_long": lambda context, value: (
        f"has {len(value)} characters, at most {context['max_length']} are allowed"
    ),
    "string_too_short": lambda _, __: "is empty",
    "string_pattern_mismatch": lambda context, value: f"{_shown(value)} does not match {context['pattern']}",
    "too_long": lambda context, _: (
        f"has {context['actual_length']} entries, at most {context['max_length']} are allowed"
    ),
    "too_short": lambda context, _: (
        f"has {context['actual_length']} entries, at least {context['min_length']} is needed"
    ),
    "greater_than_equal": lambda context, value: f"is {_shown(value)}; write at least {context['ge']}",
    "less_than_equal": lambda context, value: f"is {_shown(value)}; write at most {context['le']}",
    "less_than": lambda context, value: f"is {_shown(value)}; write less than {context['lt']}",
    "finite_number": lambda _, __: "is not a finite number",
    "missing": lambda _, __: "is missing",
}


def _texts(detail: ErrorDetails, model: type[BaseModel], location: Location) -> list[str]:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == rules.RULES_BROKEN:
        return list(context["messages"])
    if kind == field_types.PROBLEM:
        return [context["text"]]
    if kind in ("extra_forbidden", "invalid_key"):
        return [_unknown_field(model, location)]
    if kind in _EXPECTED:
        text = f"is {kind_of(value)}, not {_EXPECTED[kind]}"
    elif kind in _LIMITS:
        text = _LIMITS[kind](context, value)
    else:
        text = f"{detail['msg'][0].lower()}{detail['msg'][1:]}"
    return [text + _example(field_at(model, location))]


def _unknown_field(model: type[BaseModel], location: Location) -> str:
    parent = model_at(model, location[:-1])
    known = [field.alias or name for name, field in parent.model_fields.items()] if parent is not None else []
    near = difflib.get_close_matches(str(location[-1])[:_MAX_SHOWN], known, n=1, cutoff=0.6)
    if near:
        return f"is not a field here; did you mean {near[0]}?"
    return f"is not a field here; known fields are {', '.join(known)}"


def field_at(model: type[BaseModel], location: Location) -> FieldInfo | None:
    """Return the field of the model that a location ends in, also when it ends in an entry of the field's list."""
    field: FieldInfo | None = None
    current: type[BaseModel] | None = model
    for segment in location:
        if isinstance(segment, int):
            continue
        if current is None:
            return field
        field = next((f for name, f in current.model_fields.items() if (f.alias or name) == segment), None)
        current = _model_in(field.annotation) if field is not None else None
    return field


def model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Return the model that a location leads to."""
    field = field_at(model, location)
    return model if not location else _model_in(field.annotation) if field is not None else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside of an optional, a list or an annotated type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        return next((found for part in typing.get_args(annotation) if (found := _model_in(part)) is not None), None)
    return None


def _example(field: FieldInfo | None) -> str:
    if field is None or not field.examples:
        return ""
    return f"; write for example {json.dumps(field.examples[0], ensure_ascii=False)}"


def _or_example(field: FieldInfo) -> str:
    return _example(field).replace("; write", ", or write", 1)


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, (str, int, float)) else kind_of(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
