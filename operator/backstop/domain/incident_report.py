"""An incident as a page that people read and complete: what happened, when, who did what, and what is to be learnt.

Texts of others are escaped: a label value or a note never becomes a heading, a link, a table or HTML.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from backstop.domain.duration import format_duration
from backstop.domain.incident import Deadline, Incident, Review, TimelineEntry
from backstop.domain.incident_text import clean

# What Markdown reads as more than text: anywhere; as a link of its own; and at the beginning of a line.
_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]()<>#!|~&@$^]|:(?=//)|(?<=[wW]{3})\.|\A[-+=]|(?<=\A\d)[.)]")
_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_EMPTY: Final = "_to be written_"


def markdown(incident: Incident) -> str:
    """Return the page, in Markdown."""
    parts = [
        f"# {_safe(incident.title) or incident.name}",
        "",
        *_facts(incident),
        "",
        "## Timeline",
        "",
        *_table(("time (UTC)", "what", "by", "text"), [_timeline_row(entry) for entry in incident.timeline]),
        "",
        "## Alerts",
        "",
        *_alerts(incident),
        "",
        "## Deadlines",
        "",
        *_table(("what", "due", "met", "missed"), [_deadline_row(deadline) for deadline in incident.deadlines]),
        "",
        "## Review",
        "",
        *_review(incident.review),
    ]
    return "\n".join(parts) + "\n"


def _facts(incident: Incident) -> Iterator[str]:
    facts = {
        "Incident": incident.key,
        "Severity": incident.severity.value,
        "State": incident.state.value,
        "Service": incident.service,
        "Policy": incident.policy,
        "Began": _time(incident.started_at),
        "Opened": _time(incident.opened_at),
        "Acknowledged": _who(incident.acknowledged_at, incident.acknowledged_by),
        "Resolved": _who(incident.resolved_at, incident.resolved_by),
        "Resolution": incident.resolution,
        "Reopened": f"{incident.reopened} times" if incident.reopened else None,
    }
    yield from (f"- {name}: {_safe(value)}" for name, value in facts.items() if value)
    if incident.description:
        yield from ("", _safe(incident.description))


def _alerts(incident: Incident) -> Iterator[str]:
    rows = [
        (
            _safe(entry.rule),
            entry.severity.value,
            _safe(entry.subject_key),
            entry.status.value,
            _time(entry.since),
            _safe(entry.message),
        )
        for entry in incident.alerts
    ]
    yield from _table(("rule", "severity", "subject", "status", "since", "message"), rows)
    if incident.alert_count > len(rows):
        yield from ("", f"{incident.alert_count} in all; the others are not named.")


def _review(review: Review | None) -> Iterator[str]:
    if review is not None:
        seconds = {
            "Detected after": review.detect_seconds,
            "Acknowledged after": review.acknowledge_seconds,
            "Mitigated after": review.mitigate_seconds,
            "Resolved after": review.resolve_seconds,
        }
        yield from (f"- {name}: {_duration(value)}" for name, value in seconds.items())
        spent = review.budget_spent_percent
        yield f"- Error budget spent: {'unknown' if spent is None else f'{spent:g} %'}"
        yield ""
    for title in ("Root cause", "What went well, and what did not", "Lessons"):
        yield from (f"### {title}", "", _EMPTY, "")
    yield from ("### Action items", "")
    yield from _table(("what", "owner", "due", "done"), [(_EMPTY, "", "", "")])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        yield "none"
        return
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def _timeline_row(entry: TimelineEntry) -> tuple[str, ...]:
    return _time(entry.at), entry.kind.value, _safe(entry.by or ""), _safe(entry.text)


def _deadline_row(deadline: Deadline) -> tuple[str, ...]:
    missed = "missed" if deadline.missed else ""
    return deadline.kind.value, _time(deadline.due), _time(deadline.met_at), missed


def _safe(text: str) -> str:
    """Return a text as Markdown that shows exactly it."""
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found[0]) or f"\\{found[0]}", clean(text))


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _who(at: float | None, by: str | None) -> str:
    return "" if at is None else _time(at) + (f" by {by}" if by else "")


def _duration(seconds: float | None) -> str:
    return "unknown" if seconds is None else format_duration(round(seconds))
