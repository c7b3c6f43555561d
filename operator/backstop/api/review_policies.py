"""Alert policies among the objects of some files: is what they name there, and do their rules fit the SLOs?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.references import references_of
from backstop.api.review import Outcome, Review
from backstop.api.review_composites import Name, name_of, remark_of, slo_of
from backstop.api.to_alert_policy import KIND, check_alert_policy, to_alert_policy
from backstop.api.to_domain import KIND as SLO_KIND
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.alert_tiers import RefusedRule, effective
from backstop.domain.slo import SLO

_NAMED: Final = 3  # SLOs that a rule does not fit and that are told; a policy may be about a whole namespace

_Objects = Mapping[tuple[str, Name], Review]  # by kind and full name


def with_policies(reviews: Sequence[Review], *, now: datetime) -> list[Review]:
    """Return the reviews with what is wrong between policies and the SLOs and channels of their namespaces.

    One that is not in the files may be in the cluster, so that it is missing is a warning. `now` tells how long the
    present period of a calendar window is.
    """
    if not any(review.kind == KIND for review in reviews):
        return list(reviews)
    objects = {(review.kind, name_of(review)): review for review in reviews}
    slos = [slo_of(review) for review in reviews if review.kind == SLO_KIND and review.outcome is Outcome.VALID]
    return [
        _with(review, objects, slos, now.timestamp())
        if review.kind == KIND and review.outcome is Outcome.VALID
        else review
        for review in reviews
    ]


def misfits(policy: AlertPolicy, slo: SLO, at: float) -> Iterator[Problem]:
    """Yield why rules of a policy cannot be with an SLO at `at` (unix seconds), each reason once (semantics A1, A2)."""
    told: set[tuple[Location, str]] = set()
    for rule in effective(policy, slo, at):
        if isinstance(rule, RefusedRule):
            location, text = _location(policy, rule.name), f"does not fit SLO {slo.name}: {rule.message}"
            if (location, text) not in told:
                told.add((location, text))
                yield Problem(location=location, text=text)


def _with(review: Review, objects: _Objects, slos: Sequence[SLO], at: float) -> Review:
    missing = list(_missing(review, objects))
    namespace, name = name_of(review)
    problems = list(misfits_among(policy_at_apply(review.body, namespace, name), slos, at))
    return replace(
        review,
        outcome=Outcome.INVALID if problems else review.outcome,
        problems=(*review.problems, *(remark_of(review, problem) for problem in problems)),
        warnings=(*review.warnings, *(remark_of(review, problem) for problem in missing)),
    )


def _missing(review: Review, objects: _Objects) -> Iterator[Problem]:
    """Yield what the policy names and the files do not have, each name once."""
    namespace, _ = name_of(review)
    told: set[tuple[str, str]] = set()
    for reference in references_of(KIND, check_alert_policy(review.body).spec):
        if (reference.kind, reference.name) in told:
            continue
        told.add((reference.kind, reference.name))
        there = objects.get((reference.kind, (namespace, reference.name)))
        if there is None:
            text = f"no {reference.kind} is named {reference.name!r} in these files; the namespace must have one"
            yield Problem(location=reference.location, text=text)
        elif there.outcome is not Outcome.VALID:
            text = f"{reference.kind} {reference.name!r} is refused itself"
            yield Problem(location=reference.location, text=text)


def misfits_among(policy: AlertPolicy, slos: Iterable[SLO], at: float) -> Iterator[Problem]:
    """Yield why rules cannot be with those of the SLOs that the policy is about; for each rule some of them."""
    concerned = [
        slo
        for slo in slos
        if slo.namespace == policy.namespace and (policy.slos is None or policy.slos.matches(slo.name, slo.labels))
    ]
    counts: dict[Location, int] = {}
    for slo in concerned:
        for problem in misfits(policy, slo, at):
            counts[problem.location] = counts.get(problem.location, 0) + 1
            if counts[problem.location] <= _NAMED:
                yield problem
    for location, count in counts.items():
        if count > _NAMED:
            yield Problem(location=location, text=f"does not fit {count - _NAMED} more SLOs")


def _location(policy: AlertPolicy, name: str) -> Location:
    """Return where a rule or a tier is written."""
    index = next((index for index, rule in enumerate(policy.rules) if rule.name == name), None)
    return ("spec", "preset") if index is None else ("spec", "rules", index, "when")


def policy_at_apply(body: object, namespace: str, name: str) -> AlertPolicy:
    """Return a valid policy as if an API server had taken it."""
    known: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    return to_alert_policy({**known, "metadata": {"name": name, "namespace": namespace, "uid": name, "generation": 1}})
