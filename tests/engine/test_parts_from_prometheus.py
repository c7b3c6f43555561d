"""Groups (B5) and composites (B4) of every kind of indicator, on a real Prometheus."""

from decimal import Decimal

import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.composite import resolve
from backstop.domain.slo import (
    BooleanIndicator,
    Comparison,
    Component,
    CompositeIndicator,
    CompositeMode,
    LatencyIndicator,
    QueryIndicator,
    ThresholdIndicator,
    Timeslice,
    Uid,
    WhenUnknown,
)
from backstop.vocabulary import MAX_GROUPS, Reason, State
from tests.builders import a_slo
from tests.engine.harness import Harness
from tests.engine.test_evidence_from_prometheus import MINUTES, SCRAPE, Metric
from tests.remote_write import NativeHistogram

pytestmark = pytest.mark.prometheus


@pytest.fixture
async def source(prometheus):
    source = connect(Source(name="default", url=prometheus.url))
    yield source
    await source.close()


async def assess(source, *slos):
    async with Harness.running(source) as harness:
        return await harness.settle(*slos)


async def grouped(source, indicator, *labels, **changes):
    (seen,) = await assess(source, a_slo(indicator=indicator, group_by=labels or ("region",), **changes))
    return seen, {tuple(group.labels.values()): group for group in seen.groups}


def slis(groups):
    return {values: round(group.budgets[0].sli_percent, 2) for values, group in groups.items()}


def histogram(metric, under, **labels):
    """Write a classic histogram of which so many of a hundred requests per scrape are at or under half a second."""
    metric.counter(under, name=f"{metric.name}_bucket", le="0.5", **labels)
    metric.counter(100, name=f"{metric.name}_bucket", le="+Inf", **labels)
    metric.counter(100, name=f"{metric.name}_count", **labels)


def native_histogram(metric, under, **labels):
    """Write a native histogram of which so many of a hundred requests per scrape are at or under a second."""
    samples = [
        (float(t), NativeHistogram(buckets={0: under * n, 1: (100 - under) * n}))
        for n, t in enumerate(metric.times(), start=1)
    ]
    metric.prometheus.write(metric.name, {"job": "j", "instance": metric.name, **labels}, samples)


