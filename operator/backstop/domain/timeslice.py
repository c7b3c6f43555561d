"""From the events of a slice to what the budget counts of it: events, or portions of time.

Timeslices and RatioTimeslices budgets count one per slice of time, so that an hour of heavy traffic weighs as much as
one of light traffic. Source of the methods: OpenSLO 1.0, budgetingMethod. What time without data counts as is the
user's choice (`evaluation.noData`) and is applied here, so that the status goes on telling that there is no data.
"""

from typing import Final

from backstop.domain.evidence import Slice
from backstop.domain.slo import NoData, Timeslice
from backstop.vocabulary import Reason

NO_DATA: Final = frozenset({Reason.NO_DATA, Reason.STALE})  # the source answered, and has nothing to say


def counted(evidence: Slice, timeslice: Timeslice | None, *, no_data: NoData, seconds: float) -> Slice:
    """Return what the ledger counts of a stretch of `seconds`: events, or time slices and parts of one.

    Without `timeslice` events are counted as they are. With one the stretch counts as `seconds` ÷ slice length: good
    or bad as a whole, or by its share of good events where the slice has no target of its own. A stretch without
    traffic is good (semantics E2).
    """
    no_samples = evidence.reason in NO_DATA
    if not evidence.known and (not no_samples or no_data is NoData.UNKNOWN):
        return evidence
    if timeslice is None:
        return Slice(0.0, 0.0) if no_samples else evidence
    bad_share = float(no_data is NoData.BAD) if no_samples else _bad_share(evidence, timeslice)
    slices = seconds / timeslice.seconds
    return Slice(slices * (1 - bad_share), slices * bad_share)


def _bad_share(evidence: Slice, timeslice: Timeslice) -> float:
    if evidence.events <= 0:
        return 0.0
    if timeslice.target_ratio is None:
        return evidence.bad / evidence.events
    return 0.0 if evidence.good / evidence.events >= float(timeslice.target_ratio) - _ROUNDING else 1.0


_ROUNDING: Final = 1e-12  # 95 of 100 is 95 %, whatever the last bit of a float says
