"""Asks one source the queries of rules: one slow query delays no other, and a silent source is not asked in vain.

Queries that were answered in time before share half of the source's places. One that was never asked waits among its
own kind until it has shown that it is quick, and one that took too long has one place together with others like it.
While the source itself does not answer, nothing but its time is asked: as soon as it tells it, everything is due.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from backstop.domain.alert_facts import SampleFacts, Unreadable
from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.engine.source_clock import ASK_EVERY_SECONDS, SourceClock
from backstop.engine.sources import SourceBinding
from backstop.ports.clock import Clock
from backstop.ports.metrics import InstantAnswer

MAX_SERIES: Final = 1000  # in the answer to one query
LOOK_AGAIN_SECONDS: Final = 5.0  # how often a source that is silent is asked for its time
SLOWDOWN: Final = 4  # how much rarer a query is asked that took too long


class Standing(Enum):
    """What is known of how long a query takes."""

    NEW = auto()
    QUICK = auto()
    SLOW = auto()


@dataclass(slots=True, eq=False)
class Question:
    """A query that is asked again and again. `expression` is limited to its tenant already."""

    expression: str
    standing: Standing = Standing.NEW


SampleAnswer = tuple[SampleFacts, ...] | Unreadable


class QuerySource:
    """One source as rules see it."""

    def __init__(self, binding: SourceBinding, clock: Clock, *, wake: Callable[[], None]) -> None:
        """`wake` is called when the source should be looked at, or answers again."""
        self.binding = binding
        self.answered_again = False  # since the last time that somebody took note of it
        self._clock = clock
        self._time = SourceClock(binding.source, clock)
        self._wake = wake
        self._silence: str | None = None  # why nothing is asked
        self._looked = asyncio.Event()
        self._looking = False
        self._look_at = float("-inf")  # monotonic
        places = binding.source.concurrency
        self._lanes = {
            Standing.QUICK: asyncio.Semaphore(max(1, places // 2)),
            Standing.NEW: asyncio.Semaphore(max(1, places // 4)),
            Standing.SLOW: asyncio.Semaphore(1),
        }

    @property
    def look_due(self) -> bool:
        """True when the source should be asked for its time."""
        return not self._looking and self._clock.monotonic() >= self._look_at

    async def look(self) -> None:
        """Ask the source for its time, which also tells whether it answers. Raises nothing that a source raises."""
        if self._looking:
            return
        self._looking = True
        try:
            await self._time.ask()
        except (SourceUnreachable, QueryRejected) as problem:
            self._fall_silent(str(problem))
        else:
            self.answered_again = self._silence is not None
            self._silence = None
            self._look_at = self._clock.monotonic() + ASK_EVERY_SECONDS
        finally:
            self._looking = False
            self._looked.set()
            self._wake()

    async def ask(self, question: Question) -> tuple[float, SampleAnswer]:
        """Return the answer and the source time that it is of. Raises nothing that a source raises."""
        await self._looked.wait()  # without the source's time there is no time to ask for
        if self._silence is None:
            async with self._lanes[question.standing]:
                if self._silence is None:
                    return await self._ask(question)
        return self._time.now(), Unreadable(self._silence)

    async def _ask(self, question: Question) -> tuple[float, SampleAnswer]:
        at = self._time.now() - (self.binding.ingestion_delay_seconds or 0.0)
        try:
            answer = await self.binding.source.query(question.expression, at=at)
        except QueryTimedOut as problem:
            # Whether it is the query or the source, its time will tell.
            question.standing = Standing.SLOW
            self._look_at = float("-inf")
            self._wake()
            return at, Unreadable(self._named(str(problem)))
        except SourceUnreachable as problem:
            self._fall_silent(str(problem))
            return at, Unreadable(self._named(str(problem)))
        except QueryRejected as problem:
            question.standing = Standing.QUICK
            return at, Unreadable(self._named(str(problem)))
        question.standing = Standing.QUICK
        return at, self._facts(answer)

    def _facts(self, answer: InstantAnswer) -> SampleAnswer:
        if answer.warnings:
            # Series may be missing, and among them those that cross the threshold.
            return Unreadable(self._named(f"the answer is not whole: {'; '.join(answer.warnings[:3])}"))
        if len(answer.samples) > MAX_SERIES:
            return Unreadable(
                f"the query answers with {len(answer.samples):,} series, more than {MAX_SERIES:,};"
                " aggregate it, for example with max by (label) (…)"
            )
        return tuple(SampleFacts(labels=sample.labels, value=sample.value) for sample in answer.samples)

    def _fall_silent(self, why: str) -> None:
        self._silence = self._named(why)
        self._look_at = self._clock.monotonic() + LOOK_AGAIN_SECONDS

    def _named(self, message: str) -> str:
        prefix = f"source {self.binding.source.name}"
        return message if message.startswith(prefix) else f"{prefix}: {message}"
