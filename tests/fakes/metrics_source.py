"""A metrics source that answers what a test scripts, and fails as a real one does.

    source = FakeMetricsSource()
    source.answer("http_requests_total", 100.0)                            # any expression that holds this text
    source.answer("by (pod)", Sample({"pod": "a"}, 1), Sample({"pod": "b"}, 2))
    source.answer_by(lambda expression, at: [Sample({}, at)] if "time()" in expression else None)
    source.fail(SourceUnreachable("gone"), on="errors_total")              # or without `on`: every query
    source.hang(); ...; source.recover()

The newest script that speaks to an expression wins; without one the answer is empty, as of series that do not exist.
Times out by the event loop's clock, so that simulated time works.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from backstop.domain.errors import QueryTimedOut, SourceUnreachable
from backstop.ports.metrics import InstantAnswer, RangeAnswer, Sample, Series

Answering = Callable[[str, float | None], Iterable[Sample] | InstantAnswer | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One query as it arrived; of a range query `at` is its end."""

    expression: str
    at: float | None


class FakeMetricsSource:
    """Implements `ports.metrics.MetricsSource`; passes its contract (tests/contracts/metrics_source.py)."""

    def __init__(self, name: str = "default", *, timeout_seconds: float = 10.0, concurrency: int = 8) -> None:
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._places = asyncio.Semaphore(concurrency)
        self._concurrency = concurrency
        self._scripts: list[Answering] = []
        self._failures: list[tuple[str, Exception]] = []
        self._hanging: str | None = None
        self._closed = False
        self.asked: list[Asked] = []
        self.in_flight = 0
        self.max_in_flight = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def timeout_seconds(self) -> float:
        return self._timeout_seconds

    @property
    def concurrency(self) -> int:
        return self._concurrency

    def answer(
        self, part: str, *samples: Sample | float, warnings: Iterable[str] = (), infos: Iterable[str] = ()
    ) -> None:
        """Answer expressions that hold `part`; a plain number is a sample without labels."""
        answer = InstantAnswer(
            samples=tuple(each if isinstance(each, Sample) else Sample({}, each) for each in samples),
            warnings=tuple(warnings),
            infos=tuple(infos),
        )
        self._scripts.append(lambda expression, _: answer if part in expression else None)

    def answer_by(self, answering: Answering) -> None:
        """Let a function of expression and time answer; None leaves it to older scripts."""
        self._scripts.append(answering)

    def fail(self, error: Exception, *, on: str = "") -> None:
        """Raise `error` for expressions that hold `on`: all of them, without it. Answers do not help against it."""
        self._failures.append((on, error))

    def hang(self, on: str = "") -> None:
        """Answer expressions that hold `on` never; they time out."""
        self._hanging = on

    def recover(self) -> None:
        """Forget `hang` and `fail`; answers stay. What hangs goes on hanging."""
        self._hanging = None
        self._failures.clear()

    async def query(self, expression: str, *, at: float | None) -> InstantAnswer:
        async with self._place(expression, at):
            return self._evaluate(expression, at)

    async def query_range(self, expression: str, *, start: float, end: float, step: float) -> RangeAnswer:
        async with self._place(expression, end):
            points: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
            answers = [(at, self._evaluate(expression, at)) for at in _steps(start, end, step)]
            for at, answer in answers:
                for sample in answer.samples:
                    points.setdefault(tuple(sorted(sample.labels.items())), []).append((at, sample.value))
            return RangeAnswer(
                series=tuple(Series(dict(labels), tuple(each)) for labels, each in points.items()),
                warnings=tuple(dict.fromkeys(text for _, answer in answers for text in answer.warnings)),
                infos=tuple(dict.fromkeys(text for _, answer in answers for text in answer.infos)),
            )

    async def close(self) -> None:
        self._closed = True

    def _evaluate(self, expression: str, at: float | None) -> InstantAnswer:
        for part, error in self._failures:
            if part in expression:
                raise error
        for script in reversed(self._scripts):
            answer = script(expression, at)
            if answer is not None:
                return answer if isinstance(answer, InstantAnswer) else InstantAnswer(samples=tuple(answer))
        return InstantAnswer(samples=())

    @asynccontextmanager
    async def _place(self, expression: str, at: float | None) -> AsyncIterator[None]:
        if self._closed:
            raise SourceUnreachable(f"source {self._name} is closed")
        self.asked.append(Asked(expression, at))
        try:
            async with asyncio.timeout(self._timeout_seconds), self._places:
                self.in_flight += 1
                self.max_in_flight = max(self.max_in_flight, self.in_flight)
                try:
                    if self._hanging is not None and self._hanging in expression:
                        await asyncio.Event().wait()
                    await asyncio.sleep(0)  # a real source never answers without a turn of the loop
                    yield
                finally:
                    self.in_flight -= 1
        except TimeoutError as exc:
            raise QueryTimedOut(f"source {self._name}: no answer within {self._timeout_seconds:g} s") from exc


def _steps(start: float, end: float, step: float) -> list[float]:
    return [round(start + n * step, 3) for n in range(int(round((end - start) / step, 6)) + 1)]
