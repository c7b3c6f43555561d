"""Semantics E2 and B6 on a real Prometheus: each line of the rule, from samples to the numbers a user sees."""

import time
import uuid
from decimal import Decimal

import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.slo import (
    BooleanIndicator,
    Comparison,
    Evaluation,
    LatencyIndicator,
    NoTraffic,
    QueryIndicator,
    RatioIndicator,
    ThresholdIndicator,
)
from backstop.vocabulary import Reason, State
from tests.builders import a_slo
from tests.engine.harness import Harness
from tests.remote_write import NativeHistogram

pytestmark = pytest.mark.prometheus

SCRAPE = 15
MINUTES = 20


@pytest.fixture
async def source(prometheus):
    source = connect(Source(name="default", url=prometheus.url))
    yield source
    await source.close()


class Metric:
    """Series of a metric of this test alone, ending now, or a while ago."""

    def __init__(self, prometheus, *, until=0):
        self.prometheus = prometheus
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.end = int(time.time()) - until

    def times(self, *, minutes=MINUTES, end=None):
        end = self.end if end is None else end
        return range(end - minutes * 60, end + 1, SCRAPE)

    def counter(self, per_scrape, *, name=None, start=1000.0, times=None, **labels):
        """Write a counter that grows by `per_scrape` at every scrape."""
        times = self.times() if times is None else times
        # A target of its own: what other tests say of theirs (up, process start) proves nothing here.
        labels = {"job": "j", "instance": self.name} | labels
        self.prometheus.write(name or self.name, labels, [(t, start + n * per_scrape) for n, t in enumerate(times)])

    def scrapes(self, *, samples, added):
        """Write what Prometheus tells of every scrape of the target: how many samples, and how many new series."""
        labels = {"job": "j", "instance": self.name}
        told = {"up": lambda t: 1, "scrape_samples_scraped": samples, "scrape_series_added": added}
        for name, value in told.items():
            self.prometheus.write(name, labels, [(t, float(value(t))) for t in self.times()])

    def gauge(self, value, *, times=None, **labels):
        times = self.times() if times is None else times
        self.prometheus.write(
            self.name, labels, [(t, value(n) if callable(value) else value) for n, t in enumerate(times)]
        )

    def ratio(self, **which):
        matchers = which or {"bad": 'code="500"'}
        part = {kind: f"{self.name}{{{matcher}}}" for kind, matcher in matchers.items()}
        return RatioIndicator(total=self.name, **part)


async def assess(source, slo):
    async with Harness.running(source) as harness:
        return (await harness.settle(slo))[0]


