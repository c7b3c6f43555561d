"""Offline judgement of manifests: which objects are ours, what is wrong with them, and on which line."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backstop.api.crd import KINDS
from backstop.api.manifests import Document, Place, Unreadable, read_documents
from backstop.api.objects import Checked
from backstop.api.paths import Location, show_path
from backstop.api.problems import Problem
from backstop.api.to_alert_policy import check_alert_policy
from backstop.api.to_channel import check_channel
from backstop.api.to_domain import check_slo
from backstop.api.to_incident import check_incident
from backstop.api.to_maintenance import check_maintenance
from backstop.vocabulary import API_VERSION, GROUP

_CHECKS: Final[Mapping[str, Callable[[object, datetime | None], Checked[Any]]]] = {
    "SLO": lambda body, _: check_slo(body),
    "MaintenanceWindow": lambda body, now: check_maintenance(body, now=now),
    "AlertPolicy": lambda body, _: check_alert_policy(body),
    "NotificationChannel": lambda body, _: check_channel(body),
    "Incident": lambda body, _: check_incident(body),
}


def check_object(kind: str, body: object, *, now: datetime | None) -> Checked[Any] | None:
    """Read an object of a kind of ours as it would be applied at `now`; None for a kind that is not ours."""
    check = _CHECKS.get(kind)
    return None if check is None else check(body, now)


_TEMPLATE_HINT: Final = "; if it is a template, check what it renders to: helm template . | backstop validate -f -"


class Outcome(StrEnum):
    """What became of an object."""

    VALID = "valid"
    INVALID = "invalid"
    SKIPPED = "skipped"  # not ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A problem or a warning, with its place in the file."""

    path: str
    text: str
    place: Place
    not_supported_yet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What was found about one object, or about a file that cannot be read (then `kind` is empty)."""

    file: str
    place: Place
    outcome: Outcome
    kind: str = ""
    namespace: str = ""
    name: str = ""
    problems: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    body: object = None  # the object itself; None for a file that cannot be read
    place_of: Callable[[Location], Place] | None = None  # where a field of it stands

    @property
    def subject(self) -> str:
        """The object as people call it: `SLO shop/checkout`."""
        full_name = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(part for part in (self.kind, full_name) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """An object's place: in a file, in a document, perhaps in a List."""

    file: str
    document: Document
    location: Location

    @property
    def place(self) -> Place:
        return self.document.place_of(self.location)

    def skipped(self, value: object) -> Review:
        return self._review(value, Outcome.SKIPPED, (), ())

    def judged(self, value: object, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> Review:
        return self._review(value, Outcome.INVALID if problems else Outcome.VALID, problems, warnings)

    def repeated_keys(self) -> Iterator[Problem]:
        """Yield a problem per key of the object that is there twice."""
        for repeated in self.document.repeated_keys:
            if repeated[: len(self.location)] == self.location:
                inner = repeated[len(self.location) :]
                yield Problem(location=inner, text=f"{show_path(inner[-1:])} is there twice; keep one")

    def _review(
        self, value: object, outcome: Outcome, problems: Sequence[Problem], warnings: Sequence[Problem]
    ) -> Review:
        kind, namespace, name = _identity(value)
        return Review(
            file=self.file,
            place=self.place,
            outcome=outcome,
            kind=kind,
            namespace=namespace,
            name=name,
            problems=self._remarks(problems),
            warnings=self._remarks(warnings),
            body=value,
            place_of=self._place_of,
        )

    def _place_of(self, location: Location) -> Place:
        return self.document.place_of((*self.location, *location))

    def _remarks(self, problems: Sequence[Problem]) -> tuple[Remark, ...]:
        """Give problems their places, and return them in the order of those."""
        remarks = (
            Remark(
                path=problem.path,
                text=problem.text,
                place=self._place_of(problem.location),
                not_supported_yet=problem.not_supported_yet,
            )
            for problem in problems
        )
        return tuple(sorted(remarks, key=lambda remark: (remark.place.line, remark.place.column)))


@dataclass(slots=True)
class Reviewer:
    """Reviews file after file and remembers the objects, so that the same one twice is found.

    `now` is when they would be applied; without it, what depends on that is not judged.
    """

    now: datetime | None = None
    _seen: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def review(self, file: str, text: str, *, found: bool = False) -> Iterator[Review]:
        """Yield a review per object in `text`. Raises nothing, whatever the text is.

        `found` tells that nobody named the file: what is no Kubernetes object in it, such as the values of a chart, is
        skipped, where in a file that was named it is a mistake.
        """
        for document in read_documents(text):
            if isinstance(document, Unreadable):
                text = f"{document.text}{_TEMPLATE_HINT if '{{' in text else ''}"
                remark = Remark(path="", text=text, place=document.place)
                yield Review(file=file, place=document.place, outcome=Outcome.INVALID, problems=(remark,))
                continue
            for location, value in _objects(document.value):
                where = _Where(file=file, document=document, location=location)
                yield self._review_object(where, value, found=found)

    def _review_object(self, where: _Where, value: object, *, found: bool) -> Review:
        kind, namespace, name = _identity(value)
        strange = _strange_type(value)
        if strange is not None:
            told = kind and isinstance(value, Mapping) and "apiVersion" in value
            return where.skipped(value) if found and not told else where.judged(value, [strange])
        if not _is_ours(value):
            return where.skipped(value)
        checked = _CHECKS[kind](value, self.now)
        problems = [*checked.problems, *where.repeated_keys()]
        identity = (kind, namespace, name)
        if name and identity in self._seen:
            text = f"the same object is in {self._seen[identity]} already"
            problems.append(Problem(location=("metadata", "name"), text=text))
        self._seen.setdefault(identity, f"{where.file}:{where.place.line}")
        return where.judged(value, problems, checked.warnings)


def _objects(value: object) -> Iterator[tuple[Location, object]]:
    """Yield the object of a document, or those in its List, as `kubectl get -o yaml` writes it."""
    if isinstance(value, Mapping) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        yield from ((("items", index), item) for index, item in enumerate(value["items"]))
    else:
        yield (), value


def _identity(value: object) -> tuple[str, str, str]:
    """Return kind, namespace and name as far as they are texts."""
    body: Mapping[Any, Any] = value if isinstance(value, Mapping) else {}
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    kind, namespace, name = (
        part if isinstance(part, str) else ""
        for part in (body.get("kind"), metadata.get("namespace"), metadata.get("name"))
    )
    return kind, namespace, name


def _is_ours(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("apiVersion") == API_VERSION


def _strange_type(value: object) -> Problem | None:
    """Return what is wrong with the type of an object, so that it cannot be told what it should be."""
    if not isinstance(value, Mapping):
        return Problem(location=(), text="is not a Kubernetes object: a map with apiVersion and kind")
    api_version, kind = value.get("apiVersion"), value.get("kind")
    for key, given in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(given, str) or not given:
            example = API_VERSION if key == "apiVersion" else KINDS[0].name
            return Problem(location=(key,), text=f"is missing; a Backstop object has for example {key}: {example}")
    group = str(api_version).partition("/")[0]
    known = [known.name for known in KINDS]
    if group == GROUP:
        if api_version != API_VERSION:
            return Problem(location=("apiVersion",), text=f"is not a version we know; write {API_VERSION}")
        if kind not in known:
            return Problem(location=("kind",), text=f"is not a kind of {GROUP}; known kinds are {', '.join(known)}")
    elif kind in known and difflib.get_close_matches(group, [GROUP], cutoff=0.8):
        return Problem(location=("apiVersion",), text=f"is not ours, but close; did you mean {API_VERSION}?")
    return None
