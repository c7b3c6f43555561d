"""The objects that exist, by uid: parsed once per generation, valid or refused with the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from backstop.domain.errors import SpecError
from backstop.domain.slo import SLO, Uid
from backstop.engine.sources import SourceRefused
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import Reason

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]
Parse = Callable[[Body], SLO]  # raises SpecError
Check = Callable[[SLO], None]  # raises SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One object. Exactly one of `slo` and `problem` is set."""

    ref: ObjectRef
    generation: int
    parsed: SLO | None  # understood, though perhaps refused for its source
    problem: SpecError | None

    @property
    def slo(self) -> SLO | None:
        return self.parsed if self.problem is None else None

    @property
    def reason(self) -> Reason:
        """The reason of condition Ready for a refused object."""
        if isinstance(self.problem, SourceRefused):
            return self.problem.reason
        if self.problem is not None and self.problem.not_supported_yet:
            return Reason.NOT_SUPPORTED_YET
        return Reason.INVALID


class Registry:
    """Validated objects by uid."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._objects: dict[Uid, Registered] = {}

    def __iter__(self) -> Iterator[Registered]:
        return iter(tuple(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, uid: Uid) -> Registered | None:
        return self._objects.get(uid)

    def put(self, kind: str, body: Body, check: Check) -> tuple[Registered | None, bool]:
        """Take an object as the API server has it; return it, and whether its spec is new to us.

        A body without an identity is dropped with a log line: there is no object to show the problem on.
        """
        ref, generation = identity(kind, body)
        if ref is None:
            log.warning("object.without_identity", kind=kind)
            return None, False
        known = self._objects.get(ref.uid)
        if known is not None and known.generation == generation:
            return known, False
        try:
            parsed: SLO | None = self._parse(body)
            problem: SpecError | None = None
        except SpecError as error:
            parsed, problem = None, error
        registered = self._checked(ref, generation, parsed, problem, check)
        self._objects[ref.uid] = registered
        return registered, True

    def recheck(self, check: Check) -> list[Registered]:
        """Check all understood objects anew, as after a change of the configuration; return those that changed."""
        changed = []
        for known in self:
            if known.parsed is None:
                continue
            again = self._checked(known.ref, known.generation, known.parsed, None, check)
            if str(again.problem) != str(known.problem):
                self._objects[known.ref.uid] = again
                changed.append(again)
        return changed

    def remove(self, uid: Uid) -> Registered | None:
        return self._objects.pop(uid, None)

    def missing_from(self, uids: frozenset[str]) -> list[Uid]:
        """Return the uids that we hold and a complete LIST does not: their deletion was missed."""
        return [uid for uid in self._objects if uid not in uids]

    @staticmethod
    def _checked(
        ref: ObjectRef, generation: int, parsed: SLO | None, problem: SpecError | None, check: Check
    ) -> Registered:
        if parsed is not None and problem is None:
            try:
                check(parsed)
            except SpecError as error:
                problem = error
        return Registered(ref=ref, generation=generation, parsed=parsed, problem=problem)


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
