"""One incident, whole, for people: alerts and why, deadlines, timeline, deliveries, and what happens next."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from backstop.bootstrap.incidents import Object
from backstop.cli.incident_text import (
    SEVERITY_COLOURS,
    STATE_COLOURS,
    Part,
    ago,
    by_due,
    is_late,
    moment,
    next_steps,
    severity_of,
    state_of,
    subject_of,
)
from backstop.cli.printable import printable, printable_lines
from backstop.cli.table import COLOURS, Cell, Column, coloured, render
from backstop.domain.duration import format_duration

ALERT_COLOURS: Mapping[str, str] = {"Firing": "red", "Pending": "yellow", "Unknown": COLOURS["Unknown"]}
_DELIVERY_COLOURS = {"Sent": "green", "Pending": "yellow", "Failed": "red", "Abandoned": "red"}


def incident_text(incident: Object, now: datetime) -> str:
    """Return everything that an incident tells."""
    spec, status = incident.get("spec", {}), incident.get("status") or {}
    severity, state = severity_of(incident), state_of(incident)
    head = f"{coloured(severity, SEVERITY_COLOURS.get(severity))}  {coloured(state, STATE_COLOURS.get(state))}  "
    paragraphs = [f"{head}{printable(spec.get('title', ''))}", "\n".join(_facts(incident, now))]
    if spec.get("description"):
        paragraphs.append(printable_lines(spec["description"]))
    paragraphs += [
        f"{title}\n{_indented(text)}"
        for title, text in (
            ("Next", "\n".join(printable(step) for step in next_steps(incident, now))),
            (_title("Alerts", status.get("alerts"), status.get("alertCount")), _alerts(status, now)),
            ("Deadlines", _deadlines(status, now)),
            ("Notifications", _notifications(status)),
            ("Timeline", _timeline(status)),
            ("Review", _review(status.get("review") or {})),
        )
        if text
    ]
    return "\n\n".join(paragraphs)


def _facts(incident: Object, now: datetime) -> Iterator[str]:
    metadata, spec, status = incident["metadata"], incident.get("spec", {}), incident.get("status") or {}
    opened = status.get("openedAt") or metadata.get("creationTimestamp")
    facts = (
        ("Incident", f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"),
        ("Policy", spec.get("policy")),
        ("Service", spec.get("service")),
        ("Began", _when(status.get("startedAt"), now)),
        ("Opened", _when(opened, now)),
        ("Acknowledged", _when(status.get("acknowledgedAt"), now, by=status.get("acknowledgedBy"))),
        ("Resolved", _when(status.get("resolvedAt"), now, by=status.get("resolvedBy"))),
        ("Resolution", status.get("resolution")),
        ("Reopened", f"{status['reopened']} times" if status.get("reopened") else None),
    )
    yield from (f"{name:<13} {printable(str(value))}" for name, value in facts if value)


def _when(at: object, now: datetime, *, by: object = None) -> str | None:
    if at is None:
        return None
    return f"{moment(at)} ({ago(at, now)} ago)" + (f" by {by}" if by else "")


def _alerts(status: Part, now: datetime) -> str:
    columns = [
        Column("STATUS", "status"),
        Column("RULE", "rule"),
        Column("SEVERITY", "severity"),
        Column("SUBJECT", "subject"),
        Column("SINCE", "since", right=True),
        Column("WHY", "why"),
    ]
    return _table(
        columns,
        [
            {
                "status": Cell(alert.get("status", "-"), ALERT_COLOURS.get(alert.get("status", ""))),
                "rule": Cell(alert.get("rule", "-")),
                "severity": Cell(alert.get("severity", "-")),
                "subject": Cell(subject_of(alert)),
                "since": Cell(ago(alert.get("since"), now)),
                "why": Cell(why(alert)),
            }
            for alert in status.get("alerts") or []
        ],
    )


def why(alert: Part) -> str:
    """Return the reason of an alert with its message."""
    return ": ".join(str(part) for part in (alert.get("reason"), alert.get("message")) if part) or "-"


def _deadlines(status: Part, now: datetime) -> str:
    columns = [Column("DEADLINE", "kind"), Column("DUE", "due"), Column("MET", "met"), Column("", "verdict")]
    return _table(
        columns,
        [
            {
                "kind": Cell(deadline.get("kind", "-")),
                "due": Cell(moment(deadline.get("due"))),
                "met": Cell(moment(deadline.get("metAt"))),
                "verdict": Cell("missed", "red") if is_late(deadline, now) else Cell(""),
            }
            for deadline in by_due(status.get("deadlines") or [])
        ],
    )


def _notifications(status: Part) -> str:
    columns = [
        Column("CHANNEL", "channel"),
        Column("CAUSE", "cause"),
        Column("STATE", "state"),
        Column("ATTEMPTS", "attempts", right=True),
        Column("SENT", "sent"),
        Column("NEXT ATTEMPT", "next"),
        Column("ERROR", "error"),
    ]
    return _table(
        columns,
        [
            {
                "channel": Cell(one.get("channel", "-")),
                "cause": Cell(one.get("cause", "-")),
                "state": Cell(one.get("state", "-"), _DELIVERY_COLOURS.get(one.get("state", ""))),
                "attempts": Cell(str(one.get("attempts", 0))),
                "sent": Cell(moment(one.get("sentAt"))),
                "next": Cell(moment(one.get("nextAttemptAt"))),
                "error": Cell(one.get("error") or "-"),
            }
            for one in status.get("notifications") or []
        ],
    )


def _timeline(status: Part) -> str:
    columns = [Column("TIME", "time"), Column("WHAT", "kind"), Column("WHO", "by"), Column("TEXT", "text")]
    return _table(
        columns,
        [
            {
                "time": Cell(moment(entry.get("at"))),
                "kind": Cell(entry.get("kind", "-")),
                "by": Cell(entry.get("by") or "-"),
                "text": Cell(entry.get("text", "")),
            }
            for entry in status.get("timeline") or []
        ],
    )


def _review(review: Mapping[str, Any]) -> str:
    return "\n".join(printable(_reviewed(name, value)) for name, value in review.items())


def _reviewed(name: str, value: object) -> str:
    """Return a line of the review; the unit is in the name of a number."""
    if isinstance(value, int | float):
        if name.endswith("Seconds"):
            return f"{name.removesuffix('Seconds')}: {format_duration(value)}"
        if name.endswith("Percent"):
            return f"{name.removesuffix('Percent')}: {value:g} %"
    return f"{name}: {value}"


def _table(columns: list[Column], rows: list[dict[str, Cell]]) -> str:
    return render(columns, rows) if rows else ""


def _title(title: str, shown: object, count: object) -> str:
    known = len(shown) if isinstance(shown, list) else 0
    return f"{title}: {known} of {count}" if isinstance(count, int) and count > known else title


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
