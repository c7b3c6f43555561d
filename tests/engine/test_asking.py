import asyncio

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.engine.asking import Failure, Round
from backstop.engine.planner import MAX_LENGTH, MAX_QUESTIONS, Batch, Question, plan
from backstop.vocabulary import Reason
from tests.fakes.metrics_source import FakeMetricsSource

pytestmark = pytest.mark.looptime


def a_question(n, *, at=0.0, alone=False, term="sum(metric_{n})"):
    return Question(uid=f"u{n}", at=at, terms={"total": term.format(n=n)}, alone=alone)


async def test_a_thousand_questions_travel_in_a_few_queries():
    source = FakeMetricsSource()
    await Round(source).ask([a_question(n) for n in range(1000)])
    assert len(source.asked) == 1000 // MAX_QUESTIONS + 1


def test_batches_hold_one_instant_and_stay_short_enough_for_proxies():
    batches = plan([a_question(n, at=n % 2, term="sum(m{n}" + "x" * 4000 + ")") for n in range(40)])
    assert all(len({q.at for q in batch.questions}) == 1 for batch in batches)
    assert max(len(batch.expression) for batch in batches) <= MAX_LENGTH
    assert sum(len(batch.questions) for batch in batches) == 40


async def test_more_batches_than_places_wait_without_timing_out():
    source = FakeMetricsSource(concurrency=1, timeout_seconds=1)

    async def slow(expression, *, at):
        await asyncio.sleep(0.9)
        return await original(expression, at=at)

    original, source.query = source.query, slow
    answered = await Round(source).ask([a_question(n) for n in range(200)])
    assert not [outcome for _, outcome in answered if isinstance(outcome, Failure)]


async def test_one_refused_question_costs_its_batch_one_query_each_and_spoils_no_other():
    source = FakeMetricsSource()
    source.fail(QueryRejected("many-to-many"), on="metric_7)")
    answered = await Round(source).ask([a_question(n) for n in range(64)])
    failed = [question.uid for question, outcome in answered if isinstance(outcome, Failure)]
    assert failed == ["u7"]
    assert len(source.asked) == 2 + MAX_QUESTIONS


async def test_an_absent_source_is_asked_once_per_tick_and_place():
    source = FakeMetricsSource(concurrency=2)
    source.fail(SourceUnreachable("refused"))
    answered = await Round(source).ask([a_question(n) for n in range(1000)])
    assert len(source.asked) == 2
    assert {outcome.evidence.reason for _, outcome in answered} == {Reason.SOURCE_UNREACHABLE}
    assert not any(outcome.own_fault for _, outcome in answered)


async def test_an_overloaded_source_is_not_asked_thirty_times_more():
    source = FakeMetricsSource(concurrency=4)
    source.fail(QueryTimedOut("no answer within 10 s"))
    await Round(source).ask([a_question(n) for n in range(320)])
    assert len(source.asked) == 10 + MAX_QUESTIONS  # ten batches, and the first of them one by one


async def test_a_warning_makes_the_answer_unknown_for_the_question_it_belongs_to():
    source = FakeMetricsSource()
    source.answer("metric_3)", 1.0, warnings=["store s3 is missing"])
    answered = await Round(source).ask([a_question(n) for n in range(5)])
    failures = {q.uid: o.evidence for q, o in answered if isinstance(o, Failure)}
    assert {uid: evidence.reason for uid, evidence in failures.items()} == {"u3": Reason.PARTIAL_ANSWER}
    assert "store s3 is missing" in failures["u3"].message


def test_what_failed_in_company_is_asked_alone():
    batches = plan([a_question(1), a_question(2, alone=True), a_question(3)])
    assert sorted(len(batch.questions) for batch in batches) == [1, 2]
    assert isinstance(batches[0], Batch)
