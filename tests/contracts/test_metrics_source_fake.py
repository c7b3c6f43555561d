import math
import time

import pytest

from backstop.domain.errors import QueryRejected, SourceUnreachable
from backstop.ports.metrics import InstantAnswer, Sample
from tests.contracts.metrics_source import NOW, SERIES, MetricsSourceContract
from tests.fakes.metrics_source import FakeMetricsSource

LOOK_BACK = 300


def samples_of(name, at):
    """Return the newest sample of each series, as an instant selector would."""
    for series, labels, points in SERIES:
        recent = [value for after, value in points if at - LOOK_BACK < NOW + after <= at]
        if series == name and recent:
            yield Sample({"__name__": name, **labels}, recent[-1])


def evaluate(expression, at):
    """Answer the few expressions of the contract."""
    at = time.time() if at is None else at
    match expression:
        case "sum(contract_total)":
            return [Sample({}, sum(sample.value for sample in samples_of("contract_total", at)))]
        case "scalar(contract_gauge)":
            return [Sample({}, next(samples_of("contract_gauge", at)).value)]
        case "vector(time())":
            return [Sample({}, at)]
        case "vector(NaN)" | "vector(+Inf)" | "vector(-Inf)":
            return [Sample({}, float(expression[7:-1]))]
        case _:
            return list(samples_of(expression, at))


class TestFakeMetricsSource(MetricsSourceContract):
    @pytest.fixture
    async def source(self):
        source = FakeMetricsSource()
        source.answer_by(evaluate)
        source.answer("quantile(2", math.inf, warnings=["quantile value should be between 0 and 1, got 2"])
        source.answer("rate(contract_gauge", 1.0, infos=["metric might not be a counter: contract_gauge"])
        source.answer_by(refuse)
        return source

    @pytest.fixture
    async def away(self):
        source = FakeMetricsSource("away", timeout_seconds=1)
        source.fail(SourceUnreachable("away"))
        return source

    @pytest.fixture
    async def stuck(self):
        source = FakeMetricsSource("stuck", timeout_seconds=0.5, concurrency=1)
        source.hang()
        return source


def refuse(expression, _):
    if expression.count("(") != expression.count(")"):
        raise QueryRejected("unclosed left parenthesis")


async def test_the_newest_script_that_speaks_wins():
    source = FakeMetricsSource()
    source.answer("a", 1.0)
    source.answer("b", 2.0)
    assert await source.query("a + b", at=0) == InstantAnswer((Sample({}, 2.0),))
    assert await source.query("a", at=0) == InstantAnswer((Sample({}, 1.0),))


async def test_it_recovers_from_failing_and_hanging():
    source = FakeMetricsSource(timeout_seconds=0.01)
    source.answer("a", 1.0)
    source.fail(QueryRejected("no"), on="a")
    source.hang("b")
    with pytest.raises(QueryRejected):
        await source.query("a", at=0)
    with pytest.raises(SourceUnreachable):
        await source.query("b", at=0)
    source.recover()
    assert (await source.query("a", at=0)).samples == (Sample({}, 1.0),)
    assert [asked.expression for asked in source.asked] == ["a", "b", "a"]
    assert source.max_in_flight == 1
