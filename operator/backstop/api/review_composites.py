"""Composites among the objects of some files: do they name SLOs that are there, and do these lead back to them?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.review import Outcome, Remark, Review
from backstop.api.to_domain import KIND, to_domain
from backstop.domain.composite import ComponentRefused, resolve
from backstop.domain.slo import SLO, CompositeIndicator, RatioIndicator

Name = tuple[str, str]  # namespace and name


def with_components(reviews: Sequence[Review]) -> list[Review]:
    """Return the reviews with what is wrong between composites and the SLOs that they name.

    One that is not in the files may be in the cluster, so that it is missing is a warning.
    """
    named = {name_of(review): review for review in reviews if review.kind == KIND}
    slos = {name: slo_of(review) for name, review in named.items() if review.outcome is Outcome.VALID}
    return [
        _with(review, slo, slos, named)
        if review.kind == KIND
        and (slo := slos.get(name_of(review))) is not None
        and isinstance(slo.indicator, CompositeIndicator)
        else review
        for review in reviews
    ]


def _with(review: Review, slo: SLO, slos: Mapping[Name, SLO], named: Mapping[Name, Review]) -> Review:
    missing = list(_missing(slo, slo.indicator, named)) if isinstance(slo.indicator, CompositeIndicator) else []
    problems = _refusal(slo, slos)
    return replace(
        review,
        outcome=Outcome.INVALID if problems else review.outcome,
        problems=(*review.problems, *(remark_of(review, problem) for problem in problems)),
        warnings=(*review.warnings, *(remark_of(review, problem) for problem in missing)),
    )


def _missing(slo: SLO, indicator: CompositeIndicator, named: Mapping[Name, Review]) -> Iterator[Problem]:
    for index, component in enumerate(indicator.components):
        there = named.get((slo.namespace, component.name))
        if there is None:
            text = f"no SLO is named {component.name!r} in these files; the namespace must have one"
            yield Problem(location=_location(index), text=text)
        elif there.outcome is not Outcome.VALID:
            text = f"SLO {component.name!r} is refused itself, and this one with it"
            yield Problem(location=_location(index), text=text)


def _refusal(slo: SLO, slos: Mapping[Name, SLO]) -> list[Problem]:
    """Return why a composite would be refused if all that is missing were there and well."""
    plain = replace(slo, indicator=RatioIndicator(total="requests_total", bad="errors_total"))
    try:
        resolve(slo, lambda namespace, name: slos.get((namespace, name), plain))
    except ComponentRefused as problem:
        return [Problem(location=_location(problem.index), text=problem.problem)]
    return []


def _location(index: int) -> Location:
    return ("spec", "indicator", "composite", "components", index, "slo")


def remark_of(review: Review, problem: Problem) -> Remark:
    place = review.place if review.place_of is None else review.place_of(problem.location)
    return Remark(path=problem.path, text=problem.text, place=place)


def slo_of(review: Review) -> SLO:
    """Return a valid SLO as if an API server had taken it."""
    body: Mapping[str, Any] = review.body if isinstance(review.body, Mapping) else {}
    namespace, name = name_of(review)
    labels = body["metadata"].get("labels") or {}  # a valid object has metadata
    metadata = {"name": name, "namespace": namespace, "uid": name, "generation": 1, "labels": labels}
    return to_domain({**body, "metadata": metadata})


def name_of(review: Review) -> Name:
    return review.namespace or "default", review.name
