"""Several SLIs as one (semantics B4). Source of the modes: Nobl9 composites and the weighted mean of error ratios."""

from collections.abc import Sequence

from backstop.domain.evidence import Slice
from backstop.domain.slo import CompositeMode, WhenUnknown


def combine(parts: Sequence[tuple[str, float, Slice]], *, mode: CompositeMode, when_unknown: WhenUnknown) -> Slice:
    """Return the evidence of a composite for one stretch of time from (name, weight, evidence) of its components.

    The result is one event, shared out: bad is Σ wᵢ·errorRatioᵢ ÷ Σ wᵢ over the components with traffic (Weighted), or
    the largest error ratio (AnyBad). Without traffic anywhere it is known and holds no event. A component that is
    unknown makes the whole unknown, unless it is to be ignored and another is known.
    """
    known = [(weight, evidence) for _, weight, evidence in parts if evidence.known]
    silent = [(name, evidence) for name, _, evidence in parts if not evidence.known]
    if silent and (when_unknown is WhenUnknown.UNKNOWN or not known):
        name, evidence = silent[0]
        return Slice(0.0, 0.0, evidence.reason, f"component {name}: {evidence.message}")
    ratios = [(weight, evidence.bad / evidence.events) for weight, evidence in known if evidence.events > 0]
    if not ratios:
        return Slice(0.0, 0.0)
    if mode is CompositeMode.ANY_BAD:
        bad = max(ratio for _, ratio in ratios)
    else:
        bad = sum(weight * ratio for weight, ratio in ratios) / sum(weight for weight, _ in ratios)
    return Slice(1.0 - bad, bad)
