"""Who is told of an incident: the timeline for everybody, and notifications for channels (semantics A4).

A channel hears of an incident first with cause Opened, whenever that is: of what was inhibited, too, once nothing
inhibits it any more. After that it hears everything else.
"""

from collections.abc import Iterable
from dataclasses import replace

from backstop.domain.alert import Alert
from backstop.domain.alert_policy import AlertPolicy, BurnRate
from backstop.domain.incident import Incident, Plan, TimelineEntry, moment
from backstop.domain.incident_limits import MAX_TOLD, with_entry, with_notifications
from backstop.domain.incident_text import MAX_ENTRY, MAX_MESSAGE, MAX_PERSON, cut
from backstop.domain.notification import Notification, newer
from backstop.vocabulary import NotificationCause, TimelineKind

AlertKey = tuple[str, str]  # rule and key of the subject


def said(incident: Incident, at: float, kind: TimelineKind, text: str, *, by: str | None = None) -> Incident:
    """Return an incident with one more entry in its timeline."""
    entry = TimelineEntry(
        at=moment(at), kind=kind, text=cut(text, MAX_ENTRY), by=None if by is None else cut(by, MAX_PERSON)
    )
    return replace(incident, timeline=with_entry(incident.timeline, entry))


def told(incident: Incident, cause: NotificationCause, at: float, *, also: Iterable[str] = ()) -> Incident:
    """Return an incident that tells everybody who knows of it, and `also` these, why there is news."""
    incident = replace(incident, channels=_known(incident, also))
    return _queued(incident, cause, incident.channels, at)


def told_first(incident: Incident, channels: Iterable[str], at: float) -> Incident:
    """Return an incident that tells those of the channels that have not heard of it yet."""
    known = _known(incident, channels)
    new = known[len(incident.channels) :]
    return _queued(replace(incident, channels=known), NotificationCause.OPENED, new, at)


def recorded(incident: Incident, results: Iterable[Notification]) -> Incident:
    """Return an incident that holds what became of its notifications, where that is later than what it holds."""
    later = {result.id: _bounded(result) for result in results}
    outbox = tuple(newer(known, later.get(known.id, known)) for known in incident.notifications)
    return replace(incident, notifications=outbox)


def inhibited(policy: AlertPolicy, alerts: Iterable[Alert]) -> frozenset[AlertKey]:
    """Return the firing alerts about which nobody is told: a worse burn rate of the same SLO and group fires."""
    if not policy.inhibit:
        return frozenset()
    others = {rule.name for rule in policy.rules if not isinstance(rule.when, BurnRate)}
    firing = [alert for alert in alerts if alert.firing and alert.rule not in others]
    worst: dict[str, int] = {}
    for alert in firing:
        key = alert.subject.key
        worst[key] = min(worst.get(key, alert.severity.rank), alert.severity.rank)
    return frozenset(
        (alert.rule, alert.subject.key) for alert in firing if alert.severity.rank > worst[alert.subject.key]
    )


def channels_of(plan: Plan, firing: Iterable[Alert], silent: frozenset[AlertKey]) -> tuple[str, ...]:
    """Return the channels of firing alerts, each once: as planned when the incident opened, where that told."""
    names: dict[str, None] = {}
    for alert in firing:
        if (alert.rule, alert.subject.key) in silent:
            continue
        rule = plan.rule(alert.rule)
        names |= dict.fromkeys(alert.notify if rule is None or not rule.notify else rule.notify)
    return tuple(sorted(names))


def _bounded(result: Notification) -> Notification:
    return replace(
        result,
        error=None if result.error is None else cut(result.error, MAX_MESSAGE),
        next_attempt_at=None if result.next_attempt_at is None else moment(result.next_attempt_at),
        sent_at=None if result.sent_at is None else moment(result.sent_at),
    )


def _known(incident: Incident, more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*incident.channels, *more)))[:MAX_TOLD]


def _queued(incident: Incident, cause: NotificationCause, channels: Iterable[str], at: float) -> Incident:
    last = max((notification.sequence for notification in incident.notifications), default=0)
    new = [
        Notification(
            id=f"{incident.name}-{cause.lower()}-{number}",
            channel=channel,
            cause=cause.value,
            created_at=moment(at),
            sequence=number,
        )
        for number, channel in enumerate(channels, start=last + 1)
    ]
    return replace(incident, notifications=with_notifications(incident.notifications, new)) if new else incident
