"""Judges our own kinds before they are stored: AdmissionReview in, AdmissionReview out (semantics K10).

What is refused here is what condition Ready would refuse later, in the same words. Nothing here needs the watch: what
other objects there are is asked of `Known`, which may not know, and at most makes warnings. An object that is stored
already can always be changed outside of its spec, and be deleted: labels, owners and finalizers must not be stuck.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from backstop.api.objects import combined
from backstop.api.problems import Problem
from backstop.api.references import references_of
from backstop.api.review import check_object
from backstop.api.review_policies import misfits_among, policy_at_apply
from backstop.api.to_alert_policy import KIND as ALERT_POLICY
from backstop.domain.slo import SLO
from backstop.engine.conditions import MAX_MESSAGE

log = structlog.get_logger(__name__)

_JUDGED: Final = ("CREATE", "UPDATE")
_MAX_CAUSES: Final = 16  # fields that a refusal lists one by one; the message tells how many more there are
_MAX_WARNINGS: Final = 16
_MAX_WARNING: Final = 256  # characters; the API server may cut longer ones
_MAX_FIELD: Final = 256  # characters of a path: keys in it are the caller's
_INVALID: Final = (422, "Invalid")  # as of an object that the schema refuses
_OURS: Final = (500, "InternalError")


class Known(Protocol):
    """What objects there are, as of now."""

    def has(self, kind: str, namespace: str, name: str) -> bool | None:
        """Return whether an object exists; None while that is not known."""
        ...

    @property
    def slos(self) -> Collection[SLO]:
        """The SLOs that are followed, as far as that is known."""
        ...


@dataclass(frozen=True, slots=True)
class KnownObjects:
    """Known by complete LISTs: pairs of namespace and name by kind. A kind that is not in it is unknown."""

    names: Mapping[str, frozenset[tuple[str, str]]]
    slos: Collection[SLO] = ()

    def has(self, kind: str, namespace: str, name: str) -> bool | None:
        found = self.names.get(kind)
        return None if found is None else (namespace, name) in found


class NotAReview(ValueError):
    """The text is no AdmissionReview of ours to answer: it has no uid to answer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the API server asks. Only `uid` is certain to be there; the rest is whatever was sent."""

    uid: str
    api_version: str
    operation: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    user: str = ""
    body: object = None
    before: object = None

    @property
    def subject(self) -> str:
        """The object as people call it: `SLO shop/checkout`."""
        full_name = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(part for part in (self.kind, full_name) if part) or "an object without a name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why not. `causes` are path and text of each field; clients list them one by one."""

    message: str
    code: int
    reason: str
    causes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Allowed unless there is a refusal; warnings are shown in either case."""

    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """One word for it: allowed, refused, or failed, where the failure is ours."""
        if self.refusal is None:
            return "allowed"
        return "refused" if self.refusal.reason == _INVALID[1] else "failed"


def read_request(text: bytes) -> Request:
    """Return the request in the body of a call. Raises NotAReview, whatever the text is."""
    try:
        review = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise NotAReview(f"the body is no JSON: {problem}") from problem
    request = _map(_map(review).get("request"))
    uid = _text(request.get("uid"))
    if not uid:
        raise NotAReview("the body is no AdmissionReview: request.uid is missing")
    body = request.get("object")
    metadata = _map(_map(body).get("metadata"))
    return Request(
        uid=uid,
        api_version=_text(_map(review).get("apiVersion")) or "admission.k8s.io/v1",
        operation=_text(request.get("operation")),
        kind=_text(_map(request.get("kind")).get("kind")),
        namespace=_text(request.get("namespace")),
        name=_text(request.get("name")) or _text(metadata.get("name")),
        user=_text(_map(request.get("userInfo")).get("username")),
        body=body,
        before=request.get("oldObject"),
    )


def judge(request: Request, known: Known, *, now: datetime) -> Verdict:
    """Return what to answer, whatever the object is. A failure of ours refuses, too, and says that it is ours."""
    try:
        return _judge(request, known, now)
    except Exception as failure:
        log.exception("admission.failed", object=request.subject, user=request.user)
        return Verdict(refusal=_our_failure(request, type(failure).__name__))


def too_slow(request: Request, seconds: float) -> Verdict:
    """Return the answer to a request that took longer than there is time for."""
    log.error("admission.too_slow", object=request.subject, user=request.user, seconds=seconds)
    return Verdict(refusal=_our_failure(request, f"it took longer than {seconds:g} s"))


def answer(request: Request, verdict: Verdict) -> dict[str, Any]:
    """Return the AdmissionReview that carries a verdict."""
    response: dict[str, Any] = {"uid": request.uid, "allowed": verdict.refusal is None}
    if verdict.refusal is not None:
        response["status"] = _status(request, verdict.refusal)
    if verdict.warnings:
        response["warnings"] = [_one_line(text) for text in verdict.warnings[:_MAX_WARNINGS]]
    return {"apiVersion": request.api_version, "kind": "AdmissionReview", "response": response}


def _judge(request: Request, known: Known, now: datetime) -> Verdict:
    if request.operation not in _JUDGED or _is_going_away(request.body):
        return Verdict()
    checked = check_object(request.kind, request.body, now=now)
    if checked is None:
        text = f"this Backstop does not know the kind {request.kind}: it is stored as it is, and nobody follows it yet"
        return Verdict(warnings=(text,))
    warnings = [_text_of(problem) for problem in checked.warnings]
    if not checked.problems:
        if checked.spec is not None:
            warnings += _missing(request, checked.spec, known)
            warnings += _misfits(request, known, now)
        return Verdict(warnings=tuple(warnings))
    if request.operation == "UPDATE" and _spec(request.body) == _spec(request.before):
        stored = [f"not followed as it is stored: {_text_of(problem)}" for problem in checked.problems]
        return Verdict(warnings=(*stored, *warnings))
    return Verdict(refusal=_refusal(list(checked.problems)), warnings=tuple(warnings))


def _refusal(problems: list[Problem]) -> Refusal:
    code, reason = _INVALID
    causes = tuple((problem.path or "object", problem.text) for problem in problems[:_MAX_CAUSES])
    if len(problems) > _MAX_CAUSES:
        causes = (*causes, ("object", f"has {len(problems) - _MAX_CAUSES} more such fields"))
    # The words of condition Ready, cut as there.
    return Refusal(message=str(combined(problems))[:MAX_MESSAGE], code=code, reason=reason, causes=causes)


def _our_failure(request: Request, what: str) -> Refusal:
    code, reason = _OURS
    message = (
        f"Backstop failed to judge {request.subject} ({what}). This is a defect of Backstop, not of the object; its log"
        " has the details. To apply it all the same, an administrator can set failurePolicy: Ignore in Backstop's"
        " ValidatingWebhookConfiguration for that time"
    )
    return Refusal(message=message[:MAX_MESSAGE], code=code, reason=reason)


def _missing(request: Request, spec: object, known: Known) -> Iterator[str]:
    """Yield a warning per object that the spec names and that is not there: it may come later, so it is no refusal."""
    for reference in references_of(request.kind, spec):
        if reference.kind == request.kind and reference.name == request.name:
            continue  # itself, which the check speaks about
        if known.has(reference.kind, request.namespace, reference.name) is False:
            yield f"{reference.path}: there is no {reference.kind} {reference.name!r} in {request.namespace} yet"


def _misfits(request: Request, known: Known, now: datetime) -> Iterator[str]:
    """Yield a warning per rule that does not fit an SLO: it is not judged for that one, and for others it is."""
    if request.kind == ALERT_POLICY:
        policy = policy_at_apply(request.body, request.namespace, request.name or "policy")
        yield from (_text_of(problem) for problem in misfits_among(policy, known.slos, now.timestamp()))


def _status(request: Request, refusal: Refusal) -> dict[str, Any]:
    status: dict[str, Any] = {
        "status": "Failure",
        "message": _one_line(refusal.message, limit=MAX_MESSAGE),
        "reason": refusal.reason,
        "code": refusal.code,
    }
    if refusal.causes:
        # kubectl shows an object that is invalid by its kind, its name and these, not by the message.
        causes = [
            {"reason": "FieldValueInvalid", "field": path[:_MAX_FIELD], "message": _one_line(text, limit=MAX_MESSAGE)}
            for path, text in refusal.causes
        ]
        status["details"] = {"kind": request.kind, "name": request.name, "causes": causes}
    return status


def _is_going_away(body: object) -> bool:
    return bool(_map(_map(body).get("metadata")).get("deletionTimestamp"))


def _spec(body: object) -> object:
    return _map(body).get("spec")


def _text_of(problem: Problem) -> str:
    return str(problem.error())


def _one_line(text: str, *, limit: int = _MAX_WARNING) -> str:
    """Return a text without what a header or a terminal would take for more than text."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _map(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
