"""What every metrics source promises: one test per promise of the docstrings of `ports.metrics.MetricsSource`.

An implementation joins by a class with the fixtures `source`, `away` and `stuck`. The source must know the series
below; `away` is a source that cannot be reached; `stuck` has a single place, accepts queries and never answers. Both
have a timeout of at most a second.
"""

import asyncio
import math
import time

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.ports.metrics import MetricsSource, Sample, Series

NOW = 1_760_000_000.0
# Name, labels, samples (seconds after NOW, value). The gap is longer than Prometheus's look-back of five minutes.
SERIES = (
    ("contract_total", {"code": "200"}, ((-30.0, 70.0), (0.0, 100.0))),
    ("contract_total", {"code": "500"}, ((-30.0, 1.0), (0.0, 2.0))),
    ("contract_gauge", {}, tuple((float(n * 15), float(n)) for n in range(-2, 1))),
    ("contract_gap", {}, ((-900.0, 1.0), (0.0, 2.0))),
)
QUICKLY = 5.0  # seconds; far over the timeouts in use, far under what an unbounded wait would take


class MetricsSourceContract:
    async def test_each_series_comes_with_its_labels_and_its_value(self, source: MetricsSource) -> None:
        answer = await source.query("contract_total", at=NOW)
        assert sorted(answer.samples, key=lambda sample: sample.value) == [
            Sample({"__name__": "contract_total", "code": "500"}, 2.0),
            Sample({"__name__": "contract_total", "code": "200"}, 100.0),
        ]
        assert (answer.warnings, answer.infos) == ((), ())

    async def test_a_query_is_evaluated_at_the_time_it_names(self, source: MetricsSource) -> None:
        answer = await source.query("sum(contract_total)", at=NOW - 0.001)
        assert answer.samples == (Sample({}, 71.0),)

    async def test_without_a_time_it_is_evaluated_at_the_servers_own_now(self, source: MetricsSource) -> None:
        answer = await source.query("vector(time())", at=None)
        assert answer.samples[0].value == pytest.approx(time.time(), abs=60)

    async def test_a_series_without_data_is_absent_not_zero(self, source: MetricsSource) -> None:
        answer = await source.query("contract_never_seen", at=NOW)
        assert answer.samples == ()

    async def test_a_scalar_is_one_sample_without_labels(self, source: MetricsSource) -> None:
        answer = await source.query("scalar(contract_gauge)", at=NOW - 15)
        assert answer.samples == (Sample({}, -1.0),)

    async def test_nan_and_infinity_are_values(self, source: MetricsSource) -> None:
        values = [(await source.query(f"vector({text})", at=NOW)).samples[0].value for text in ("NaN", "+Inf", "-Inf")]
        assert math.isnan(values[0])
        assert values[1:] == [math.inf, -math.inf]

    async def test_warnings_are_not_dropped(self, source: MetricsSource) -> None:
        answer = await source.query("quantile(2, contract_total)", at=NOW)
        assert any("quantile" in text for text in answer.warnings)

    async def test_infos_are_not_dropped(self, source: MetricsSource) -> None:
        answer = await source.query("rate(contract_gauge[1m])", at=NOW)
        assert any("contract_gauge" in text for text in answer.infos)

    async def test_a_range_includes_its_start_and_its_end(self, source: MetricsSource) -> None:
        answer = await source.query_range("contract_gauge", start=NOW - 30, end=NOW, step=15)
        assert answer.series == (
            Series({"__name__": "contract_gauge"}, ((NOW - 30, -2.0), (NOW - 15, -1.0), (NOW, 0.0))),
        )

    async def test_a_range_has_millisecond_precision(self, source: MetricsSource) -> None:
        answer = await source.query_range("contract_gauge", start=NOW - 0.002, end=NOW, step=0.001)
        ((first, second, last),) = (series.points for series in answer.series)
        assert [round(point[0] - NOW, 3) for point in (first, second, last)] == [-0.002, -0.001, 0.0]
        assert [point[1] for point in (first, second, last)] == [-1.0, -1.0, 0.0]

    async def test_a_range_has_points_only_where_the_source_had_a_value(self, source: MetricsSource) -> None:
        answer = await source.query_range("contract_gap", start=NOW - 900, end=NOW, step=450)
        assert [point[0] for series in answer.series for point in series.points] == [NOW - 900, NOW]

    async def test_a_range_of_nothing_has_no_series(self, source: MetricsSource) -> None:
        assert (await source.query_range("contract_never_seen", start=NOW - 30, end=NOW, step=15)).series == ()

    async def test_a_range_keeps_its_infos(self, source: MetricsSource) -> None:
        answer = await source.query_range("rate(contract_gauge[1m])", start=NOW - 15, end=NOW, step=15)
        assert any("contract_gauge" in text for text in answer.infos)

    async def test_a_query_that_the_server_refuses_is_rejected(self, source: MetricsSource) -> None:
        with pytest.raises(QueryRejected):
            await source.query("sum(contract_total", at=NOW)
        with pytest.raises(QueryRejected):
            await source.query_range("sum(contract_total", start=NOW - 15, end=NOW, step=15)

    async def test_a_source_that_is_away_is_unreachable_and_not_a_slow_query(self, away: MetricsSource) -> None:
        with pytest.raises(SourceUnreachable) as caught:
            await away.query("contract_total", at=NOW)
        assert not isinstance(caught.value, QueryTimedOut)

    async def test_a_query_that_is_not_answered_times_out(self, stuck: MetricsSource) -> None:
        with pytest.raises(QueryTimedOut):
            await asyncio.wait_for(stuck.query("contract_total", at=NOW), QUICKLY)

    async def test_waiting_for_a_place_counts_against_the_timeout(self, stuck: MetricsSource) -> None:
        queries = [stuck.query("contract_total", at=NOW) for _ in range(5)]
        outcomes = await asyncio.wait_for(asyncio.gather(*queries, return_exceptions=True), QUICKLY)
        assert [type(outcome) for outcome in outcomes] == [QueryTimedOut] * 5

    async def test_a_cancelled_query_is_cancelled_at_once(self, stuck: MetricsSource) -> None:
        query = asyncio.create_task(stuck.query("contract_total", at=NOW))
        await asyncio.sleep(0)
        query.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(query, QUICKLY)

    async def test_a_closed_source_is_unreachable(self, source: MetricsSource) -> None:
        await source.close()
        with pytest.raises(SourceUnreachable):
            await source.query("contract_total", at=NOW)

    async def test_it_tells_its_name_and_its_bounds(self, stuck: MetricsSource) -> None:
        assert stuck.name == "stuck"
        assert 0 < stuck.timeout_seconds <= 1
        assert stuck.concurrency == 1
