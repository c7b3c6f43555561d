"""Finds where the data of SLOs begins: sources keep samples for a while only, and services are younger than that."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from backstop.domain.assessment import Assessment
from backstop.domain.errors import QueryRejected, QueryTimedOut
from backstop.domain.ledger import MINUTE
from backstop.domain.slo import SLO
from backstop.engine.planner import Question, fuse
from backstop.engine.probing import probe_terms
from backstop.ports.metrics import MetricsSource
from backstop.vocabulary import Reason

POINTS: Final = 240  # per query: 30 days are looked at every three hours, and then by the minute
_TERM: Final = "scrape"  # of a probe: it has a value where there are samples


def nothing_known(assessments: Iterable[Assessment]) -> bool:
    """True when no SLO has data at a moment, nor in any window before it."""
    return all(
        not one.data.available
        and one.data.reason is Reason.NO_DATA
        and all(b.counts.coverage == 0 for b in one.budgets)
        for one in assessments
    )


async def data_begins(
    source: MetricsSource,
    slos: Iterable[SLO],
    *,
    start: float,
    end: float,
    enforced: Mapping[str, str] | None = None,
) -> float | None:
    """Return about when the first of these SLOs has samples between `start` and `end`, all unix seconds.

    To the minute, as long as samples come without gaps of hours. None without any. Raises SourceUnreachable.
    """
    leaves = {leaf.uid: leaf for slo in slos for _, leaf in slo.leaves()}
    found = [await _begins(source, leaf, enforced or {}, start, end) for leaf in leaves.values()]
    return min((at for at in found if at is not None), default=None)


async def _begins(
    source: MetricsSource, slo: SLO, enforced: Mapping[str, str], start: float, end: float
) -> float | None:
    terms = probe_terms(slo, enforced)
    if _TERM not in terms:
        return None
    question = Question(uid=slo.uid, at=end, terms={_TERM: terms[_TERM]})
    found = None
    while True:
        step = max(math.ceil((end - start) / POINTS / MINUTE), 1) * float(MINUTE)
        try:
            answer = await source.query_range(fuse([question]), start=start, end=end, step=step)
        except (QueryRejected, QueryTimedOut):
            return found  # its evaluation tells what is wrong with it
        points = [at for series in answer.series for at, _ in series.points]
        if not points:
            return found
        found = min(points)
        if step <= MINUTE or found <= start:
            return found
        start, end = max(found - step, start), found
