"""The fingerprint changes exactly when other events are counted, and never with a release."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.slo import (
    Budgeting,
    Comparison,
    Component,
    CompositeIndicator,
    CompositeMode,
    Evaluation,
    LatencyIndicator,
    NoData,
    NoTraffic,
    Objective,
    QueryIndicator,
    RatioIndicator,
    RollingWindow,
    ThresholdIndicator,
    Timeslice,
    Workload,
    WorkloadKind,
)
from backstop.engine.fingerprint import fingerprint, meaning
from backstop.engine.sources import SourceBinding
from tests.builders import a_slo
from tests.fakes.metrics_source import FakeMetricsSource

BINDING = SourceBinding(source=FakeMetricsSource(), identity="http://prometheus:9090")
LATENCY = LatencyIndicator(histogram="seconds", selector="{}", threshold_seconds=Decimal("0.5"))
COMPOSITE = CompositeIndicator(
    components=(
        Component(name="a", weight=2.0, slo=a_slo(name="a")),
        Component(name="b", weight=1.0, slo=a_slo(name="b", indicator=LATENCY)),
    ),
    mode=CompositeMode.WEIGHTED,
)


@pytest.mark.parametrize(
    ("slo", "expected"),
    [
        pytest.param(a_slo(), "a3424315f4be65354c995bd2d181bd79", id="ratio"),
        pytest.param(a_slo(indicator=LATENCY), "dfa547e66a4f916451380bfe95444f19", id="latency"),
        pytest.param(
            a_slo(indicator=ThresholdIndicator(query="max(depth)", op=Comparison.LT, value=100.0)),
            "b393d65e080a6bb21d8c86b00ac3f18e",
            id="threshold",
        ),
        pytest.param(
            a_slo(budgeting=Budgeting.TIMESLICES, timeslice=Timeslice(seconds=300, target_ratio=Decimal("0.950"))),
            "5392cd6a6d519cc5f4d3a5f8c52bd182",
            id="time slices",
        ),
        pytest.param(a_slo(indicator=COMPOSITE), "00f8e2e8d7d7d0c9c32f3f5214c9bde2", id="composite"),
    ],
)
def test_a_release_does_not_change_it_or_every_checkpoint_would_be_lost(slo, expected):
    assert fingerprint(slo, BINDING) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"indicator": RatioIndicator(total="requests_total", good='requests_total{code="500"}')},
        {"indicator": RatioIndicator(total="requests_total", bad='requests_total{code="503"}')},
        {"indicator": QueryIndicator(total="requests_total", bad='requests_total{code="500"}')},
        {"source": "other"},
        {"evaluation": Evaluation(no_traffic=NoTraffic.UNKNOWN)},
        {"evaluation": Evaluation(no_data=NoData.BAD)},
        {"budgeting": Budgeting.RATIO_TIMESLICES, "timeslice": Timeslice(seconds=60, target_ratio=None)},
        {"group_by": ("region",)},
        {"indicator": COMPOSITE},
    ],
    ids=str,
)
def test_what_counts_other_events_has_another_one(change):
    assert fingerprint(replace(a_slo(), **change), BINDING) != fingerprint(a_slo(), BINDING)


@pytest.mark.parametrize(
    "change",
    [
        {"objective": Objective(target_percent=Decimal("99.9"))},
        {"windows": (RollingWindow(name="30d", seconds=30 * 86_400),)},
        {"evaluation": Evaluation(interval_seconds=5.0, stale_after_seconds=10.0, minimum_events=7)},
        {"generation": 7, "labels": {"team": "a"}, "service": "checkout"},
        {"workload": Workload(kind=WorkloadKind.SERVICE, name="checkout")},
    ],
    ids=str,
)
def test_what_counts_the_same_events_has_the_same_one(change):
    assert fingerprint(replace(a_slo(), **change), BINDING) == fingerprint(a_slo(), BINDING)


@pytest.mark.parametrize(
    "binding",
    [
        replace(BINDING, identity="http://other:9090"),
        replace(BINDING, enforced_matchers={"namespace": "$namespace"}),
    ],
    ids=["another server", "other series of it"],
)
def test_another_source_of_the_same_name_has_another_one(binding):
    assert fingerprint(a_slo(), binding) != fingerprint(a_slo(), BINDING)


def test_who_may_use_the_source_does_not_matter():
    assert fingerprint(a_slo(), replace(BINDING, allowed_namespaces=("shop",))) == fingerprint(a_slo(), BINDING)


def test_a_composite_follows_what_its_components_count_and_not_what_they_promise():
    def with_component(**changes):
        first, second = COMPOSITE.components
        return a_slo(indicator=replace(COMPOSITE, components=(replace(first, slo=a_slo(name="a", **changes)), second)))

    before = meaning(with_component())
    assert meaning(with_component(generation=9, objective=Objective(target_percent=Decimal(90)))) == before
    assert meaning(with_component(indicator=LATENCY)) != before


def test_a_threshold_written_otherwise_is_the_same():
    other = replace(LATENCY, threshold_seconds=Decimal("0.500"))
    assert meaning(a_slo(indicator=other)) == meaning(a_slo(indicator=LATENCY))
