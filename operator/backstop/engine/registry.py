"""The objects of a kind that exist, by uid: parsed once per change, valid or refused with the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import structlog

from backstop.domain.errors import SpecError
from backstop.domain.slo import Uid
from backstop.engine.sources import SourceRefused
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import Reason

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]
Parsed = TypeVar("Parsed")
Parse = Callable[[Body], Parsed]  # raises SpecError
Check = Callable[[Parsed], None]  # raises SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Generic[Parsed]):
    """One object. Exactly one of `valid` and `problem` is set."""

    ref: ObjectRef
    generation: int
    labels: Mapping[str, str]
    parsed: Parsed | None  # understood, though perhaps refused for its source
    problem: SpecError | None

    @property
    def valid(self) -> Parsed | None:
        return self.parsed if self.problem is None else None

    @property
    def reason(self) -> Reason:
        """The reason of condition Ready for a refused object."""
        if isinstance(self.problem, SourceRefused):
            return self.problem.reason
        if self.problem is not None and self.problem.not_supported_yet:
            return Reason.NOT_SUPPORTED_YET
        return Reason.INVALID


class Registry(Generic[Parsed]):
    """Validated objects by uid."""

    def __init__(self, parse: Parse[Parsed]) -> None:
        self._parse = parse
        self._objects: dict[Uid, Registered[Parsed]] = {}

    def __iter__(self) -> Iterator[Registered[Parsed]]:
        return iter(tuple(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, uid: Uid) -> Registered[Parsed] | None:
        return self._objects.get(uid)

    def put(self, kind: str, body: Body, check: Check[Parsed] | None = None) -> tuple[Registered[Parsed] | None, bool]:
        """Take an object as the API server has it; return it, and whether its spec or its labels are new to us.

        `check` is what its own text cannot answer; None: there is no such thing.
        A body without an identity is dropped with a log line: there is no object to show the problem on.
        """
        ref, generation = identity(kind, body)
        if ref is None:
            log.warning("object.without_identity", kind=kind)
            return None, False
        known = self._objects.get(ref.uid)
        labels = _labels(body)
        # Labels do not move the generation, and decide who selects the object.
        if known is not None and (known.generation, known.labels) == (generation, labels):
            return known, False
        try:
            parsed: Parsed | None = self._parse(body)
            problem: SpecError | None = None
        except SpecError as error:
            parsed, problem = None, error
        found = Registered(ref=ref, generation=generation, labels=labels, parsed=parsed, problem=problem)
        registered = self._objects[ref.uid] = found if check is None else _checked(found, check)
        return registered, True

    def recheck(self, check: Check[Parsed]) -> list[Registered[Parsed]]:
        """Check all understood objects anew, as after a change of the configuration; return those that changed."""
        changed = []
        for known in self:
            if known.parsed is None:
                continue
            again = _checked(replace(known, problem=None), check)
            if str(again.problem) != str(known.problem):
                self._objects[known.ref.uid] = again
                changed.append(again)
        return changed

    def remove(self, uid: Uid) -> Registered[Parsed] | None:
        return self._objects.pop(uid, None)

    def missing_from(self, uids: frozenset[str]) -> list[Uid]:
        """Return the uids that we hold and a complete LIST does not: their deletion was missed."""
        return [uid for uid in self._objects if uid not in uids]


def _checked(found: Registered[Parsed], check: Check[Parsed]) -> Registered[Parsed]:
    """Return an object as it is after a check that its own text cannot answer."""
    if found.parsed is None or found.problem is not None:
        return found
    try:
        check(found.parsed)
    except SpecError as error:
        return replace(found, problem=error)
    return found


def status_of(body: Body) -> Mapping[str, Any] | None:
    """Return the status that an object carries; None where it has none, or something else stands in its place."""
    status = body.get("status")
    return status if isinstance(status, Mapping) else None


def identity(kind: str, body: Body) -> tuple[ObjectRef | None, int]:
    """Return who an object is and its generation; None when its metadata does not tell."""
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping):
        return None, 0
    uid, name, namespace = (metadata.get(key) for key in ("uid", "name", "namespace"))
    generation = metadata.get("generation", 0)
    if not (isinstance(uid, str) and isinstance(name, str) and isinstance(namespace, str) and uid and name):
        return None, 0
    return (
        ObjectRef(kind=kind, namespace=namespace, name=name, uid=Uid(uid)),
        generation if isinstance(generation, int) else 0,
    )


def _labels(body: Body) -> dict[str, str]:
    """Return the labels of an object; what is no label is left out, and said by whoever parses the object."""
    metadata = body.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    given = labels if isinstance(labels, Mapping) else {}
    return {key: value for key, value in given.items() if isinstance(key, str) and isinstance(value, str)}
