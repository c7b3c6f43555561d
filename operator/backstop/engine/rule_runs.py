"""Remembers finished runs that Kubernetes has deleted since: by default it keeps one failed Job of a CronJob.

Only what this process has seen is remembered. After a restart it begins anew, with what is still there.
"""

from dataclasses import dataclass, replace
from typing import Final

from backstop.domain.alert_facts import RunFacts, RunHistory

MAX_REMEMBERED: Final = 256  # of one CronJob, or of one set of labels; the newest
SHORTEST_SCHEDULE_SECONDS: Final = 60.0  # a CronJob starts a run at most once a minute


@dataclass(frozen=True, slots=True)
class Remembered:
    """A history, and when it was read last, in unix seconds."""

    history: RunHistory
    read_at: float


def remember(before: Remembered | None, read: RunHistory, *, at: float) -> Remembered:
    """Return what is known of the runs after `read`, which was read at `at`, in unix seconds.

    What was complete stays complete, unless runs may have come and gone between the two reads.
    """
    if before is not None and before.history.created_at != read.created_at:
        before = None  # another CronJob of the same name
    runs = {run.name: run for run in (*(before.history.runs if before else ()), *read.runs)}
    newest = sorted(runs.values(), key=lambda run: run.finished_at, reverse=True)
    kept = tuple(newest[:MAX_REMEMBERED])
    since = _complete_since(before, read, at=at)
    if len(newest) > len(kept):
        since = max(since, kept[-1].finished_at)
    return Remembered(replace(read, runs=kept, complete_since=since), at)


def _complete_since(before: Remembered | None, read: RunHistory, *, at: float) -> float:
    if before is None or before.history.complete_since is None:
        return at if read.complete_since is None else read.complete_since  # from now on somebody watches
    if read.complete_since is None or read.complete_since <= before.read_at or _is_one_after_another(before, read, at):
        told = before.history.complete_since
        return told if read.complete_since is None else min(told, read.complete_since)
    return read.complete_since


def _is_one_after_another(before: Remembered, read: RunHistory, at: float) -> bool:
    """Return whether a new run has taken the place of an older one, too soon for another between the two."""
    took_its_place = any(_is_new(run, before) and run.finished_at == read.complete_since for run in read.runs)
    return took_its_place and at - before.read_at <= SHORTEST_SCHEDULE_SECONDS


def _is_new(run: RunFacts, before: Remembered) -> bool:
    return run.finished_at > before.read_at
