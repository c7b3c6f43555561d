"""Shows the numbers of all SLOs at scrape time from their newest assessments, one metric family after the other.

Nothing is kept per series: a fleet of 10,000 SLOs has 170,000 of them, which as objects would take more memory than the
ledger. What is not known is no series: zero would be a lie, and an old number too.

Groups (spec.groupBy) have metrics of their own, so that a sum over all SLOs counts nothing twice. A group has 12 series
and 3 per window at most, an SLO at most MAX_GROUPS groups.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Sample
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from backstop.domain.assessment import Assessment, GroupAssessment
from backstop.domain.evidence import Slice
from backstop.domain.label_value import shown_value
from backstop.domain.slo import SLO
from backstop.vocabulary import GROUP_LABEL_PREFIX, Metric, State

_SLO = ("slo_namespace", "slo")
_WINDOW = (*_SLO, "window")

Key = tuple[str, str]


@dataclass(slots=True)
class _Sealed:
    """What the sealed minutes of an SLO add up to."""

    good: float = 0.0
    bad: float = 0.0
    unknown_seconds: float = 0.0
    late: float = 0.0  # events that came after their slice was sealed, as far as that was looked at


class SloCollector(Collector):
    """Scraped from another thread than the one that updates it: it iterates over copies only."""

    def __init__(self) -> None:
        self._assessments: dict[Key, Assessment] = {}
        self._sealed: dict[Key, _Sealed] = {}

    def assessed(self, assessment: Assessment) -> None:
        """Show this assessment from now on."""
        self._assessments[_key(assessment.slo)] = assessment

    def sealed(self, slo: SLO, evidence: Slice, seconds: float) -> None:
        """Count a sealed slice."""
        totals = self._sealed.setdefault(_key(slo), _Sealed())
        if evidence.known:
            totals.good += evidence.good
            totals.bad += evidence.bad
        else:
            totals.unknown_seconds += seconds

    def late(self, slo: SLO, events: float) -> None:
        """Count events that a sealed slice lacks."""
        self._sealed.setdefault(_key(slo), _Sealed()).late += events

    def forget(self, slo: SLO) -> None:
        """Drop all series of an SLO."""
        self._assessments.pop(_key(slo), None)
        self._sealed.pop(_key(slo), None)

    def collect(self) -> Iterator[Family]:
        """Yield the families for one scrape."""
        assessments = list(self._assessments.items())
        yield from _of_objects(assessments)
        yield from _of_windows(assessments)
        yield from _of_groups(assessments)
        yield from _of_counts(list(self._sealed.items()))


def _of_objects(assessments: list[tuple[Key, Assessment]]) -> Iterator[Family]:
    objective = _gauge(Metric.OBJECTIVE_RATIO, "Objective, 0 to 1", _SLO)
    state = _gauge(Metric.STATE, "1 for the present state of the SLO", (*_SLO, "state"))
    for key, assessment in assessments:
        objective.add_metric(key, float(assessment.slo.objective.ratio))
        for one in State:
            state.add_metric((*key, one.value), 1.0 if one is assessment.verdict.state else 0.0)
    yield objective
    yield state


def _of_windows(assessments: list[tuple[Key, Assessment]]) -> Iterator[Family]:
    sli = _gauge(Metric.SLI_RATIO, "SLI of the window, 0 to 1; absent while unknown", _WINDOW)
    remaining = _gauge(Metric.BUDGET_REMAINING_RATIO, "Share of the error budget left; below 0 overspent", _WINDOW)
    coverage = _gauge(Metric.COVERAGE_RATIO, "Known time by window length, 0 to 1", _WINDOW)
    burn = _gauge(Metric.BURN_RATE, "How much faster than sustainable the budget burns", _WINDOW)
    for key, assessment in assessments:
        for budget in assessment.budgets:
            labels = (*key, budget.counts.name)
            coverage.add_metric(labels, budget.counts.coverage)
            if budget.sli_percent is not None and assessment.data.available:
                sli.add_metric(labels, budget.sli_percent / 100)
            if budget.remaining_percent is not None:
                remaining.add_metric(labels, budget.remaining_percent / 100)
        if assessment.data.available:
            for name, rate in assessment.burn_rates.items():
                burn.add_metric((*key, name), rate)
    yield from (sli, remaining, coverage, burn)


def _of_groups(assessments: list[tuple[Key, Assessment]]) -> Iterator[Family]:
    count = _gauge(Metric.GROUPS, "Groups with events in the primary window", _SLO)
    objective = _gauge(Metric.GROUP_OBJECTIVE_RATIO, "Objective of a group: that of its SLO", ())
    state = _gauge(Metric.GROUP_STATE, "1 for the present state of the group", ())
    sli = _gauge(Metric.GROUP_SLI_RATIO, "SLI of a group over the window; absent while unknown", ())
    remaining = _gauge(Metric.GROUP_BUDGET_REMAINING_RATIO, "Share of a group's error budget left", ())
    coverage = _gauge(Metric.GROUP_COVERAGE_RATIO, "Known time of a group by window length", ())
    burn = _gauge(Metric.GROUP_BURN_RATE, "How much faster than sustainable a group's budget burns", ())
    for key, assessment in assessments:
        if not assessment.slo.group_by:
            continue
        count.add_metric(key, len(assessment.groups))
        for group in assessment.groups:
            of = _group_labels(key, group)
            _add(objective, of, float(assessment.slo.objective.ratio))
            for one in State:
                _add(state, of | {"state": one.value}, 1.0 if one is group.verdict.state else 0.0)
            for budget in group.budgets:
                labels = of | {"window": budget.counts.name}
                _add(coverage, labels, budget.counts.coverage)
                if budget.sli_percent is not None and assessment.data.available:
                    _add(sli, labels, budget.sli_percent / 100)
                if budget.remaining_percent is not None:
                    _add(remaining, labels, budget.remaining_percent / 100)
            if assessment.data.available:
                for name, rate in group.burn_rates.items():
                    _add(burn, of | {"window": name}, rate)
    yield from (count, objective, sli, remaining, burn, coverage, state)


def _group_labels(key: Key, group: GroupAssessment) -> dict[str, str]:
    values = {f"{GROUP_LABEL_PREFIX}{label}": shown_value(value) for label, value in group.labels.items()}
    return dict(zip(_SLO, key, strict=True)) | values


def _add(family: GaugeMetricFamily, labels: Mapping[str, str], value: float) -> None:
    """Add a series: which labels groups have differs from SLO to SLO."""
    family.samples.append(Sample(family.name, dict(labels), value))


def _of_counts(sealed: list[tuple[Key, _Sealed]]) -> Iterator[Family]:
    events = CounterMetricFamily(Metric.EVENTS_TOTAL.value, "Events of sealed minutes", labels=(*_SLO, "result"))
    unknown = CounterMetricFamily(Metric.UNKNOWN_SECONDS_TOTAL.value, "Sealed time without evidence", labels=_SLO)
    late = CounterMetricFamily(
        Metric.LATE_EVENTS_TOTAL.value, "Events that came too late, of one slice in half an hour", labels=_SLO
    )
    for key, totals in sealed:
        events.add_metric((*key, "good"), totals.good)
        events.add_metric((*key, "bad"), totals.bad)
        unknown.add_metric(key, totals.unknown_seconds)
        late.add_metric(key, totals.late)
    yield events
    yield unknown
    yield late


def _gauge(metric: Metric, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.value, text, labels=labels)


def _key(slo: SLO) -> Key:
    return slo.namespace, slo.name
