"""What the engine remembers of one SLO between evaluations. One owner: the evaluator of its source."""

from dataclasses import dataclass, field
from typing import Final

from backstop.domain.assessment import Assessment
from backstop.domain.health import Health
from backstop.domain.ledger import Ledger
from backstop.domain.slo import SLO
from backstop.domain.verdict import DataStatus

DEFAULT_SCRAPE_SECONDS: Final = 15.0  # until it was estimated from the samples
PROBE_EVERY_SECONDS: Final = 1800.0
PROBE_AGAIN_SECONDS: Final = 60.0  # after a probe that found nothing, or something new


@dataclass(slots=True, kw_only=True)
class Tracked:
    """An SLO under evaluation."""

    slo: SLO
    next_due: float = 0.0  # monotonic seconds
    ledger: Ledger | None = None
    row: int | None = None
    anchor: int = 0  # the boundary at which the row began; backfill goes back from there
    probe_due: float = 0.0  # monotonic seconds
    scrape_seconds: float = DEFAULT_SCRAPE_SECONDS
    native: bool = False
    bucket_problem: str | None = None  # why a latency threshold cannot be measured
    alone: bool = False  # its questions failed in company
    catching_up: bool = False  # a background fetch owns the newest end of the row
    good_seen_at: float | None = None  # end of the newest slice with a good event, source time
    backfilling: bool = False
    backfill_due: float = 0.0  # monotonic seconds
    backfilled_seconds: float = 0.0  # how far back from the anchor history was asked for
    data: DataStatus | None = None
    witness: Health | None = None
    witness_due: float = 0.0
    assessment: Assessment | None = None
    changed_at: float | None = None  # source time at which a changed indicator began a new row
    in_flight: bool = False  # a tick evaluates it just now
    head_from: int | None = None  # the boundary from which the head was asked; None while minutes are caught up
    fault: str | None = None  # a defect of ours that this object brought to light
    gone: bool = field(default=False)  # removed while a fetch was under way: its result is dropped

    def history_seconds(self) -> float:
        """How much history its windows ask for."""
        return max(window.seconds for window in self.slo.windows)

    @property
    def history_read(self) -> bool:
        """True when the history before the anchor was read, as far as the source has any."""
        return self.backfilled_seconds >= self.history_seconds()
