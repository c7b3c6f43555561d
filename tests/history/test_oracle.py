"""The oracle is held against truths that it does not know: hand-made counters, and what the generator really drew."""

import numpy as np
import pytest

from tests.history.oracle import counted
from tests.history.scenarios import ALL
from tests.history.scraping import Exposed, Kind, Scraping, Target, scrape
from tests.history.series import NAME, Series
from tests.history.traffic import at_instants, at_rate, steady

SCRAPE = 30
START = 1_700_000_000


def times(*scrapes):
    return np.array([(START + n * SCRAPE) * 1000 for n in scrapes], dtype=np.int64)


def a_counter(values, *, scrapes=None, begun=0.0, **labels):
    scrapes = range(len(values)) if scrapes is None else scrapes
    return Series(
        labels={NAME: "c", "job": "j", "instance": "i"} | labels,
        times=times(*scrapes),
        values=np.array(values, dtype=float),
        begun=np.full(len(values), float(begun)),
    )


def up(*scrapes, value=1.0, **labels):
    return Series(
        labels={NAME: "up", "job": "j", "instance": "i"} | labels,
        times=times(*scrapes),
        values=np.full(len(scrapes), value),
    )


def started(at, *scrapes):
    return Series(
        labels={NAME: "process_start_time_seconds", "job": "j", "instance": "i"},
        times=times(*scrapes),
        values=np.full(len(scrapes), float(at)),
    )


def events(*series):
    steps = counted(series, lambda labels: labels[NAME] == "c", interval=SCRAPE)
    return steps.between(START - 3600, START + 86_400)


def test_the_first_value_without_proof_counts_nothing_and_then_every_step_does():
    assert events(a_counter([1000, 1003, 1003, 1010])) == 10


def test_a_counter_that_fell_counts_what_it_reached_since():
    assert events(a_counter([100, 110, 4, 6])) == 10 + 4 + 2


def test_a_first_value_counts_when_its_target_was_scraped_before_the_counter_began():
    late = a_counter([7, 9], scrapes=[2, 3], begun=START + 1.5 * SCRAPE)
    assert events(late, up(0, 1, 2, 3)) == 9
    assert events(late) == 2
    assert events(late, up(0, 1, value=0.0)) == 2


def test_a_first_value_of_a_counter_that_began_long_ago_counts_nothing():
    relabelled = a_counter([1_000_000, 1_000_003], scrapes=[2, 3], begun=START - 86_400, added="label")
    assert events(relabelled, up(0, 1, 2, 3)) == 3


def test_a_first_value_counts_when_the_process_has_just_started():
    young = a_counter([5, 6], begun=START - 10)
    assert events(young, started(START - 10, 0, 1)) == 6
    assert events(young, started(START - 1000, 0, 1)) == 1


def test_a_step_across_time_that_nobody_watched_counts_nowhere():
    assert events(a_counter([100, 101, 5000, 5001], scrapes=[0, 1, 30, 31])) == 2


def test_a_failed_scrape_hides_nothing():
    assert events(a_counter([100, np.nan, 120], begun=START - 999), up(0, 2), up(1, value=0.0)) == 20


def test_steps_lie_at_the_sample_that_shows_them():
    steps = counted([a_counter([0, 3, 8])], lambda _: True, interval=SCRAPE)
    assert steps.between(START, START + SCRAPE) == 3
    assert steps.between(START + SCRAPE, START + 2 * SCRAPE) == 5
    assert steps.between(START, START + SCRAPE - 0.001) == 0


def test_buckets_of_a_native_histogram_count_up_to_the_threshold_and_know_resets():
    histogram = Series(
        labels={NAME: "c", "job": "j", "instance": "i"},
        times=times(0, 1, 2),
        values=np.array([1.0, 2.0, 1.0]),
        begun=np.full(3, 0.0),
        buckets=(-1, 0, 1),
        counts=np.array([[10, 10, 10], [13, 14, 15], [1, 2, 3]]),
    )
    whole = counted([histogram], lambda _: True, interval=SCRAPE)
    fast = counted([histogram], lambda _: True, interval=SCRAPE, upto_bucket=-1)
    assert whole.between(START, START + 999) == 3 + 4 + 5 + 1 + 2 + 3
    assert fast.between(START, START + 999) == 3 + 1


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_brute_force_over_the_samples_finds_what_truly_happened(make):
    scenario = make()
    good, bad = scenario.truth
    rng = np.random.default_rng(0)
    assert bad.between(scenario.start, scenario.end) > 0
    for length in (300, 3600, 86_400, 30 * 86_400):
        for end in rng.uniform(scenario.start + length, scenario.end, 20):
            truth = good.between(end - length, end) + bad.between(end - length, end), bad.between(end - length, end)
            assert scenario.brute_force(end - length, end) == pytest.approx(truth)


def test_a_scrape_tells_how_much_it_saw_and_how_much_was_new():
    target = Target(job="j", instance="i", lives=[(START - 5, START + 300)], known=(START, np.inf))
    exposed = [
        Exposed(name="c", labels={"code": "200"}, kinds=("ok",)),
        Exposed(name="c", labels={"code": "500"}, kinds=("error",), appears_with=("error",)),
    ]
    kinds = {
        "ok": Kind(good=True, happen=at_rate(steady(5.0))),
        "error": Kind(good=False, happen=at_instants([START + 100])),
    }
    how = Scraping(interval=SCRAPE, jitter=0.0)
    series, truth = scrape(target, kinds, exposed, how, np.random.default_rng(1))
    by_name = {one.labels[NAME] + one.labels.get("code", ""): one for one in series}
    added, scraped = by_name["scrape_series_added"], by_name["scrape_samples_scraped"]
    assert len(by_name["c500"].times) < len(by_name["c200"].times)
    born = by_name["c500"].times[0]
    assert added.values[added.times == born] == 1
    assert added.values[1:].sum() == 1
    assert np.diff(scraped.values).sum() == 1
    assert truth.bad.sum() == 1


def test_a_target_that_leaves_ends_its_series_with_a_marker_and_a_silent_prometheus_does_not():
    exposed = [Exposed(name="c", kinds=("ok",))]
    kinds = {"ok": Kind(good=True, happen=at_rate(steady(5.0)))}
    leaves = Target(job="j", instance="i", lives=[(START - 5, START + 300)], known=(START, START + 300))
    stays = Target(job="j", instance="i", lives=[(START - 5, START + 9000)], known=(START, np.inf))
    outage = Scraping(interval=SCRAPE, outages=[(START + 1000, START + 8000)])
    series, _ = scrape(leaves, kinds, exposed, Scraping(interval=SCRAPE), np.random.default_rng(1))
    assert all(np.isnan(one.values[-1]) and not np.isnan(one.values[:-1]).any() for one in series)
    series, _ = scrape(stays, kinds, exposed, outage, np.random.default_rng(1))
    assert not any(one.ends for one in series)
    assert max(np.diff(series[0].times)) > 6_900_000
