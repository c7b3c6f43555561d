"""From answers of the source to evidence: which terms a slice asks, and what its samples mean."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from backstop.domain.composite import combine
from backstop.domain.evidence import Reading, Slice, judge, unknown
from backstop.domain.slo import (
    SLO,
    CompositeIndicator,
    LatencyIndicator,
    LeafIndicator,
    NoTraffic,
    QueryIndicator,
    RatioIndicator,
    ThresholdIndicator,
    Uid,
)
from backstop.domain.timeslice import counted
from backstop.engine.planner import Answer
from backstop.engine.tracked import Group, Traits, most_series
from backstop.ports.metrics import Sample, Series
from backstop.promql.confine import confined_terms
from backstop.promql.counters import Count
from backstop.vocabulary import MAX_GROUPS, Reason

_DETAILS: Final = ("steady", "rest", "proven")  # of a count that is not plain
_COUNTS: Final = ("total", "part", *(f"{kind}_{name}" for kind in _DETAILS for name in ("total", "part")))
_NOTHING_FAILED: Final[Mapping[str, Slice]] = {}


@dataclass(frozen=True, slots=True)
class SliceQuestion:
    """What is asked about a slice at once, and what only where a count of the first answer is not plain.

    The terms of a component begin with its `place` in the composite.
    """

    place: str
    terms: Mapping[str, str]
    detail: Callable[[], Mapping[str, str]] | None
    most_series: int  # of one term that are worth reading


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a slice says of an SLO. `raw` tells of its data, `counted` is what its budget counts of it.

    `groups` are those that had events or stood still; of a group that is not in here nothing was counted.
    """

    raw: Slice
    counted: Slice
    groups: Mapping[Group, Slice] = field(default_factory=dict)


def before_all_data(evidence: Evidence) -> Evidence:
    """Return what a slice counts before the first data: what did not exist yet was neither good nor bad."""
    return evidence if evidence.raw.known else Evidence(evidence.raw, evidence.raw)


def slice_questions(
    slo: SLO, *, seconds: float, traits: Mapping[Uid, Traits], enforced: Mapping[str, str]
) -> list[SliceQuestion]:
    """Return the questions about a slice of an SLO, with the source's enforced matchers in every selector.

    There is one for each SLO whose series are read: itself, or its components. `traits` are those of these SLOs.
    """
    questions = []
    for place, leaf in slo.leaves():
        terms: dict[str, str] = {}
        known = traits.get(leaf.uid) or Traits()
        compiled = confined_terms(
            leaf_indicator(leaf),
            enforced,
            seconds=seconds,
            native=known.native,
            scrape_seconds=known.scrape_seconds,
            group_by=slo.group_by,
        )
        counts = {"total": compiled.total, "part": compiled.part}
        for name, count in counts.items():
            terms[f"{place}{name}"] = count.plain
        if compiled.newest is not None:
            terms[f"{place}newest"] = compiled.newest
        detail = None if compiled.total.detail is None else partial(_detail, place, counts)
        questions.append(SliceQuestion(place, terms, detail, most_series(leaf)))
    return questions


def _detail(place: str, counts: Mapping[str, Count]) -> dict[str, str]:
    return {
        f"{place}{kind}_{name}": getattr(detail, kind)
        for name, count in counts.items()
        if count.detail is not None
        for detail in (count.detail(),)
        for kind in _DETAILS
    }


def leaf_indicator(leaf: SLO) -> LeafIndicator:
    """Return the indicator of an SLO that is no composite."""
    if isinstance(leaf.indicator, CompositeIndicator):
        raise TypeError(f"SLO {leaf.key} is a composite, and has no series of its own")
    return leaf.indicator


def needs_detail(values: Iterable[float]) -> bool:
    """True when a count of an answer is not plain: series began, ended or were reset, or a value is no number."""
    return not all(math.isfinite(value) for value in values)


def part_is_good(slo: SLO) -> bool:
    """True when the part that is counted beside the total are the good events."""
    return not (isinstance(slo.indicator, RatioIndicator | QueryIndicator) and slo.indicator.good is None)


