"""The metrics source of the engine: a bounded number of worker threads around the HTTP API of one Prometheus."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import requests
import urllib3

from backstop.adapters.prometheus import failures
from backstop.adapters.prometheus.api import MAX_ANSWER_BYTES, PrometheusApi
from backstop.adapters.prometheus.envelope import NotPrometheus, instant_answer, range_answer
from backstop.adapters.prometheus.transport import Aborted, AnswerTooLarge, Call
from backstop.api.configuration import Source
from backstop.ports.metrics import InstantAnswer, RangeAnswer

T = TypeVar("T")


def connect(source: Source, *, max_answer_bytes: int = MAX_ANSWER_BYTES) -> "PrometheusSource":
    """Return the source, which connects at its first query. `close` it in the end."""
    return PrometheusSource(source, PrometheusApi(source, max_answer_bytes=max_answer_bytes), max_answer_bytes)


class PrometheusSource:
    """Implements `ports.metrics.MetricsSource`; see there for what is promised."""

    def __init__(self, source: Source, api: PrometheusApi, max_answer_bytes: int) -> None:
        self._source = source
        self._api = api
        self._max_answer_bytes = max_answer_bytes
        # As many threads as places: what finds none waits in the executor's queue, where it can still be cancelled.
        self._workers = ThreadPoolExecutor(source.concurrency, thread_name_prefix=f"source-{source.name}")
        self._calls: set[Call] = set()
        self._closed = False

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def timeout_seconds(self) -> float:
        return self._source.timeout

    @property
    def concurrency(self) -> int:
        return self._source.concurrency

    async def query(self, expression: str, *, at: float | None) -> InstantAnswer:
        form = {"query": expression} | ({"time": _unix(at)} if at is not None else {})
        return await self._ask("query", form, instant_answer)

    async def query_range(self, expression: str, *, start: float, end: float, step: float) -> RangeAnswer:
        form = {"query": expression, "start": _unix(start), "end": _unix(end), "step": _unix(step)}
        return await self._ask("query_range", form, range_answer)

    async def close(self) -> None:
        self._closed = True
        for call in self._calls:
            call.abort()
        await asyncio.to_thread(self._workers.shutdown)
        self._api.close()

    async def _ask(self, endpoint: str, form: Mapping[str, str], parse: Callable[[Mapping[str, Any]], T]) -> T:
        if self._closed:
            raise failures.closed(self._source)
        call = Call(self.timeout_seconds)
        self._calls.add(call)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(
                    self._workers, self._work, call, endpoint, form, parse
                )
        except TimeoutError as exc:
            raise failures.timed_out(self._source, call.slow_phase) from exc
        except Aborted as exc:  # by `close`: a cancelled caller does not get here
            raise failures.closed(self._source) from exc
        finally:
            call.abort()  # sets the thread free where the caller was cancelled or the deadline passed
            self._calls.discard(call)

    def _work(self, call: Call, endpoint: str, form: Mapping[str, str], parse: Callable[[Mapping[str, Any]], T]) -> T:
        """Ask, in a worker thread. Raises errors of the port, TimeoutError at the deadline, Aborted."""
        try:
            reply = self._api.post(endpoint, form, call)
            return parse(failures.envelope_of(reply, self._source))
        except AnswerTooLarge as exc:
            raise failures.too_large(self._source, self._max_answer_bytes) from exc
        except NotPrometheus as exc:
            raise failures.not_prometheus(self._source, exc) from exc
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            call.remaining()  # a socket that was cut breaks in many ways; whether it was, the call knows
            if failures.is_timeout(exc):
                raise TimeoutError from exc
            raise failures.connection_failed(self._source, exc) from exc


def _unix(seconds: float) -> str:
    return f"{seconds:.3f}"
