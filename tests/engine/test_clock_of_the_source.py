"""Source time may go back, be absurd, or be unknown at start (semantics K19)."""

import math

import pytest

from backstop.domain.errors import SourceUnreachable
from backstop.ports.metrics import Sample
from backstop.vocabulary import State
from tests.engine.test_evaluator import scene

pytestmark = pytest.mark.looptime


def tell_time(s, *, ahead=0.0):
    """Let the source's clock differ from ours by so many seconds."""
    s.source.answer_by(lambda e, _: [Sample({}, s.clock.now().timestamp() + ahead)] if e == "time()" else None)


@pytest.mark.parametrize("back", [300, 3600, 8 * 3600])
async def test_a_source_whose_clock_goes_back_gets_a_new_row_and_goes_on(back):
    async with scene() as s:
        await s.run(600)
        tell_time(s, ahead=-back)
        before, anchor = s.clock.now().timestamp(), s.tracked.anchor
        seen = await s.run(120)
        assert s.tracked.fault is None
        assert seen.at == pytest.approx(before + 120 - back, abs=2)
        assert s.tracked.anchor != anchor
        assert s.tracked.ledger.newest(s.tracked.row) <= seen.at
        assert (seen.data.available, seen.verdict.state) == (True, State.HEALTHY)
        counts = seen.budgets[0].counts
        assert counts.events == pytest.approx(10 * counts.seconds, rel=1e-6)
        assert counts.unknown_seconds == pytest.approx(0, abs=1e-6)


async def test_a_source_that_is_away_at_start_may_turn_out_to_be_behind_our_clock():
    async with scene() as s:
        tell_time(s, ahead=-3600)
        s.source.fail(SourceUnreachable("starting"))
        down = await s.run(60)
        assert down.verdict.state is State.UNKNOWN
        s.source.recover()
        seen = await s.run(300)
        assert s.tracked.fault is None
        assert (seen.data.available, seen.verdict.state) == (True, State.HEALTHY)
        assert seen.clock_skew_seconds == pytest.approx(-3600, abs=1)
        assert seen.budgets[0].counts.good + seen.budgets[0].counts.bad == pytest.approx(36_000, rel=1e-6)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([Sample({}, math.nan)], id="NaN"),
        pytest.param([Sample({}, math.inf)], id="infinity"),
        pytest.param([Sample({"a": "1"}, 1.0), Sample({"a": "2"}, 2.0)], id="several"),
        pytest.param([], id="none"),
    ],
)
async def test_a_time_that_is_none_leaves_the_time_that_was_told_before(answer):
    async with scene() as s:
        tell_time(s, ahead=-100)
        before = await s.run(300)
        s.source.answer_by(lambda e, _: answer if e == "time()" else None)
        seen = await s.run(600)
        assert seen.at == before.at + 600
        assert (seen.data.available, seen.clock_skew_seconds) == (True, before.clock_skew_seconds)
        counts = seen.budgets[0].counts
        assert counts.events == pytest.approx(10 * counts.seconds, rel=1e-6)