async def test_bad_and_total_give_the_ratio_of_their_increases(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(97, code="200")
    metric.counter(3, code="500")
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    budget = seen.budgets[0]
    assert budget.sli_percent == pytest.approx(97, rel=1e-6)
    assert seen.burn_rates["5m"] == pytest.approx(3, rel=1e-6)
    first_minute = 60 / SCRAPE * 100  # the slice in which the counters appear is a baseline
    assert budget.counts.good + budget.counts.bad == pytest.approx(100 * MINUTES * 60 / SCRAPE, abs=first_minute)
    assert seen.verdict.state is State.EXHAUSTED
    assert seen.scrape_interval_seconds == pytest.approx(SCRAPE, rel=0.1)


async def test_good_and_total_give_the_same_ratio(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(97, code="200")
    metric.counter(3, code="500")
    seen = await assess(source, a_slo(indicator=metric.ratio(good='code="200"')))
    assert seen.budgets[0].sli_percent == pytest.approx(97, rel=1e-6)


async def test_total_present_and_bad_empty_is_no_bad_event(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200")
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert (seen.budgets[0].sli_percent, seen.verdict.state) == (100, State.HEALTHY)
    assert seen.data.available


async def test_total_present_and_good_never_seen_is_unknown(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="500")
    seen = await assess(source, a_slo(indicator=metric.ratio(good='code="200"')))
    assert (seen.data.available, seen.data.reason) == (False, Reason.GOOD_NEVER_SEEN)
    assert seen.verdict.state is State.UNKNOWN


async def test_good_that_was_seen_and_vanished_is_none(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="500")
    metric.counter(10, code="200", times=metric.times(minutes=5, end=metric.end - 900))
    seen = await assess(source, a_slo(indicator=metric.ratio(good='code="200"')))
    assert seen.data.available
    assert seen.burn_rates["5m"] == pytest.approx(100)  # nothing but errors against one percent


@pytest.mark.parametrize(
    ("no_traffic", "available", "sli", "state"),
    [
        (NoTraffic.NEUTRAL, True, None, State.HEALTHY),
        (NoTraffic.GOOD, True, 100, State.HEALTHY),
        (NoTraffic.UNKNOWN, False, None, State.UNKNOWN),
    ],
)
async def test_counters_that_stand_still_are_no_traffic_and_known_time(
    prometheus, source, no_traffic, available, sli, state
):
    metric = Metric(prometheus)
    metric.counter(0, code="200")
    slo = a_slo(indicator=metric.ratio(), evaluation=Evaluation(no_traffic=no_traffic))
    seen = await assess(source, slo)
    assert (seen.data.available, seen.data.reason) == (
        available,
        Reason.SAMPLES_FRESH if available else Reason.NO_TRAFFIC,
    )
    assert (seen.budgets[0].sli_percent, seen.verdict.state) == (sli, state)
    assert (seen.budgets[0].counts.coverage > 0.3) is available


async def test_a_total_that_does_not_exist_is_no_data(source):
    indicator = RatioIndicator(total="never_written_total", bad='never_written_total{code="500"}')
    seen = await assess(source, a_slo(indicator=indicator))
    assert (seen.data.available, seen.data.reason) == (False, Reason.NO_DATA)
    assert (seen.verdict.state, seen.budgets[0].remaining_percent) == (State.UNKNOWN, None)


async def test_samples_older_than_stale_after_are_stale_not_silent_traffic(prometheus, source):
    metric = Metric(prometheus, until=200)
    metric.counter(10, code="200")
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert (seen.data.available, seen.data.reason) == (False, Reason.STALE)
    assert seen.verdict.state is State.UNKNOWN


async def test_a_reset_counts_what_was_reached_since(prometheus, source):
    metric = Metric(prometheus)
    times = list(metric.times())
    half = len(times) // 2
    metric.counter(10, code="200", times=times[:half], start=5000)
    metric.counter(10, code="200", times=times[half:], start=10)
    metric.counter(1, code="500")
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    counts = seen.budgets[0].counts
    assert counts.good == pytest.approx(10 * (len(times) - 1), rel=0.05)  # one step at most is hidden by the reset
    assert counts.bad == pytest.approx(len(times) - 1, rel=0.05)


async def test_the_first_error_counts_though_its_series_is_born_with_it(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200")
    born = list(metric.times())[len(metric.times()) // 2 :]
    metric.counter(0, code="500", times=born, start=7)
    metric.scrapes(samples=lambda t: 40 + (t >= born[0]), added=lambda t: t == born[0])
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert seen.budgets[0].counts.bad == pytest.approx(7)


async def test_a_series_that_the_target_does_not_expose_anew_is_a_baseline(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200")
    relabelled = list(metric.times())[len(metric.times()) // 2 :]
    metric.counter(0, code="500", added="label", times=relabelled, start=1_000_000)
    metric.scrapes(samples=lambda t: 41, added=lambda t: 41 * (t == relabelled[0]))
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert seen.budgets[0].counts.bad == 0


async def test_a_counter_that_appears_without_proof_of_its_birth_is_a_baseline(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200", instance="known")
    late = list(metric.times())[len(metric.times()) // 2 :]
    metric.counter(10, code="500", times=late, start=1_000_000, instance="renamed")
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert seen.budgets[0].counts.bad == pytest.approx(10 * (len(late) - 1), rel=0.15)
    assert seen.budgets[0].counts.bad < 1000


async def test_a_pod_that_starts_counts_from_its_first_value(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200", instance="old")
    late = list(metric.times())[len(metric.times()) // 2 :]
    metric.counter(0, code="500", times=late, start=4, instance=f"new-{metric.name}")
    started = {"job": "j", "instance": f"new-{metric.name}"}
    prometheus.write("process_start_time_seconds", started, [(t, float(late[0] - 5)) for t in late])
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert seen.budgets[0].counts.bad == pytest.approx(4)


@pytest.mark.parametrize(("threshold", "good"), [("0.5", 90), ("1", 95)])
async def test_latency_from_a_classic_histogram(prometheus, source, threshold, good):
    metric = Metric(prometheus)
    for bound, per_scrape in (("0.25", 60), ("0.5", 90), ("1.0", 95), ("+Inf", 100)):
        metric.counter(per_scrape, name=f"{metric.name}_bucket", le=bound)
    metric.counter(100, name=f"{metric.name}_count")
    indicator = LatencyIndicator(histogram=metric.name, selector="{}", threshold_seconds=Decimal(threshold))
    seen = await assess(source, a_slo(indicator=indicator))
    assert seen.budgets[0].sli_percent == pytest.approx(good, rel=1e-6)


async def test_a_threshold_between_two_buckets_is_refused_with_both(prometheus, source):
    metric = Metric(prometheus)
    for bound in ("0.25", "0.5", "1.0", "+Inf"):
        metric.counter(1, name=f"{metric.name}_bucket", le=bound)
    metric.counter(1, name=f"{metric.name}_count")
    indicator = LatencyIndicator(histogram=metric.name, selector="{}", threshold_seconds=Decimal("0.3"))
    seen = await assess(source, a_slo(indicator=indicator))
    assert (seen.data.available, seen.data.reason) == (False, Reason.THRESHOLD_NOT_A_BUCKET)
    assert "spec.indicator.latency.threshold: 0.3s is not a bucket bound" in seen.data.message
    assert "0.25s or 0.5s" in seen.data.message


async def test_a_boolean_gauge_counts_each_sample_as_a_moment(prometheus, source):
    metric = Metric(prometheus)
    metric.gauge(lambda n: 0.0 if n % 10 == 0 else 1.0)
    seen = await assess(source, a_slo(indicator=BooleanIndicator(metric=metric.name)))
    assert seen.budgets[0].sli_percent == pytest.approx(90, abs=1.5)


async def test_a_threshold_is_good_where_the_comparison_holds(prometheus, source):
    metric = Metric(prometheus)
    metric.gauge(lambda n: 150.0 if n % 4 == 0 else 50.0)
    indicator = ThresholdIndicator(query=f"max({metric.name})", op=Comparison.LT, value=100)
    seen = await assess(source, a_slo(indicator=indicator))
    assert seen.budgets[0].sli_percent == pytest.approx(75, abs=3)


async def test_a_threshold_that_never_holds_is_bad_not_unknown(prometheus, source):
    metric = Metric(prometheus)
    metric.gauge(150.0)
    indicator = ThresholdIndicator(query=f"max({metric.name})", op=Comparison.LT, value=100)
    seen = await assess(source, a_slo(indicator=indicator))
    assert (seen.budgets[0].sli_percent, seen.data.available) == (0, True)


async def test_a_threshold_of_nan_is_unknown_in_both_directions(prometheus, source):
    metric = Metric(prometheus)
    metric.gauge(0.0)
    for op in (Comparison.LT, Comparison.NE):
        indicator = ThresholdIndicator(query=f"max({metric.name}) / max({metric.name})", op=op, value=100)
        seen = await assess(source, a_slo(indicator=indicator))
        assert (seen.data.available, seen.data.reason) == (False, Reason.BASELINE)


@pytest.mark.parametrize(
    ("good", "total"),
    [
        ('sum(increase({m}{{code="200"}}[$window]))', "sum(increase({m}[$window]))"),
        ('sum(rate({m}{{code="200"}}[{{{{.window}}}}]))', "sum(rate({m}[{{{{.window}}}}]))"),
    ],
)
async def test_query_values_are_increases_and_a_rate_is_multiplied_by_its_length(prometheus, source, good, total):
    metric = Metric(prometheus)
    metric.counter(90, code="200")
    metric.counter(10, code="500")
    indicator = QueryIndicator(good=good.format(m=metric.name), total=total.format(m=metric.name))
    seen = await assess(source, a_slo(indicator=indicator))
    counts = seen.budgets[0].counts
    assert seen.budgets[0].sli_percent == pytest.approx(90, rel=1e-6)
    known_minutes = (3600 - counts.unknown_seconds) / 60
    assert counts.good + counts.bad == pytest.approx(100 * 4 * known_minutes, rel=0.15)


async def test_several_series_where_one_is_expected_is_an_error_that_names_the_field(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(90, code="200")
    metric.counter(10, code="500")
    indicator = QueryIndicator(
        bad=f'sum(increase({metric.name}{{code="500"}}[$window]))', total=f"increase({metric.name}[$window])"
    )
    seen = await assess(source, a_slo(indicator=indicator))
    assert (seen.data.available, seen.data.reason) == (False, Reason.SEVERAL_SERIES)
    assert "spec.indicator.query.total" in seen.data.message
    assert "sum(...)" in seen.data.message


async def test_nan_from_a_query_is_unknown(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(0, code="200")
    nan = f"sum(increase({metric.name}[$window])) / sum(increase({metric.name}[$window]))"
    indicator = QueryIndicator(bad=nan, total=f"sum(increase({metric.name}[$window]))")
    seen = await assess(source, a_slo(indicator=indicator))
    assert (seen.data.available, seen.data.reason) == (False, Reason.NOT_A_NUMBER)


async def test_more_bad_than_total_is_inconsistent(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200")
    indicator = QueryIndicator(
        bad=f"2 * sum(increase({metric.name}[$window]))", total=f"sum(increase({metric.name}[$window]))"
    )
    seen = await assess(source, a_slo(indicator=indicator))
    assert (seen.data.available, seen.data.reason) == (False, Reason.INCONSISTENT)


async def test_one_bad_expression_does_not_spoil_its_batch(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(10, code="200")
    metric.counter(0, code="500")
    total = f"sum(increase({metric.name}[$window]))"
    many_to_many = QueryIndicator(bad=f"sum({metric.name} * on () increase({metric.name}[$window]))", total=total)
    async with Harness.running(source) as harness:
        bad, good = await harness.settle(
            a_slo(uid="u1", name="broken", indicator=many_to_many),
            a_slo(uid="u2", name="fine", indicator=metric.ratio()),
        )
    assert (bad.data.available, bad.data.reason) == (False, Reason.QUERY_FAILED)
    assert "many-to-many" in bad.data.message
    assert (good.data.available, good.budgets[0].sli_percent) == (True, 100)


@pytest.mark.parametrize(("threshold", "good"), [("1", 90), ("2", 98)])
async def test_latency_from_a_native_histogram(prometheus, source, threshold, good):
    metric = Metric(prometheus)
    samples = [
        (float(t), NativeHistogram(buckets={0: 90 * n, 1: 8 * n, 2: 2 * n}))
        for n, t in enumerate(metric.times(), start=1)
    ]
    prometheus.write(metric.name, {"job": "j", "instance": metric.name}, samples)
    indicator = LatencyIndicator(histogram=metric.name, selector="{}", threshold_seconds=Decimal(threshold))
    seen = await assess(source, a_slo(indicator=indicator))
    assert seen.budgets[0].sli_percent == pytest.approx(good, rel=1e-6)


async def test_a_counter_born_at_zero_is_known_time_without_events(prometheus, source):
    metric = Metric(prometheus)
    metric.counter(0, code="200", start=0, times=metric.times(minutes=1))
    seen = await assess(source, a_slo(indicator=metric.ratio()))
    assert (seen.data.available, seen.budgets[0].counts.good) == (True, 0)
