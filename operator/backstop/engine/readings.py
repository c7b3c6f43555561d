"""From answers of the source to evidence: which terms a slice asks, and what its samples mean."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backstop.domain.evidence import Reading, Slice, judge, unknown
from backstop.domain.slo import SLO, LatencyIndicator, QueryIndicator, RatioIndicator, ThresholdIndicator
from backstop.engine.planner import Answer
from backstop.ports.metrics import Sample, Series
from backstop.promql.confine import confined_terms
from backstop.vocabulary import Reason

RESTS: Final = ("rest_total", "rest_part")


@dataclass(frozen=True, slots=True)
class SliceQuestion:
    """What is asked about a slice at once, and what only if its first answer leaves a rest."""

    terms: Mapping[str, str]
    proof: Mapping[str, str]


def slice_question(
    slo: SLO, *, seconds: float, native: bool, scrape_seconds: float, enforced: Mapping[str, str]
) -> SliceQuestion:
    """Return the terms of a slice of an SLO, with the source's enforced matchers in every selector."""
    compiled = confined_terms(slo.indicator, enforced, seconds=seconds, native=native, scrape_seconds=scrape_seconds)
    terms, proof = {}, {}
    for name, count in (("total", compiled.total), ("part", compiled.part)):
        terms[name] = count.steady
        if count.rest is not None and count.proven is not None:
            terms[f"rest_{name}"] = count.rest
            proof[f"proven_{name}"] = count.proven
    if compiled.newest is not None:
        terms["newest"] = compiled.newest
    return SliceQuestion(terms, proof)


def needs_proof(answer: Answer) -> bool:
    """True when series of the slice made no plain step, so that it has to be asked what they count."""
    return any(counts_something(sample.value) for name in RESTS for sample in answer.get(name, ()))


def counts_something(rest: float) -> bool:
    """True unless the rest is zero; NaN is something."""
    return math.isnan(rest) or rest > 0


def part_is_good(slo: SLO) -> bool:
    """True when the part that is counted beside the total are the good events."""
    return not (isinstance(slo.indicator, RatioIndicator | QueryIndicator) and slo.indicator.good is None)


def slice_from_answer(slo: SLO, answer: Answer, *, at: float, good_seen: bool) -> Slice:
    """Return the evidence of the slice that ends at source time `at`."""
    for name in ("total", "part"):
        if len(answer.get(name, ())) > 1:
            return _several(slo, name, answer[name])
    total, part = (
        _sum(_only(answer, name), _only(answer, f"proven_{name}"), _only(answer, f"rest_{name}"))
        for name in ("total", "part")
    )
    return _judge(slo, total=total, part=part, newest=_only(answer, "newest"), at=at, good_seen=good_seen)


def slices_from_series(
    slo: SLO, series: Mapping[str, tuple[Series, ...]], *, ends: list[float], step: float, good_seen: bool
) -> list[Slice]:
    """Return one slice of `step` seconds per end, oldest first.

    `good_seen` is what was known before the first of them.
    """
    values: dict[str, dict[int, float]] = {}
    for name in ("total", "part", "newest", "proven_total", "proven_part", *RESTS):
        found = series.get(name, ())
        if len(found) > 1:
            # topk(2) may return changing pairs over time: any instant with two values is an error of the query.
            return [_several(slo, name, tuple(Sample(s.labels, 0.0) for s in found))] * len(ends)
        values[name] = {round(t * 1000): value for one in found for t, value in one.points}
    slices = []
    for end in ends:
        stamp = round(end * 1000)
        total, part = (
            _sum(values[name].get(stamp), values[f"proven_{name}"].get(stamp), values[f"rest_{name}"].get(stamp))
            for name in ("total", "part")
        )
        newest = values["newest"].get(stamp)
        if newest is not None and end - newest < step:
            newest = end  # a slice with samples in it is not stale, though it may end in a gap
        evidence = _judge(slo, total=total, part=part, newest=newest, at=end, good_seen=good_seen)
        good_seen = good_seen or evidence.good > 0
        slices.append(evidence)
    return slices


def _judge(
    slo: SLO, *, total: float | None, part: float | None, newest: float | None, at: float, good_seen: bool
) -> Slice:
    reading = Reading(
        total=total,
        part=part,
        part_is_good=part_is_good(slo),
        newest_age_seconds=None if newest is None else max(at - newest, 0.0),
        series_present=newest is not None,
    )
    return judge(
        reading,
        no_traffic=slo.evaluation.no_traffic,
        stale_after_seconds=slo.evaluation.stale_after_seconds,
        good_seen=good_seen,
    )


def _sum(steady: float | None, proven: float | None, rest: float | None) -> float | None:
    """Add what counts. A counter that is NaN made no step and hides in the rest: it makes the whole NaN."""
    if rest is not None and math.isnan(rest):
        return rest
    if steady is None and proven is None:
        return 0.0 if rest == 0 else None  # counters that were born at zero have counted nothing, proof or not
    return (steady or 0.0) + (proven or 0.0)


def _only(answer: Answer, name: str) -> float | None:
    samples = answer.get(name, ())
    return samples[0].value if samples else None


def _several(slo: SLO, name: str, samples: tuple[Sample, ...]) -> Slice:
    field = _path(slo, name)
    shown = " and ".join(_labels(sample) for sample in samples[:2])
    return unknown(
        Reason.SEVERAL_SERIES,
        f"{field}: returns several series ({shown}, …) where one is expected; aggregate it, for example with sum(...)",
    )


def _path(slo: SLO, name: str) -> str:
    match slo.indicator:
        case ThresholdIndicator():
            return "spec.indicator.threshold.query"
        case QueryIndicator() as query:
            part = "good" if query.good is not None else "bad"
            return f"spec.indicator.query.{'total' if name == 'total' else part}"
        case LatencyIndicator():
            return "spec.indicator.latency"
        case _:
            return "spec.indicator"


def _labels(sample: Sample) -> str:
    pairs = (f'{k}="{v}"' for k, v in sorted(sample.labels.items()) if k != "backstop_term")
    return "{" + ",".join(pairs) + "}"
