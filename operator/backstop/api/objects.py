"""What reading an object has in common for all our kinds: header, metadata, spec, and one error of many problems."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from backstop.api.field_types import kind_of
from backstop.api.problems import Problem, null_problems, problems_of
from backstop.domain.errors import SpecError
from backstop.vocabulary import API_VERSION

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME: Final = 253  # of Kubernetes
_NAMED: Final = 3  # problems that a combined message spells out

Spec = TypeVar("Spec", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Generic[Spec]):
    """The outcome of reading an object: a valid spec, or problems; warnings in either case."""

    spec: Spec | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def header_problems(body: Mapping[Any, Any], *, kind: str) -> Iterator[Problem]:
    """Yield what is wrong with apiVersion, kind, and the keys beside spec."""
    for key, expected in (("apiVersion", API_VERSION), ("kind", kind)):
        if body.get(key) != expected:
            yield Problem(location=(key,), text=f"must be {expected}")
    for key in body:
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            location = (key,) if isinstance(key, str) else (f"{key!r:.64}",)
            yield Problem(location=location, text="is not a field here; known fields are metadata and spec")


def name_problems(metadata: object) -> Iterator[Problem]:
    """Yield what is wrong with the metadata that people write; a namespace may be missing."""
    if not isinstance(metadata, Mapping):
        yield Problem(location=("metadata",), text="is missing; write for example metadata: {name: checkout}")
        return
    name = metadata.get("name")
    if not isinstance(name, str) or len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        text = f"must be lower-case letters, digits, '-' and '.', at most {_MAX_NAME}; write for example checkout"
        yield Problem(location=("metadata", "name"), text=text)
    namespace = metadata.get("namespace", "default")
    if not isinstance(namespace, str) or not namespace:
        yield Problem(location=("metadata", "namespace"), text="must be a text; write for example shop")
    labels = metadata.get("labels", {})
    if labels is not None and not (
        isinstance(labels, Mapping) and all(isinstance(k, str) and isinstance(v, str) for k, v in labels.items())
    ):
        text = 'must map texts to texts; quote numbers and booleans, for example tier: "1"'
        yield Problem(location=("metadata", "labels"), text=text)


def identity_problems(body: object) -> Iterator[Problem]:
    """Yield what is missing of the metadata that the API server sets."""
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    if not isinstance(metadata, Mapping):
        return  # told already
    for key in ("uid", "namespace"):
        if not (isinstance(metadata.get(key), str) and metadata[key]):
            yield Problem(location=("metadata", key), text="is missing; the API server sets it")
    generation = metadata.get("generation")
    if isinstance(generation, bool) or not isinstance(generation, int):
        yield Problem(location=("metadata", "generation"), text="is missing; the API server sets it")


def read_spec(body: Mapping[Any, Any], model: type[Spec], *, least: str) -> tuple[Spec | None, list[Problem]]:
    """Return the spec, or None and why not. `least` says what to write when there is none at all."""
    raw, at = body.get("spec"), ("spec",)
    if not isinstance(raw, Mapping):
        what = "is missing" if raw is None else f"is {kind_of(raw)}, not a map"
        return None, [Problem(location=at, text=f"{what}; write at least {least}")]
    problems = null_problems(model, raw, at=at)
    try:
        spec = model.model_validate(raw)
    except ValidationError as error:
        return None, [*problems, *problems_of(error, model, at=at)]
    return (None if problems else spec), problems


def combined(problems: list[Problem]) -> SpecError:
    """Return one error for at least one problem: the path is the first one's, the text tells further ones.

    It is `not_supported_yet` when that is all that is wrong.
    """
    ordered = sorted(problems, key=lambda problem: problem.not_supported_yet)  # stable: wrong before unsupported
    first, rest = ordered[0], ordered[1:]
    text = first.text
    if rest:
        named = "; ".join(str(problem.error()) for problem in rest[: _NAMED - 1])
        more = len(rest) - (_NAMED - 1)
        text += f" | also {named}" + (f" | and {more} more" if more > 0 else "")
    return SpecError(first.path, text, not_supported_yet=first.not_supported_yet)