class TestGroups:
    async def test_of_a_ratio_each_has_its_own_and_the_sum_is_the_whole(self, prometheus, source):
        metric = Metric(prometheus)
        for region, good, bad in (("eu", 99, 1), ("us", 90, 10), ("ap", 50, 0)):
            metric.counter(good, code="200", region=region)
            if bad:
                metric.counter(bad, code="500", region=region)
        seen, groups = await grouped(source, metric.ratio())
        assert slis(groups) == {("us",): 90.0, ("eu",): 99.0, ("ap",): 100.0}
        assert list(groups) == [("us",), ("eu",), ("ap",)]
        for counted in ("good", "bad"):
            total = sum(getattr(group.budgets[0].counts, counted) for group in groups.values())
            assert total == pytest.approx(getattr(seen.budgets[0].counts, counted))
        assert [group.burn_rates["5m"] for group in groups.values()] == [pytest.approx(rate) for rate in (10, 1, 0)]

    async def test_of_latency_from_a_classic_histogram(self, prometheus, source):
        metric = Metric(prometheus)
        histogram(metric, 90, region="eu")
        histogram(metric, 99, region="us")
        indicator = LatencyIndicator(histogram=metric.name, selector="{}", threshold_seconds=Decimal("0.5"))
        _, groups = await grouped(source, indicator)
        assert slis(groups) == {("eu",): 90.0, ("us",): 99.0}

    async def test_of_latency_from_a_native_histogram(self, prometheus, source):
        metric = Metric(prometheus)
        native_histogram(metric, 90, region="eu")
        native_histogram(metric, 99, region="us")
        indicator = LatencyIndicator(histogram=metric.name, selector="{}", threshold_seconds=Decimal(1))
        _, groups = await grouped(source, indicator)
        assert {key: pytest.approx(sli, rel=0.01) for key, sli in slis(groups).items()} == {("eu",): 90, ("us",): 99}

    async def test_of_a_boolean_gauge(self, prometheus, source):
        metric = Metric(prometheus)
        metric.gauge(1.0, probe="a")
        metric.gauge(lambda n: float(n % 2), probe="b")
        _, groups = await grouped(source, BooleanIndicator(metric=metric.name), "probe")
        assert slis(groups)["a",] == 100
        assert slis(groups)["b",] == pytest.approx(50, abs=2)

    async def test_of_a_threshold_whose_query_keeps_the_labels(self, prometheus, source):
        metric = Metric(prometheus)
        metric.gauge(50.0, queue="fast")
        metric.gauge(150.0, queue="slow")
        indicator = ThresholdIndicator(query=f"max by (queue) ({metric.name})", op=Comparison.LT, value=100)
        _, groups = await grouped(source, indicator, "queue")
        assert slis(groups) == {("slow",): 0, ("fast",): 100}

    async def test_of_free_queries_that_keep_the_labels(self, prometheus, source):
        metric = Metric(prometheus)
        for region, bad in (("eu", 10), ("us", 1)):
            metric.counter(100 - bad, code="200", region=region)
            metric.counter(bad, code="500", region=region)
        total = f"sum by (region) (increase({metric.name}[$window]))"
        bad = f'sum by (region) (increase({metric.name}{{code="500"}}[$window]))'
        _, groups = await grouped(source, QueryIndicator(total=total, bad=bad))
        assert slis(groups) == {("eu",): 90.0, ("us",): 99.0}

    async def test_a_free_query_with_more_labels_than_the_groups_is_an_error_with_a_fix(self, prometheus, source):
        metric = Metric(prometheus)
        for code in ("200", "500"):
            metric.counter(1, code=code, region="eu")
        indicator = QueryIndicator(
            total=f"increase({metric.name}[$window])", bad=f'increase({metric.name}{{code="500"}}[$window])'
        )
        seen, _ = await grouped(source, indicator)
        assert (seen.data.available, seen.data.reason) == (False, Reason.SEVERAL_SERIES)
        assert "sum by (region)(...)" in seen.data.message

    async def test_one_that_came_late_and_one_that_went_have_their_events_and_the_whole_its_time(
        self, prometheus, source
    ):
        metric = Metric(prometheus)
        times = list(metric.times())
        metric.counter(100, code="200", region="eu")
        metric.counter(10, code="200", region="late", times=times[len(times) // 2 :], instance="late")
        metric.counter(10, code="500", region="gone", times=times[: len(times) // 2], instance="gone")
        seen, groups = await grouped(source, metric.ratio())
        half = MINUTES * 60 / SCRAPE / 2 * 10
        assert groups["late",].budgets[0].counts.events == pytest.approx(half, rel=0.15)  # less its baseline
        assert groups["gone",].budgets[0].counts.bad == pytest.approx(half, rel=0.15)
        whole = seen.budgets[0].counts.coverage
        assert groups["eu",].budgets[0].counts.coverage == pytest.approx(whole)
        assert groups["late",].budgets[0].counts.coverage == pytest.approx(whole, abs=0.02)

    async def test_the_first_error_of_each_counts_with_proof_and_no_other_groups_proof_helps(self, prometheus, source):
        metric = Metric(prometheus)
        times = list(metric.times())
        born = times[len(times) // 2]
        for region in ("proven", "unproven"):
            labels = {"region": region, "instance": f"{metric.name}-{region}"}
            metric.counter(10, code="200", **labels)
            metric.counter(0, code="500", times=[t for t in times if t >= born], start=7, **labels)
        told = {
            "up": lambda _: 1,
            "scrape_samples_scraped": lambda t: 1 + (t >= born),
            "scrape_series_added": lambda t: t == born,
        }
        for name, value in told.items():
            target = {"job": "j", "instance": f"{metric.name}-proven"}
            prometheus.write(name, target, [(t, float(value(t))) for t in times])
        _, groups = await grouped(source, metric.ratio())
        assert groups["proven",].budgets[0].counts.bad == pytest.approx(7)
        assert groups["unproven",].budgets[0].counts.bad == 0

    async def test_values_of_labels_that_are_hostile(self, prometheus, source):
        values = ['a "quoted" \\ one', "two\nlines", "東京", "x" * 10_000, '{region="eu"}', "$window", ""]
        metric = Metric(prometheus)
        for n, value in enumerate(values):
            # Prometheus takes a label without a value for one that is not there.
            labels = {"region": value} if value else {}
            metric.counter(100 + n, code="200", instance=f"i{n}", **labels)
        _, groups = await grouped(source, metric.ratio())
        assert {key for (key,) in groups} == set(values)
        assert all(group.verdict.state is State.HEALTHY for group in groups.values())

    @pytest.mark.parametrize("many", [MAX_GROUPS, MAX_GROUPS + 1, 3 * MAX_GROUPS])
    async def test_as_many_as_are_allowed_and_more(self, prometheus, source, many):
        metric = Metric(prometheus)
        times = metric.times(minutes=6)
        for n in range(many):
            metric.counter(1, code="200", pod=f"p{n}", times=times)
        seen, groups = await grouped(source, metric.ratio(), "pod", evaluation=a_slo().evaluation)
        if many <= MAX_GROUPS:
            assert (seen.data.available, len(groups)) == (True, many)
        else:
            assert (seen.data.available, seen.data.reason) == (False, Reason.TOO_MANY_GROUPS)
            assert "spec.groupBy: more than 100 sets of values of pod" in seen.data.message
            assert not groups


def composite(*parts, mode=CompositeMode.WEIGHTED, when_unknown=WhenUnknown.UNKNOWN, **changes):
    """Return a composite of (weight, SLO)."""
    named = {slo.name: slo for _, slo in parts}
    components = tuple(Component(name=slo.name, weight=weight) for weight, slo in parts)
    indicator = CompositeIndicator(components=components, mode=mode, when_unknown=when_unknown)
    known = {"timeslice": Timeslice(seconds=60, target_ratio=None)}
    whole = a_slo(uid=Uid("whole"), name="whole", indicator=indicator, **(known | changes))
    return resolve(whole, lambda _, name: named.get(name))


def part(name, indicator, **changes):
    return a_slo(uid=Uid(name), name=name, indicator=indicator, **changes)


BAD_SHARE = {"ratio": 0.01, "query": 0.05, "classic": 0.1, "native": 0.2, "boolean": 0.0, "level": 0.0}


class Parts:
    """A component of every kind of indicator, with the share of bad events that it has."""

    def __init__(self, prometheus):
        self.metrics = {name: Metric(prometheus) for name in BAD_SHARE}
        ratio, query = self.metrics["ratio"], self.metrics["query"]
        for metric, bad in ((ratio, 1), (query, 5)):
            for region in ("eu", "us"):
                metric.counter(100 - bad, code="200", region=region)
                metric.counter(bad, code="500", region=region)
        histogram(self.metrics["classic"], 90)
        native_histogram(self.metrics["native"], 80)
        self.metrics["boolean"].gauge(1.0)
        self.metrics["level"].gauge(50.0)

    def slo(self, name):
        metric = self.metrics[name]
        match name:
            case "ratio":
                return part(name, metric.ratio(), group_by=("region",))
            case "query":
                total = f"sum by (region) (increase({metric.name}[$window]))"
                bad = f'sum by (region) (increase({metric.name}{{code="500"}}[$window]))'
                return part(name, QueryIndicator(total=total, bad=bad), group_by=("region",))
            case "classic":
                return part(name, self.latency(name, "0.5"))
            case "native":
                return part(name, self.latency(name, "1"))
            case "boolean":
                return part(name, BooleanIndicator(metric=metric.name))
            case _:
                level = ThresholdIndicator(query=f"max({metric.name})", op=Comparison.LT, value=100)
                return part(name, level)

    def latency(self, name, threshold):
        name = self.metrics[name].name
        return LatencyIndicator(histogram=name, selector="{}", threshold_seconds=Decimal(threshold))


class TestComposites:
    async def test_a_component_of_every_kind_weighs_as_it_should_whatever_its_traffic(self, prometheus, source):
        parts = Parts(prometheus)
        weights = dict(zip(BAD_SHARE, (1, 2, 3, 4, 5, 6), strict=True))
        whole = composite(*((weight, parts.slo(name)) for name, weight in weights.items()))
        expected = sum(BAD_SHARE[name] * weight for name, weight in weights.items()) / sum(weights.values())
        (seen,) = await assess(source, whole)  # alone: its components are met through it
        assert seen.data.available
        assert seen.budgets[0].sli_percent == pytest.approx(100 * (1 - expected), rel=0.001)
        assert seen.burn_rates["5m"] == pytest.approx(expected / 0.01, rel=0.01)

    async def test_it_is_the_same_beside_its_components(self, prometheus, source):
        parts = Parts(prometheus)
        slos = [parts.slo(name) for name in BAD_SHARE]
        seen, *components = await assess(source, composite(*((1.0, slo) for slo in slos)), *slos)
        mean = sum(component.budgets[0].sli_percent for component in components) / len(components)
        assert seen.budgets[0].sli_percent == pytest.approx(mean, rel=0.002)
        assert seen.budgets[0].counts.coverage == pytest.approx(
            min(component.budgets[0].counts.coverage for component in components), abs=0.05
        )

    async def test_any_bad_follows_the_worst_component_slice_by_slice(self, prometheus, source):
        a, b = Metric(prometheus), Metric(prometheus)
        times = list(a.times())
        for metric, bad_from, bad_to in ((a, 0, 20), (b, 60, 80)):  # each bad in five other minutes
            total = bad = 1000.0
            for_total, for_bad = [], []
            for n, t in enumerate(times):
                total, bad = total + 100, bad + (50 if bad_from <= n < bad_to else 0)
                for_total.append((t, total))
                for_bad.append((t, bad))
            labels = {"job": "j", "instance": metric.name}
            prometheus.write(metric.name, labels, for_total)
            prometheus.write(f"{metric.name}_bad", labels, for_bad)
        slos = [part(m.name, a.ratio().__class__(total=m.name, bad=f"{m.name}_bad")) for m in (a, b)]
        sliced = Timeslice(seconds=60, target_ratio=Decimal("0.9"))
        whole = composite(*((1.0, slo) for slo in slos), mode=CompositeMode.ANY_BAD, timeslice=sliced)
        (seen,) = await assess(source, whole)
        assert seen.budgets[0].counts.bad == pytest.approx(10, abs=2.1)  # minutes; the edges fall into others
        assert seen.budgets[0].counts.events == pytest.approx(MINUTES, abs=2)

    async def test_nested_composites_read_what_their_leaves_do(self, prometheus, source):
        parts = Parts(prometheus)
        classic, ratio = parts.slo("classic"), parts.slo("ratio")
        inner = CompositeIndicator(
            components=(Component(name="classic", weight=1.0), Component(name="ratio", weight=1.0)),
            mode=CompositeMode.WEIGHTED,
        )
        named = {"classic": classic, "ratio": ratio, "inner": part("inner", inner), "native": parts.slo("native")}
        outer = CompositeIndicator(
            components=(Component(name="inner", weight=3.0), Component(name="native", weight=1.0)),
            mode=CompositeMode.WEIGHTED,
        )
        whole = resolve(
            part("outer", outer, timeslice=Timeslice(seconds=60, target_ratio=None)), lambda _, name: named.get(name)
        )
        (seen,) = await assess(source, whole)
        expected = (3 * (0.1 + 0.01) / 2 + 0.2) / 4
        assert seen.budgets[0].sli_percent == pytest.approx(100 * (1 - expected), rel=0.001)

    async def test_a_component_that_fell_silent_is_unknown_from_then_on_or_left_out(self, prometheus, source):
        steady, silent = Metric(prometheus), Metric(prometheus)
        half = list(silent.times())[: MINUTES * 60 // SCRAPE // 2]
        steady.counter(99, code="200")
        steady.counter(1, code="500")
        silent.counter(50, code="200", times=half)
        silent.counter(50, code="500", times=half)
        slos = [(1.0, part("steady", steady.ratio())), (1.0, part("silent", silent.ratio()))]
        (strict,) = await assess(source, composite(*slos))
        assert (strict.data.available, strict.data.reason) == (False, Reason.NO_DATA)
        assert strict.data.message.startswith("component silent: ")
        assert strict.budgets[0].counts.known_seconds == pytest.approx(MINUTES * 60 / 2, rel=0.5)
        (lenient,) = await assess(source, composite(*slos, when_unknown=WhenUnknown.IGNORE))
        assert lenient.data.available
        assert lenient.burn_rates["5m"] == pytest.approx(1, rel=0.01)
        assert lenient.budgets[0].counts.known_seconds == pytest.approx(MINUTES * 60, rel=0.1)

    @pytest.mark.parametrize("when_unknown", WhenUnknown)
    async def test_a_component_whose_query_the_server_refuses(self, prometheus, source, when_unknown):
        metric = Metric(prometheus)
        metric.counter(99, code="200")
        metric.counter(1, code="500")
        broken = QueryIndicator(
            bad=f"sum({metric.name} * on () increase({metric.name}[$window]))",
            total=f"sum(increase({metric.name}[$window]))",
        )
        slos = [(1.0, part("broken", broken)), (1.0, part("fine", metric.ratio()))]
        async with Harness.running(source) as harness:
            (seen,) = await harness.settle(composite(*slos, when_unknown=when_unknown))
        if when_unknown is WhenUnknown.IGNORE:
            assert seen.data.available
            assert seen.budgets[0].sli_percent == pytest.approx(99, rel=1e-4)
        else:
            assert (seen.data.available, seen.data.reason) == (False, Reason.QUERY_FAILED)
            assert "component broken: " in seen.data.message
            assert "many-to-many" in seen.data.message