def read_slice(
    slo: SLO,
    answer: Answer,
    *,
    at: float,
    seconds: float,
    good_seen: set[Uid],
    failed: Mapping[str, Slice] = _NOTHING_FAILED,
) -> Evidence:
    """Return the evidence of the slice of `seconds` that ends at source time `at`.

    `good_seen` are the SLOs of which a good event was seen before; those that have one now are added. `failed` are
    components that have no answer, by place.
    """
    if slo.group_by:
        return _read_groups(slo, answer, at=at, seconds=seconds, good_seen=good_seen)
    raw = _Reader(answer, failed, at, good_seen).read(slo)
    return Evidence(raw, _counted(slo, raw, seconds))


def read_slices(
    slo: SLO,
    series: Mapping[str, Sequence[Series]],
    *,
    ends: Sequence[float],
    step: float,
    good_seen: set[Uid],
    failed: Mapping[str, Slice] = _NOTHING_FAILED,
) -> list[Evidence]:
    """Return one slice of `step` seconds per end, oldest first."""
    wrong = {place: several for place, leaf in slo.leaves() if (several := _several_over_time(leaf, series, place))}
    if "" in wrong:
        return [Evidence(wrong[""], wrong[""])] * len(ends)
    answers: dict[int, dict[str, tuple[Sample, ...]]] = {round(end * 1000): {} for end in ends}
    for name, found in series.items():
        for one in found:
            for t, value in one.points:
                if (answer := answers.get(round(t * 1000))) is not None:
                    answer[name] = (*answer.get(name, ()), Sample(one.labels, value))
    evidence = []
    for end in ends:
        answer = answers[round(end * 1000)]
        for name, samples in answer.items():
            if name.endswith("newest") and end - samples[0].value < step:
                # A slice with samples in it is not stale, though it may end in a gap.
                answer[name] = (Sample(samples[0].labels, end),)
        evidence.append(read_slice(slo, answer, at=end, seconds=step, good_seen=good_seen, failed={**failed, **wrong}))
    return evidence


