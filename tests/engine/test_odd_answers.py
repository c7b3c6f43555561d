"""Answers that no well-behaved server gives are unknown evidence, and end nothing."""

import math
import uuid

import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.engine.planner import MARKER
from backstop.ports.metrics import Sample
from backstop.vocabulary import Reason, State
from tests.builders import a_slo
from tests.engine.test_evaluator import scene
from tests.engine.test_evidence_from_prometheus import Metric, assess


@pytest.mark.looptime
@pytest.mark.parametrize(
    "sample",
    [
        pytest.param(Sample({}, 1.0), id="no marker"),
        pytest.param(Sample({}, math.nan), id="no marker and no number"),
        pytest.param(Sample({MARKER: "7:total"}, 1.0), id="the marker of a question that was not asked"),
        pytest.param(Sample({MARKER: "total"}, 1.0), id="a marker of somebody else"),
    ],
)
async def test_a_series_that_was_not_asked_for_makes_the_answer_unknown(sample):
    async with scene() as s:
        await s.run(300)
        s.source.answer_by(lambda e, _: None if e == "time()" else [sample])
        seen = await s.run(150)
        assert (seen.data.available, seen.data.reason) == (False, Reason.SOURCE_UNREACHABLE)
        assert "not asked for" in seen.data.message
        assert seen.verdict.state is State.UNKNOWN
        s.source.answer_by(s.source._answer)
        back = await s.run(60)
        assert (back.data.available, back.verdict.state) == (True, State.HEALTHY)
        assert back.budgets[0].counts.events == pytest.approx(10 * back.budgets[0].counts.seconds, rel=1e-6)


@pytest.mark.prometheus
@pytest.mark.parametrize("code", ["200", "500"])
async def test_nan_in_one_counter_is_not_a_number_though_others_count(prometheus, code):
    source = connect(Source(name="default", url=prometheus.url))
    metric = Metric(prometheus)
    metric.counter(97, code="200")
    metric.counter(3, code="500")
    labels = {"job": "j", "instance": f"broken-{uuid.uuid4().hex[:6]}", "code": code}
    prometheus.write(metric.name, labels, [(t, math.nan) for t in metric.times()])
    try:
        seen = await assess(source, a_slo(indicator=metric.ratio()))
    finally:
        await source.close()
    assert (seen.data.available, seen.data.reason) == (False, Reason.NOT_A_NUMBER)
    assert seen.verdict.state is State.UNKNOWN
    assert seen.budgets[0].counts.good + seen.budgets[0].counts.bad == 0  # in history NaN is unknown as well


@pytest.mark.looptime
async def test_range_answers_that_are_not_ours_are_asked_again_and_lose_no_minute():
    async with scene() as s:
        await s.run(300)
        whole = s.source._answer
        s.source.answer_by(lambda e, _: [Sample({}, 1.0)] if e != "time()" else None)
        await s.run(900)
        s.source.answer_by(whole)
        seen = await s.run(300)
        assert seen.budgets[0].counts.unknown_seconds == pytest.approx(0, abs=1e-6)
