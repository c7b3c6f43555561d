"""Asks a source the questions of a tick, and keeps one bad question from spoiling the others.

A batch that the source refuses, does not finish in time, or answers with warnings is asked again one by one. That
costs queries, so it is not done when the trouble is the source's and not a question's: once the source is away nothing
more is asked in this tick, and of several batches that time out only the first is taken apart.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.evidence import Slice, unknown
from backstop.engine.planner import Answer, Batch, Question, plan, take_apart
from backstop.ports.metrics import MetricsSource
from backstop.vocabulary import Reason


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a question has no answer. `own_fault` is True when it failed alone while the source works."""

    evidence: Slice
    own_fault: bool


Outcome = Answer | Failure
Answered = list[tuple[Question, Outcome]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to all questions about one slice of an SLO; `failed` are the components whose own query has none."""

    answer: Answer
    failed: Mapping[str, Slice]  # by their place in the composite


def reply_of(outcomes: Mapping[str, Outcome]) -> Reply | Failure:
    """Return what the outcomes of all parts of an SLO, by place, say together.

    A component whose own query fails is unknown, and the composite says what that means. While it is the source that
    fails nothing is known: the slice is asked about again.
    """
    failures = {place: outcome for place, outcome in outcomes.items() if isinstance(outcome, Failure)}
    of_the_source = [failure for failure in failures.values() if not failure.own_fault]
    if of_the_source or (failures and len(outcomes) == 1):
        return (of_the_source or list(failures.values()))[0]
    answers = [outcome for outcome in outcomes.values() if not isinstance(outcome, Failure)]
    return Reply(
        answer={name: samples for answer in answers for name, samples in answer.items()},
        failed={place: failure.evidence for place, failure in failures.items()},
    )


class Round:
    """The questions of one tick to one source; what it learns of the source holds until the tick is over."""

    def __init__(self, source: MetricsSource) -> None:
        self._source = source
        # Batches wait here and not in the source, where waiting counts against the timeout of a query.
        self._places = asyncio.Semaphore(source.concurrency)
        self._away: SourceUnreachable | None = None
        self._timed_out = 0

    async def ask(self, questions: Iterable[Question]) -> Answered:
        """Return every question with its answer or failure; never raises what the source raises."""
        return await self._ask_all(plan(questions))

    async def _ask_all(self, batches: Iterable[Batch]) -> Answered:
        answered = await asyncio.gather(*(self._ask(batch) for batch in batches))
        return [pair for pairs in answered for pair in pairs]

    async def _ask(self, batch: Batch) -> Answered:
        try:
            async with self._places:
                if self._away is not None:
                    raise self._away
                answer = await self._source.query(batch.expression, at=batch.at)
                answers = [] if answer.warnings else take_apart(batch, answer.samples)
        except QueryRejected as problem:
            return await self._apart(batch, Reason.QUERY_FAILED, str(problem))
        except QueryTimedOut as problem:
            self._timed_out += 1
            overloaded = self._timed_out > 1 and len(batch.questions) > 1
            return (
                self._all_failed(batch, problem)
                if overloaded
                else await self._apart(batch, Reason.SOURCE_UNREACHABLE, str(problem))
            )
        except SourceUnreachable as problem:
            self._away = problem
            return self._all_failed(batch, problem)
        if answer.warnings:
            # A warning means that series may be missing: counting the rest would turn an outage of a store into good
            # news.
            return await self._apart(batch, Reason.PARTIAL_ANSWER, "; ".join(answer.warnings[:3]))
        return list(zip(batch.questions, answers, strict=True))

    def _all_failed(self, batch: Batch, problem: SourceUnreachable) -> Answered:
        evidence = unknown(Reason.SOURCE_UNREACHABLE, self._named(str(problem)))
        return [(question, Failure(evidence, own_fault=False)) for question in batch.questions]

    async def _apart(self, batch: Batch, reason: Reason, message: str) -> Answered:
        if len(batch.questions) == 1:
            return [(batch.questions[0], Failure(unknown(reason, self._named(message)), own_fault=True))]
        apart = await self._ask_all(Batch(batch.at, (question,)) for question in batch.questions)
        if all(isinstance(outcome, Failure) for _, outcome in apart):
            # Not one of them, but the source: a question that is blamed would be asked alone, and rarely.
            return [(q, Failure(o.evidence, own_fault=False)) for q, o in apart if isinstance(o, Failure)]
        return apart

    def _named(self, message: str) -> str:
        prefix = f"source {self._source.name}"
        return message if message.startswith(prefix) else f"{prefix}: {message}"