def _counted(slo: SLO, raw: Slice, seconds: float) -> Slice:
    return counted(raw, slo.timeslice, no_data=slo.evaluation.no_data, seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the answer about one slice, of an SLO and of what it is made of."""

    answer: Answer
    failed: Mapping[str, Slice]
    at: float
    good_seen: set[Uid]

    def read(self, slo: SLO, place: str = "") -> Slice:
        if isinstance(slo.indicator, CompositeIndicator):
            return self._composite(slo, slo.indicator, place)
        if place in self.failed:
            return self.failed[place]
        for name in ("total", "part"):
            samples = self.answer.get(place + name, ())
            if len(samples) > 1 and not slo.group_by:
                return _several(slo, name, samples)
            if len(samples) > MAX_GROUPS:
                return too_many_groups(slo)
        # Of a component with groups that its query makes, the sum counts.
        counts = {name: _sum(self.answer.get(place + name, ())) for name in _COUNTS}
        newest, seen = _only(self.answer, f"{place}newest"), slo.uid in self.good_seen
        evidence = _judge(slo, counts, newest=newest, at=self.at, good_seen=seen)
        if evidence.good > 0:
            self.good_seen.add(slo.uid)
        return evidence

    def _composite(self, slo: SLO, indicator: CompositeIndicator, place: str) -> Slice:
        parts = [
            (part, self.read(part.slo, f"{place}{index}/"))
            for index, part in enumerate(indicator.components)
            if part.slo is not None
        ]
        whole = combine(parts, indicator)
        if whole.known and whole.events == 0 and slo.evaluation.no_traffic is NoTraffic.UNKNOWN:
            return unknown(Reason.NO_TRAFFIC, "no component has an event, and evaluation.noTraffic is Unknown")
        return whole


def _read_groups(slo: SLO, answer: Answer, *, at: float, seconds: float, good_seen: set[Uid]) -> Evidence:
    """Read every group, and the sum of all, which alone tells whether there is data."""
    groups: dict[Group, dict[str, float | None]] = {}
    sums: dict[str, float | None] = dict.fromkeys(_COUNTS)
    for name in _COUNTS:
        for sample in answer.get(name, ()):
            key = tuple(sample.labels.get(label, "") for label in slo.group_by)
            group = groups.setdefault(key, dict.fromkeys(_COUNTS))
            if group[name] is not None:
                several = _several(slo, name, answer[name])
                return Evidence(several, several)
            group[name] = sample.value
            sums[name] = (sums[name] or 0.0) + sample.value
    if len(groups) > MAX_GROUPS:
        refused = too_many_groups(slo)
        return Evidence(refused, refused)
    newest, seen = _only(answer, "newest"), slo.uid in good_seen
    raw = _astray(slo, groups) or _judge(slo, sums, newest=newest, at=at, good_seen=seen)
    if raw.good > 0:
        good_seen.add(slo.uid)
    whole = _counted(slo, raw, seconds)
    if not raw.known:
        return Evidence(raw, whole)
    of_groups = {
        key: _counted(slo, _judge(slo, counts, newest=newest, at=at, good_seen=seen or raw.good > 0), seconds)
        for key, counts in groups.items()
    }
    return Evidence(raw, whole, of_groups)


def _astray(slo: SLO, groups: Mapping[Group, Mapping[str, float | None]]) -> Slice | None:
    """Return what is wrong where all events of the part are in groups that the total does not have.

    Then the two do not share the labels, and each group would be shown without its errors, or without its successes.
    """
    counting = {key: counts for key, counts in groups.items() if counts["part"] is not None and counts["part"] != 0}
    totals = [f"{kind}total" for kind in ("", *(f"{kind}_" for kind in _DETAILS))]
    if not counting or any(counts[name] is not None for counts in counting.values() for name in totals):
        return None
    first = ", ".join(f'{label}="{value}"' for label, value in zip(slo.group_by, next(iter(counting)), strict=True))
    part = "good" if part_is_good(slo) else "bad"
    return unknown(
        Reason.INCONSISTENT,
        f"spec.groupBy: events of {part} are in the group {first}, which total does not have; group by labels that the"
        " series of both have",
    )


def too_many_groups(slo: SLO) -> Slice:
    """Return the refusal of a groupBy that finds more groups than may have a budget of their own."""
    labels = ", ".join(slo.group_by)
    text = f"spec.groupBy: more than {MAX_GROUPS} sets of values of {labels}; group by labels with fewer values"
    return unknown(Reason.TOO_MANY_GROUPS, text)


def _judge(slo: SLO, counts: Mapping[str, float | None], *, newest: float | None, at: float, good_seen: bool) -> Slice:
    by_steps = isinstance(slo.indicator, RatioIndicator | LatencyIndicator)
    total, part = (_count(counts, name, by_steps=by_steps) for name in ("total", "part"))
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


def _count(counts: Mapping[str, float | None], name: str, *, by_steps: bool) -> float | None:
    """Return the count of a slice, of counters from its details where it is not plain; None where nothing may count."""
    plain = counts[name]
    if not by_steps or plain is None or math.isfinite(plain):
        return plain
    steady, rest, proven = (counts[f"{kind}_{name}"] for kind in _DETAILS)
    if rest is not None and math.isnan(rest):
        return rest
    if steady is None and proven is None:
        return 0.0 if rest == 0 else None  # counters that were born at zero have counted nothing, proof or not
    return (steady or 0.0) + (proven or 0.0)


def _sum(samples: Sequence[Sample]) -> float | None:
    return sum(sample.value for sample in samples) if samples else None


def _only(answer: Answer, name: str) -> float | None:
    samples = answer.get(name, ())
    return samples[0].value if samples else None


def _several_over_time(leaf: SLO, series: Mapping[str, Sequence[Series]], place: str) -> Slice | None:
    """Return what is wrong with a range answer in which a term has several series, though not at one instant.

    topk(2) may return changing pairs over time: any instant with two values is an error of the query.
    """
    if leaf.group_by:
        return None
    for name in (*_COUNTS, "newest"):
        if len(found := series.get(place + name, ())) > 1:
            return _several(leaf, name, tuple(Sample(one.labels, 0.0) for one in found))
    return None


def _several(slo: SLO, name: str, samples: Sequence[Sample]) -> Slice:
    field_path = _path(slo, name)
    shown = " and ".join(_labels(sample) for sample in samples[:2])
    by = f"sum by ({', '.join(slo.group_by)})(...)" if slo.group_by else "sum(...)"
    return unknown(
        Reason.SEVERAL_SERIES,
        f"{field_path}: returns several series ({shown}, …) where one is expected; aggregate it, for example with {by}",
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
