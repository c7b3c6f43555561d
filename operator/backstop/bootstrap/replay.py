"""What commands need to evaluate SLOs over the past of a source: a connection to it, and its time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from backstop.adapters.clock import SystemClock
from backstop.adapters.prometheus.source import connect
from backstop.adapters.telemetry.logs import configure_logs
from backstop.api.configuration import Source
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.interval import Interval
from backstop.domain.slo import SLO, Uid
from backstop.engine.replay import Replay
from backstop.engine.replay_begin import data_begins
from backstop.engine.source_clock import SourceClock
from backstop.ports.clock import Clock
from backstop.ports.metrics import MetricsSource


class Past:
    """The past of a source that is connected."""

    def __init__(self, source: MetricsSource, *, clock: Clock, now: float) -> None:
        self._source = source
        self.clock = clock
        self.now = now  # of the source, whole unix seconds

    def replay(
        self,
        slos: Sequence[SLO],
        *,
        start: float,
        end: float,
        exclusions: Mapping[Uid, tuple[Interval, ...]],
        policies: Sequence[AlertPolicy] = (),
    ) -> Replay:
        """Return a replay that stands at `start`."""
        return Replay(
            self._source,
            slos,
            start=start,
            end=end,
            patience=self.clock,
            exclusions=exclusions,
            policies=policies,
        )

    async def begins(self, slos: Sequence[SLO], *, start: float) -> float | None:
        """Return when the data of these SLOs begins, if that is after `start`."""
        return await data_begins(self._source, slos, start=start, end=self.now)


@asynccontextmanager
async def connected(source: Source) -> AsyncIterator[Past]:
    """Connect to a source and ask for its time. Raises SourceUnreachable and QueryRejected."""
    # The engine logs what a user of the operator has to know; a user of a command reads the result.
    configure_logs(level="error", form="console")
    metrics, clock = connect(source), SystemClock()
    try:
        time = SourceClock(metrics, clock)
        await time.ask()
        yield Past(metrics, clock=clock, now=float(int(time.now())))
    finally:
        await metrics.close()
