"""Scrapes that are rarer than minutes, in a real Prometheus: every minute is known, and every event counted once."""

import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.slo import BooleanIndicator, QueryIndicator
from tests.builders import a_slo
from tests.engine.test_evidence_from_prometheus import Metric, assess

pytestmark = pytest.mark.prometheus


@pytest.fixture
async def source(prometheus):
    source = connect(Source(name="default", url=prometheus.url))
    yield source
    await source.close()


def every(metric, scrape):
    """Scrape times of the last two hours."""
    return list(range(metric.end - 7200, metric.end + 1, scrape))


@pytest.mark.parametrize("scrape", [60, 120])
@pytest.mark.parametrize("function", ["increase", "rate"])
async def test_query_indicators_cover_every_minute_of_a_slow_scrape(prometheus, source, scrape, function):
    metric = Metric(prometheus)
    metric.counter(97, code="200", times=every(metric, scrape))
    metric.counter(3, code="500", times=every(metric, scrape))
    indicator = QueryIndicator(
        bad=f'sum({function}({metric.name}{{code="500"}}[$window]))', total=f"sum({function}({metric.name}[$window]))"
    )
    seen = await assess(source, a_slo(indicator=indicator))
    counts = seen.budgets[0].counts
    assert seen.scrape_interval_seconds == pytest.approx(scrape, rel=0.3)  # five minutes hold two samples or three
    assert counts.coverage == pytest.approx(1, abs=0.02)
    assert counts.good + counts.bad == pytest.approx(3600 / scrape * 100, rel=0.02)
    assert counts.bad == pytest.approx(3600 / scrape * 3, rel=0.02)
    assert seen.burn_rates["5m"] == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize("scrape", [60, 120])
async def test_a_boolean_gauge_that_is_scraped_rarely_is_known_between_its_moments(prometheus, source, scrape):
    metric = Metric(prometheus)
    metric.gauge(1.0, times=every(metric, scrape))
    seen = await assess(source, a_slo(indicator=BooleanIndicator(metric=metric.name)))
    counts = seen.budgets[0].counts
    assert counts.coverage == pytest.approx(1, abs=0.02)
    assert counts.good == pytest.approx(3600 / scrape, abs=1)
    assert (counts.bad, seen.data.available) == (0, True)
