"""Which time no budget counts, for every SLO at every tick: cheap to ask, worked out only when it changes."""

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from backstop.domain.interval import Interval, merge
from backstop.domain.maintenance import MaintenanceWindow, stretches
from backstop.domain.slo import SLO, Uid

_REMEMBERED_PIECES: Final = 16  # of one window, for SLOs that look back differently far
_REMEMBERED_UNIONS: Final = 2048  # of windows that concern the same SLOs
_SLACK_SECONDS: Final = 86_400.0  # SLOs of one window length do not all ask from the same second on


class MaintenanceCalendar:
    """The maintenance windows that are in force.

    An answer stays the same object until a window changes or the next one begins, so asking costs a look-up. SLOs of
    the same windows and the same look-back get one object together. Schedules are followed as far as somebody has
    asked, and no further.
    """

    def __init__(self) -> None:
        self._courses: dict[Uid, _Course] = {}
        self._by_namespace: dict[str, dict[Uid, _Course]] = {}
        self._versions: dict[str, int] = {}  # by namespace; absent: no window was ever there
        self._answers: dict[Uid, _Answer] = {}  # by uid of the SLO
        self._merged: dict[tuple[int, ...], tuple[tuple[Interval, ...], tuple[tuple[Interval, ...], ...]]] = {}

    def put(self, window: MaintenanceWindow) -> None:
        """Take a window, or what it was changed to."""
        course = self._courses[window.uid] = _Course(window)
        self._by_namespace.setdefault(window.namespace, {})[window.uid] = course
        self._changed(window.namespace)

    def remove(self, uid: Uid) -> None:
        """Forget a window that is gone or refused; what it excluded counts again."""
        if (course := self._courses.pop(uid, None)) is not None:
            del self._by_namespace[course.window.namespace][uid]
            self._changed(course.window.namespace)

    def forget(self, slo: Uid) -> None:
        """Forget an SLO that is gone."""
        self._answers.pop(slo, None)

    def exclusions(self, slo: SLO, start: float, end: float) -> tuple[Interval, ...]:
        """Return the time that no budget of an SLO counts, as far as it reaches into `start` to `end` (unix seconds).

        Sorted and disjoint. The intervals are whole: the first may begin before `start`, the last one be still under
        way at `end`.
        """
        version = self._versions.get(slo.namespace)
        if version is None:
            return ()
        answer = self._answers.get(slo.uid)
        if answer is None or not answer.holds(slo, version, start, end):
            answer = self._answers[slo.uid] = self._answer(slo, version, start, end)
        return answer.exclusions

    def timeline(self, uid: Uid, start: float, at: float) -> tuple[Sequence[Interval], Interval | None]:
        """Return the stretches of a window that have begun by `at`, as far as they reach beyond `start`, and the next.

        A window that is not in force has none.
        """
        course = self._courses.get(uid)
        if course is None:
            return (), None
        return course.reaching(start, math.nextafter(at, math.inf)), course.next_after(at)

    def _union(self, parts: tuple[tuple[Interval, ...], ...]) -> tuple[Interval, ...]:
        if len(parts) == 1:
            return parts[0]
        key = tuple(id(part) for part in parts)
        if key not in self._merged:
            if len(self._merged) >= _REMEMBERED_UNIONS:
                self._merged.clear()
            # The parts are kept beside their union: as long as they live, their ids mean them.
            self._merged[key] = (merge(itertools.chain.from_iterable(parts)), parts)
        return self._merged[key][0]

    def _changed(self, namespace: str) -> None:
        self._versions[namespace] = self._versions.get(namespace, 0) + 1

    def _answer(self, slo: SLO, version: int, start: float, end: float) -> "_Answer":
        here = self._by_namespace[slo.namespace].values()
        courses = [c for c in here if c.window.exclude_from_budget and c.window.concerns(slo)]
        exclusions = self._union(tuple(course.reaching(start, end) for course in courses))
        return _Answer(
            slo=slo,
            version=version,
            start=start,
            start_before=exclusions[0].end if exclusions else math.inf,
            end=end,
            end_until=min((course.next_start for course in courses), default=math.inf),
            exclusions=exclusions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """Exclusions of an SLO, and how long they stay the same."""

    slo: SLO
    version: int
    start: float
    start_before: float
    end: float
    end_until: float
    exclusions: tuple[Interval, ...]

    def holds(self, slo: SLO, version: int, start: float, end: float) -> bool:
        return (
            self.slo is slo
            and self.version == version
            and self.start <= start < self.start_before
            and self.end <= end <= self.end_until
        )


class _Course:
    """The stretches of one window, as far as they were asked for."""

    def __init__(self, window: MaintenanceWindow) -> None:
        self.window = window
        self._since = math.inf
        # Begun before the newest `end` that was asked for. Disjoint and in order, and so are their starts and ends.
        self._known: list[Interval] = []
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._rest: Iterator[Interval] = iter(())
        self._next: Interval | None = None
        self._pieces: dict[tuple[int, int], tuple[Interval, ...]] = {}

    @property
    def next_start(self) -> float:
        """When the first stretch begins that was not asked for yet; infinite when there is none."""
        return math.inf if self._next is None else self._next.start

    def reaching(self, start: float, end: float) -> tuple[Interval, ...]:
        """Return the whole stretches that reach into `start` to `end`."""
        if start < self._since:
            self._since = start - _SLACK_SECONDS
            self._known, self._starts, self._ends, self._pieces = [], [], [], {}
            self._rest = stretches(self.window, self._since)
            self._next = next(self._rest, None)
        while self._next is not None and self._next.start < end:
            self._known.append(self._next)
            self._starts.append(self._next.start)
            self._ends.append(self._next.end)
            self._next = next(self._rest, None)
        piece = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if piece not in self._pieces:
            if len(self._pieces) >= _REMEMBERED_PIECES:
                self._pieces.clear()
            self._pieces[piece] = tuple(self._known[slice(*piece)])
        return self._pieces[piece]

    def next_after(self, at: float) -> Interval | None:
        """Return the first stretch that begins after `at`, a moment that was asked for."""
        later = bisect_right(self._starts, at)
        return self._known[later] if later < len(self._known) else self._next
