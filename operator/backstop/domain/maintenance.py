"""When maintenance takes place, and which time it takes out of error budgets (semantics B2, S5). In unix seconds.

Time in which a service is known to be touched says nothing about how good it is. A window excludes that time: events in
it count neither as good nor as bad, and the budget is that of the rest. Nothing is lost by it: the ledger keeps
everything, and what is excluded is subtracted when a budget is judged.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from backstop.domain.duration import parse_duration
from backstop.domain.interval import Interval, clip, merge
from backstop.domain.slo import SLO, Uid
from backstop.vocabulary import MAX_CORRECTION

CORRECTION_SECONDS: Final = parse_duration(MAX_CORRECTION)
LONGEST_SECONDS: Final = 400 * 86_400.0  # of a stretch of occurrences that follow each other without a gap
_DAY: Final = 86_400.0


class Recurrence(Protocol):
    """What makes a window come again."""

    def starts(self, since: float) -> Iterator[float]:
        """Yield when it begins, in order of time, from `since` (included) on. May be endless."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SLOSelector:
    """Names SLOs of one namespace: by name, or by labels that all must be there. An empty one matches nothing."""

    names: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether an SLO of that name and with those labels is meant."""
        return name in self.names or (bool(self.labels) and self.labels.items() <= labels.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """A valid maintenance window: once, from `start` to `end`; or again and again in between, with a recurrence."""

    uid: Uid
    namespace: str
    name: str
    generation: int
    slos: SLOSelector
    start: float  # nothing before it counts
    end: float  # nothing from here on counts; infinite for a recurrence that goes on
    recurrence: Recurrence | None = None
    duration_seconds: float = 0.0  # of one occurrence, with a recurrence
    exclude_from_budget: bool = True

    @property
    def key(self) -> str:
        """`namespace/name`, as people and messages call it."""
        return f"{self.namespace}/{self.name}"

    def concerns(self, slo: SLO) -> bool:
        """Return whether it is about this SLO."""
        return self.namespace == slo.namespace and self.slos.matches(slo.name, slo.labels)


def stretches(window: MaintenanceWindow, since: float) -> Iterator[Interval]:
    """Yield when maintenance takes place, from what reaches beyond `since` on, in order of time. May be endless.

    Occurrences that overlap or touch are one stretch. The first one begins where it began if that is no more than a
    day and one occurrence before `since`. One without an end is cut into pieces of `LONGEST_SECONDS`.
    """
    if window.recurrence is None:
        if window.end > since:
            yield Interval(window.start, window.end)
        return
    pending: Interval | None = None
    for start in window.recurrence.starts(max(since, window.start) - window.duration_seconds - _DAY):
        if start >= window.end:
            break
        begin, end = max(start, window.start), min(start + window.duration_seconds, window.end)
        if begin >= end:
            continue  # over before the window came into force
        if pending is not None and begin <= pending.end:
            if end - pending.start <= LONGEST_SECONDS:
                pending = Interval(pending.start, max(pending.end, end))
                continue
            begin = pending.end
        if pending is not None and pending.end > since:
            yield pending
        pending = Interval(begin, end)
    if pending is not None and pending.end > since:
        yield pending


def occurrences(window: MaintenanceWindow, start: float, end: float) -> tuple[Interval, ...]:
    """Return the time of maintenance from `start` to `end`: sorted, disjoint, cut at both ends."""
    begun = itertools.takewhile(lambda stretch: stretch.start < end, stretches(window, start))
    return clip(begun, start, end)


def exclusions_of(slo: SLO, windows: Iterable[MaintenanceWindow], start: float, end: float) -> tuple[Interval, ...]:
    """Return the time from `start` to `end` that no budget of an SLO counts: sorted, disjoint, cut at both ends."""
    return merge(
        excluded
        for window in windows
        if window.exclude_from_budget and window.concerns(slo)
        for excluded in occurrences(window, start, end)
    )
