"""What the engine remembers of one SLO between evaluations. One owner: the evaluator of its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from backstop.domain.assessment import Assessment
from backstop.domain.evidence import Slice
from backstop.domain.health import Health
from backstop.domain.interval import Interval
from backstop.domain.ledger import LONG_TIERS, MINUTE, Ledger
from backstop.domain.slo import SLO, Uid
from backstop.domain.verdict import DataStatus
from backstop.vocabulary import MAX_GROUPS

DEFAULT_SCRAPE_SECONDS: Final = 15.0  # until it was estimated from the samples
PROBE_EVERY_SECONDS: Final = 1800.0
PROBE_AGAIN_SECONDS: Final = 60.0  # after a probe that found nothing, or something new
REGROUP_AFTER_SECONDS: Final = 1800.0  # without a refused group; reading history anew is dear


Group = tuple[str, ...]  # values of the labels in groupBy, in their order


@dataclass(slots=True)
class Traits:
    """What has to be known of an SLO's series before they are counted."""

    scrape_seconds: float = DEFAULT_SCRAPE_SECONDS
    native: bool = False  # a latency indicator whose histogram is a native one
    good_seen_at: float | None = None  # end of the newest slice with a good event, source time


@dataclass(slots=True, kw_only=True)
class Tracked:
    """An SLO under evaluation."""

    slo: SLO
    next_due: float = 0.0  # monotonic seconds
    resumed: bool = False  # it was looked for in the checkpoint, with or without success
    ledger: Ledger | None = None
    row: int | None = None
    groups: dict[Group, int] = field(default_factory=dict)  # rows beside `row`, which is the sum of all
    exclusions: tuple[Interval, ...] = ()  # time that no budget counts, source time
    anchor: int = 0  # the boundary at which the row began; backfill goes back from there
    caught_up_to: int = 0  # the newest boundary up to which slices were sealed afterwards, by a range query
    probe_due: float = 0.0  # monotonic seconds
    traits: Traits = field(default_factory=Traits)
    bucket_problem: str | None = None  # why a latency threshold cannot be measured
    alone: bool = False  # its questions failed in company
    catching_up: bool = False  # a background fetch owns the newest end of the row
    backfilling: bool = False
    backfill_due: float = 0.0  # monotonic seconds
    backfilled_seconds: float = 0.0  # how far back from the anchor history was asked for
    data: DataStatus | None = None
    witness: Health | None = None
    witness_due: float = 0.0
    assessment: Assessment | None = None
    changed_at: float | None = None  # unix seconds of the edit that changed what is counted, and began a new row
    in_flight: bool = False  # a tick evaluates it just now
    known_from: float | None = None  # start of the oldest slice with data, source time
    data_from: float | None = None  # where the source says that its data begins, where that had to be asked
    marked: frozenset[float] = frozenset()  # instants that the ledger keeps exactly
    wanted_marks: frozenset[float] = frozenset()  # instants to be marked, within coarse slices
    lost_marks: frozenset[float] = frozenset()  # those that could not be read any more
    marking: bool = False
    too_many_groups: bool = False  # some were refused, so that those held are not all
    refused_groups: bool = False  # one was, since that was looked at
    regrouping: bool = False  # history is read anew, since there may be room for all by now
    regroup_due: float = 0.0  # monotonic seconds
    burning: str | None = None  # a burnRate rule about it that fires, as policy/rule
    rule_windows: tuple[float, ...] = ()  # lengths that alert rules look at, seconds
    sealed: list[tuple[int, Slice]] | None = (
        None  # end and data of slices since they were taken; None: nobody takes them
    )
    head_from: int | None = None  # the boundary from which the head was asked; None while minutes are caught up
    fault: str | None = None  # a defect of ours that this object brought to light
    gone: bool = field(default=False)  # removed while a fetch was under way: its result is dropped

    def history_seconds(self) -> float:
        """How much history its windows ask for, as far as a ledger can hold it."""
        return min(max(window.history_seconds for window in self.slo.windows), LONG_TIERS[-1].span)

    def had_data_before(self, at: float) -> bool:
        """True when there is data from before an instant: only after it a lack of data is a gap (evaluation.noData)."""
        begins = (begin for begin in (self.known_from, self.data_from) if begin is not None)
        return any(begin < at for begin in begins)

    @property
    def slice_seconds(self) -> int:
        """The length of the slices in which it is sealed."""
        return MINUTE if self.slo.timeslice is None else self.slo.timeslice.seconds

    @property
    def rows(self) -> tuple[int, ...]:
        """All its rows; none before the first evaluation."""
        return () if self.row is None else (self.row, *self.groups.values())

    @property
    def history_read(self) -> bool:
        """True when the history before the anchor was read, as far as the source has any."""
        return self.backfilled_seconds >= self.history_seconds()


def good_seen(slo: SLO, traits: Mapping[Uid, Traits], *, since: float) -> set[Uid]:
    """Return the SLOs behind this one of which a good event was seen since then."""
    return {
        leaf.uid
        for _, leaf in slo.leaves()
        if (known := traits.get(leaf.uid)) and known.good_seen_at is not None and known.good_seen_at >= since
    }


def most_series(slo: SLO) -> int:
    """Return how many series of one term to read: one more than may come tells that something is wrong."""
    return MAX_GROUPS + 1 if slo.group_by else 2
