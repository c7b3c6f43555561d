"""Where SLIs come from: any server that speaks Prometheus's HTTP API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant answer."""

    labels: Mapping[str, str]  # without __name__ where PromQL dropped it
    value: float  # may be NaN or infinite: judging that is the domain's business


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range answer; points in time order, only where the source had a value."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]  # (unix seconds, value)


@dataclass(frozen=True, slots=True)
class InstantAnswer:
    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = field(default=())  # partial responses and the like, never dropped
    infos: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    series: tuple[Series, ...]
    warnings: tuple[str, ...] = field(default=())
    infos: tuple[str, ...] = field(default=())


class MetricsSource(Protocol):
    """One configured Prometheus. Calls are bounded in number and time by the implementation.

    Every method raises `SourceUnreachable` when no usable answer came within the timeout (refused, reset, timed out,
    5xx, 429, or a body that is not a Prometheus envelope) and `QueryRejected` when the server refuses this query (4xx
    with a Prometheus error, execution errors such as too many samples). Nothing is retried here: the engine decides.
    """

    @property
    def name(self) -> str:
        """The name in the configuration, as in `spec.source`."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """The bound of every single call."""
        ...

    @property
    def concurrency(self) -> int:
        """How many calls may be in flight; further ones wait, and their waiting counts against the timeout."""
        ...

    async def query(self, expression: str, *, at: float | None) -> InstantAnswer:
        """Evaluate at unix time `at` (source time; None: the server's own now).

        A series without data is absent, not zero.
        A scalar answer is returned as one sample without labels.
        """
        ...

    async def query_range(self, expression: str, *, start: float, end: float, step: float) -> RangeAnswer:
        """Evaluate at start, start+step … up to and including `end`, all unix seconds with millisecond precision."""
        ...

    async def close(self) -> None:
        """Release connections and threads."""
        ...
