"""Keeps an incident small: at most so many entries, and at most so many stored bytes, whatever the texts (S6).

The parts below add up to less than 224 KiB, and an object may take 256 KiB.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from backstop.domain.incident import AlertEntry, Deadline, PlannedRule, TimelineEntry
from backstop.domain.incident_text import stored_bytes
from backstop.domain.notification import Notification
from backstop.vocabulary import (
    MAX_CHANNELS,
    MAX_DEADLINES,
    MAX_INCIDENT_ALERTS,
    MAX_OUTBOX,
    MAX_TIMELINE,
    DeadlineKind,
    TimelineKind,
)

MAX_TOLD: Final = 32  # channels of one incident
_KIBIBYTE: Final = 1024
_TIMELINE_BYTES: Final = 88 * _KIBIBYTE
_ALERTS_BYTES: Final = 64 * _KIBIBYTE
_OUTBOX_BYTES: Final = 40 * _KIBIBYTE
_PLAN_BYTES: Final = 20 * _KIBIBYTE
_OVERHEAD: Final = 160  # names of fields, times and small values of one entry
_RECOGNISED: Final = 64  # characters
_MERGED: Final = 50  # entries that are summarised together: the summary does not change with every further entry

_Item = TypeVar("_Item")


def with_entry(timeline: Sequence[TimelineEntry], entry: TimelineEntry) -> tuple[TimelineEntry, ...]:
    """Return a timeline with one more entry; where it becomes too long, the oldest entries become one.

    The first entry, how it began, always stays.
    """
    kept = [*timeline, entry]
    while len(kept) > 3 and (len(kept) > MAX_TIMELINE or _bytes_of_timeline(kept) > _TIMELINE_BYTES):  # noqa: PLR2004
        merged = min(_MERGED, len(kept) - 2)  # all but the first and the newest
        kept[1 : 1 + merged] = [_summary(kept[1 : 1 + merged])]
    return tuple(kept)


def with_alerts(entries: Iterable[AlertEntry]) -> tuple[AlertEntry, ...]:
    """Return those that the incident names: all of them, or those that are not over and worst first."""
    ordered = sorted(entries, key=lambda e: (e.over, e.severity.rank, e.since, e.key))
    return _within(ordered, MAX_INCIDENT_ALERTS, _ALERTS_BYTES, _bytes_of_alert)


def with_notifications(outbox: Sequence[Notification], new: Iterable[Notification]) -> tuple[Notification, ...]:
    """Return an outbox with more in it. What was dealt with longest ago is forgotten first, then the oldest."""
    kept = [*outbox, *new]
    while len(kept) > 1 and (len(kept) > MAX_OUTBOX or sum(map(_bytes_of_notification, kept)) > _OUTBOX_BYTES):
        oldest = next((n for n in kept[:-1] if not n.pending), kept[0])
        kept.remove(oldest)
    return tuple(kept)


def with_deadlines(deadlines: Sequence[Deadline]) -> tuple[Deadline, ...]:
    """Return the deadlines, without the oldest updates where there are too many."""
    kept = list(deadlines)
    while len(kept) > MAX_DEADLINES:
        oldest = next((d for d in kept if d.kind is DeadlineKind.UPDATE), kept[0])
        kept.remove(oldest)
    return tuple(kept)


def planned(rules: Iterable[PlannedRule]) -> tuple[PlannedRule, ...]:
    """Return the rules of a plan; one that says nothing for itself need not be kept."""
    telling = (
        replace(rule, notify=rule.notify[:MAX_CHANNELS])
        for rule in rules
        if rule.notify or rule.acknowledge_within_seconds is not None or rule.resolve_within_seconds is not None
    )
    return _within(telling, MAX_INCIDENT_ALERTS, _PLAN_BYTES, _bytes_of_rule)


def shortened(answer: str) -> str:
    """Return by what an answer is recognised: itself, or a hash where it is long."""
    if len(answer) <= _RECOGNISED:
        return answer
    return "sha256:" + hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()


def _summary(entries: Sequence[TimelineEntry]) -> TimelineEntry:
    earlier = entries[0].count if entries[0].kind is TimelineKind.SUMMARY else 0
    counts = Counter(entry.kind for entry in entries if entry.kind is not TimelineKind.SUMMARY)
    total = earlier + counts.total()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    before = f"{earlier} earlier ones, " if earlier else ""
    return TimelineEntry(
        at=entries[-1].at, kind=TimelineKind.SUMMARY, text=f"{total} entries left out: {before}{kinds}", count=total
    )


def _within(items: Iterable[_Item], count: int, limit: int, cost: Callable[[_Item], int]) -> tuple[_Item, ...]:
    kept: list[_Item] = []
    for item in items:
        limit -= cost(item)
        if len(kept) == count or limit < 0:
            break
        kept.append(item)
    return tuple(kept)


def _bytes_of_timeline(entries: Iterable[TimelineEntry]) -> int:
    return sum(stored_bytes(entry.text) + stored_bytes(entry.by or "") + _OVERHEAD for entry in entries)


def _bytes_of_alert(entry: AlertEntry) -> int:
    group = sum(stored_bytes(label) + stored_bytes(value) for label, value in entry.group)
    return stored_bytes(entry.rule) + stored_bytes(entry.subject) + group + stored_bytes(entry.message) + 2 * _OVERHEAD


def _bytes_of_notification(notification: Notification) -> int:
    texts = (notification.id, notification.channel, notification.error or "")
    return sum(map(stored_bytes, texts)) + 2 * _OVERHEAD


def _bytes_of_rule(rule: PlannedRule) -> int:
    return stored_bytes(rule.name) + sum(stored_bytes(name) + 4 for name in rule.notify) + _OVERHEAD
