"""Several SLOs as one (semantics B4): which they are, and what a slice of theirs says together.

Source of the modes: Nobl9 composites (AnyBad: a slice is bad when any component is) and the weighted mean of error
ratios. Worked examples: docs/explanation/composite.md, executed by a test.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from backstop.domain.errors import SpecError
from backstop.domain.evidence import Slice
from backstop.domain.slo import (
    SLO,
    Budgeting,
    Component,
    CompositeIndicator,
    CompositeMode,
    NoData,
    NoTraffic,
    QueryIndicator,
    ThresholdIndicator,
    WhenUnknown,
)
from backstop.vocabulary import MAX_NESTING, Reason

# Namespace and name to the SLO as it was written, to the problem for which it is refused, or to None: there is none.
Find = Callable[[str, str], SLO | SpecError | None]

_SEARCHED: Final = 64  # SLOs that are looked at for a cycle; a longer one is told as nested too deep


class ComponentRefused(SpecError):
    """A composite cannot be evaluated with the components that it names; `index` is the first that cannot be used."""

    def __init__(self, reason: Reason, index: int, problem: str) -> None:
        super().__init__(f"spec.indicator.composite.components[{index}].slo", problem)
        self.reason = reason
        self.index = index


class _Unusable(Exception):
    """Why a component cannot be used."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class _Knotted(_Unusable):
    """Composites that name one another in a circle, or too deep; the text has all their names."""

    def __init__(self, text: str) -> None:
        super().__init__(Reason.INVALID, text)


def resolve(slo: SLO, find: Find) -> SLO:
    """Return a composite with the SLOs that it names in place; another SLO comes back as it is.

    They are looked up in its own namespace (semantics K4). Raises ComponentRefused: one does not exist, is refused
    itself, is on another source, or they lead back to where they came from.
    """
    if not isinstance(slo.indicator, CompositeIndicator):
        return slo
    return replace(slo, indicator=_filled(slo, slo.indicator, find, (slo.name,)))


def combine(parts: Sequence[tuple[Component, Slice]], indicator: CompositeIndicator) -> Slice:
    """Return the evidence of a composite for one stretch of time from that of its components.

    The result is one event, shared out: bad is Σ wᵢ·errorRatioᵢ ÷ Σ wᵢ over the components with traffic (Weighted), or
    the largest error ratio (AnyBad). Without traffic anywhere it is known and holds no event. A component that is
    unknown makes the whole unknown, unless it is to be ignored and another is known.
    """
    known = [(part, evidence) for part, evidence in parts if evidence.known]
    silent = [(part, evidence) for part, evidence in parts if not evidence.known]
    if silent and (indicator.when_unknown is WhenUnknown.UNKNOWN or not known):
        part, evidence = silent[0]
        return Slice(0.0, 0.0, evidence.reason, f"component {part.name}: {evidence.message}")
    ratios = [(part.weight, ratio) for part, evidence in known if (ratio := _error_ratio(part, evidence)) is not None]
    if not ratios:
        return Slice(0.0, 0.0)
    if indicator.mode is CompositeMode.ANY_BAD:
        bad = max(ratio for _, ratio in ratios)
    else:
        bad = sum(weight * ratio for weight, ratio in ratios) / sum(weight for weight, _ in ratios)
    return Slice(1.0 - bad, bad)


def _error_ratio(part: Component, evidence: Slice) -> float | None:
    """Return bad ÷ all events; None without traffic, unless the component calls that good."""
    if evidence.events > 0:
        return evidence.bad / evidence.events
    return 0.0 if part.slo is not None and part.slo.evaluation.no_traffic is NoTraffic.GOOD else None


def _filled(slo: SLO, indicator: CompositeIndicator, find: Find, chain: tuple[str, ...]) -> CompositeIndicator:
    """Return the indicator of a composite with its SLOs. Its name ends `chain`: how it was come to from the first."""
    parts = []
    for index, component in enumerate(indicator.components):
        try:
            found = _component(slo, component.name, find, chain)
        except _Unusable as problem:
            raise ComponentRefused(problem.reason, index, str(problem)) from problem
        parts.append(replace(component, slo=found))
    return replace(indicator, components=tuple(parts))


def _component(owner: SLO, name: str, find: Find, chain: tuple[str, ...]) -> SLO:
    """Return a component as its part counts. Raises _Unusable."""
    if name in chain:
        raise _Knotted(_leads_back((*chain, name)))
    found = find(owner.namespace, name)
    if found is None:
        text = f"no SLO is named {name!r} in namespace {owner.namespace!r}; create it, or name another"
        raise _Unusable(Reason.COMPONENT_MISSING, text)
    if isinstance(found, SpecError):
        raise _Unusable(Reason.COMPONENT_MISSING, _refused_itself(name, found))
    if found.source != owner.source:
        text = (
            f"SLO {name!r} reads source {found.source!r} and {owner.name!r} reads {owner.source!r}, where all parts of"
            f" a composite need the same one; write source: {found.source} in {owner.name!r}, or name another component"
        )
        raise _Unusable(Reason.INVALID, text)
    if not isinstance(found.indicator, CompositeIndicator):
        return _as_part(found)
    chain = (*chain, name)
    if len(chain) > MAX_NESTING:
        if cycle := _cycle(chain, found, find):
            raise _Knotted(_leads_back(cycle))
        raise _Knotted(
            f"composites are nested more than {MAX_NESTING} deep: {' → '.join(chain)}; name the components of"
            f" {name!r} in {owner.name!r} instead"
        )
    try:
        return _as_part(replace(found, indicator=_filled(found, found.indicator, find, chain)))
    except ComponentRefused as inner:
        if isinstance(inner.__cause__, _Knotted):
            raise _Knotted(inner.problem) from inner
        raise _Unusable(Reason.COMPONENT_MISSING, _refused_itself(name, inner)) from inner


def _as_part(slo: SLO) -> SLO:
    """Return what counts of an SLO as a part of another: what it measures, not how it is budgeted or grouped.

    Free queries bring a series per group themselves, so there the labels are kept to tell that they are to be summed.
    """
    several = isinstance(slo.indicator, QueryIndicator | ThresholdIndicator)
    return replace(
        slo,
        group_by=slo.group_by if several else (),
        budgeting=Budgeting.OCCURRENCES,
        timeslice=None,
        evaluation=replace(slo.evaluation, no_data=NoData.UNKNOWN),
    )


def _refused_itself(name: str, problem: SpecError) -> str:
    return f"SLO {name!r} is refused itself ({problem}); correct it, or name another"


def _leads_back(names: tuple[str, ...]) -> str:
    return f"leads back to itself: {' → '.join(names)}; take one of these components out"


def _cycle(chain: tuple[str, ...], last: SLO, find: Find) -> tuple[str, ...]:
    """Return the names of a circle that a chain of composites runs into; empty where none is found nearby."""
    waiting, seen = [(chain, last)], set(chain)
    while waiting and len(seen) < _SEARCHED:
        names, slo = waiting.pop()
        components = slo.indicator.components if isinstance(slo.indicator, CompositeIndicator) else ()
        for component in components:
            if component.name in names:
                return (*names, component.name)
            found = find(slo.namespace, component.name)
            if isinstance(found, SLO) and component.name not in seen:
                seen.add(component.name)
                waiting.append(((*names, component.name), found))
    return ()
