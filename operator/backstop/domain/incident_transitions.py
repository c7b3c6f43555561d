"""What alerts do to an incident: it opens, grows, becomes worse, loses its evidence, resolves with proof, and reopens.

Pure. `Reading` is what all alerts of the incident's group are at one moment; taking the same reading twice changes
nothing the second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from backstop.domain.alert import Alert, AlertStatus
from backstop.domain.alert_policy import AlertPolicy, Severity
from backstop.domain.incident import AlertEntry, Incident, Plan, PlannedRule, Review, moment
from backstop.domain.incident_deadlines import begun, ended
from backstop.domain.incident_group import entry_key
from backstop.domain.incident_limits import planned, with_alerts
from backstop.domain.incident_telling import AlertKey, channels_of, said, told, told_first
from backstop.domain.incident_text import MAX_MESSAGE, MAX_TITLE, cut
from backstop.vocabulary import AlertReason, IncidentState, NotificationCause, TimelineKind

ASK_SECONDS: Final = 86_400.0  # of unknown evidence (semantics A10)
GONE_SECONDS: Final = 600.0  # an alert that its policy does not know any more for so long is gone
_NAMED: Final = 5  # alerts that one entry of the timeline spells out


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The alerts of one group of a policy at a moment, whatever they are; `silent` are those that are inhibited."""

    at: float
    alerts: tuple[Alert, ...]
    silent: frozenset[AlertKey] = frozenset()

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that fire, in an order of their own: how the policy lists them must not matter."""
        return tuple(sorted((a for a in self.alerts if a.firing), key=lambda a: (a.severity.rank, entry_key(a))))


def plan_of(policy: AlertPolicy) -> Plan:
    """Return what a policy says now, to be kept with an incident."""
    rules = (
        PlannedRule(
            name=rule.name,
            notify=rule.notify,
            acknowledge_within_seconds=rule.acknowledge_within_seconds,
            resolve_within_seconds=rule.resolve_within_seconds,
        )
        for rule in policy.rules
    )
    return Plan(
        deadlines=policy.deadlines,
        rules=planned(rules),
        reopen_within_seconds=policy.reopen_within_seconds,
        inhibit=policy.inhibit,
    )


def opened(policy: AlertPolicy, name: str, key: str, reading: Reading) -> Incident:
    """Return a new incident of the firing alerts of a group; at least one fires."""
    firing = reading.firing
    first = firing[0]
    subjects = len({alert.subject.key for alert in firing})
    where = first.subject.service or first.subject.key
    title = f"{where}: {first.rule}" + (f" and {subjects - 1} more" if subjects > 1 else "")
    blank = Incident(
        namespace=policy.namespace,
        name=name,
        title=cut(title, MAX_TITLE),
        severity=first.severity,
        policy=policy.name,
        service=first.subject.service,
        description=cut(first.state.message, MAX_MESSAGE),
    )
    return taken_up(blank, policy, key, reading)


def taken_up(blank: Incident, policy: AlertPolicy, key: str, reading: Reading) -> Incident:
    """Return the incident of an object that has no status yet: made by us, for a group of a policy."""
    at, firing = moment(reading.at), reading.firing
    incident = replace(
        blank,
        severity=min((a.severity for a in firing), key=lambda s: s.rank, default=blank.severity),
        group_key=key,
        policy_uid=str(policy.uid),
        opened_at=at,
        first_fired_at=moment(min((a.state.since for a in firing), default=at)),
        plan=plan_of(policy),
        evidence_changed_at=at,
    )
    if firing:
        text = f"{firing[0].rule} of {_subject(firing[0])} fires: {firing[0].state.message}"
    else:
        text = "opened by an alert that was over before this could be written"
    incident = said(incident, at, TimelineKind.OPENED, text)
    incident = _counted(replace(incident, alerts=with_alerts(map(_entry, firing))), firing)
    if len(firing) > 1:
        incident = said(incident, at, TimelineKind.JOINED, f"with it fire {_listed(firing[1:])}")
    incident = begun(incident, _rules(firing), at)
    incident = told_first(incident, channels_of(incident.plan, firing, reading.silent), at)
    return incident if firing else settled(incident, at, proven="the alert that opened it is clear")


def opened_by_person(blank: Incident, by: str | None, at: float) -> Incident:
    """Return the incident of an object that a person wrote. Nothing resolves it but a person."""
    incident = replace(blank, opened_at=moment(at), started_at=moment(at), evidence_changed_at=moment(at))
    return said(incident, at, TimelineKind.OPENED, blank.title, by=by)


def is_new_fire(incident: Incident, reading: Reading) -> bool:
    """Return whether something fires that did not fire when a resolved incident was resolved.

    What a person resolved while it fired has to be clear first, and to fire anew.
    """
    resolved_at = incident.resolved_at or 0.0
    if moment(reading.at) <= resolved_at:
        return False  # what was so before is known
    names_all = incident.alert_count <= len(incident.alerts)
    for alert in reading.firing:
        entry = incident.entry(entry_key(alert))
        fired_then = not names_all if entry is None else not entry.over
        if moment(alert.state.since) > resolved_at or not fired_then:
            return True
    return False


def may_reopen(incident: Incident, at: float) -> bool:
    """Return whether a fire at `at` belongs to a resolved incident still; later it is a new one."""
    return at - (incident.resolved_at or 0.0) <= incident.plan.reopen_within_seconds


def followed(incident: Incident, reading: Reading) -> Incident:
    """Return an incident after a reading. One that is resolved reopens, if something fires anew soon enough."""
    if incident.resolved:
        if not (is_new_fire(incident, reading) and may_reopen(incident, reading.at)):
            return incident
        return _reopened(incident, reading)
    return _grown(incident, reading, joining=TimelineKind.JOINED)


def evidence_missing(incident: Incident, at: float) -> Incident:
    """Return an incident about whose alerts nobody tells anything any more: they are unknown."""
    if incident.resolved or incident.policy_uid is None:
        return incident
    text = "nobody judges its rule now: the policy is refused, or cannot be read"
    entries = [
        entry if entry.over or entry.unknown_since is not None else _unknown(entry, at, text, gone=False)
        for entry in incident.alerts
    ]
    return _looked(replace(incident, alerts=with_alerts(entries)), at)


def looked_after(incident: Incident, at: float) -> Incident:
    """Return an incident as time alone changes it: alerts that vanished are gone, and what stays unknown is said."""
    if incident.resolved or incident.policy_uid is None:
        return incident
    entries = [_gone(entry, at) if _has_vanished(entry, at) else entry for entry in incident.alerts]
    gone = [entry for entry, before in zip(entries, incident.alerts, strict=True) if entry is not before]
    if gone:
        incident = replace(incident, alerts=with_alerts(entries))
        incident = said(incident, at, TimelineKind.GONE, f"gone: {_listed_entries(gone)}")
        if not any(not entry.over for entry in incident.alerts):
            return settled(incident, at)
    return _looked(incident, at)


def settled(incident: Incident, at: float, *, proven: str | None = None) -> Incident:
    """Return an incident that resolves because all its alerts are over; the resolution says how that is known."""
    gone = [entry for entry in incident.alerts if entry.gone]
    clear = [entry for entry in incident.alerts if not entry.gone]
    parts = [proven] if proven else []
    if clear:
        parts.append(
            f"clear by known evidence: {_listed_entries(clear)}; the last: {max(clear, key=lambda e: e.since).message}"
        )
    if gone:
        parts.append(f"gone, which is no proof that it is well: {_listed_entries(gone)}")
    mitigated = max((entry.since for entry in incident.alerts), default=at)
    return resolved(incident, at, "; ".join(parts) or "no alert is left", by=None, mitigated_at=mitigated)


def resolved(incident: Incident, at: float, resolution: str, *, by: str | None, mitigated_at: float | None) -> Incident:
    """Return a resolved incident with its review. `mitigated_at` None: alerts fire still."""
    at = moment(at)
    start = incident.started_at if incident.started_at is not None else incident.first_fired_at
    incident = replace(
        incident,
        state=IncidentState.RESOLVED,
        resolved_at=at,
        resolved_by=by,
        resolution=cut(resolution, 2 * MAX_MESSAGE),
        evidence_known=True,
        evidence_changed_at=incident.evidence_changed_at if incident.evidence_known else at,
        asked_to_close_at=None,
        review=Review(
            detect_seconds=_between(incident.started_at, incident.first_fired_at),
            acknowledge_seconds=_between(incident.opened_at, incident.acknowledged_at),
            mitigate_seconds=_between(start, mitigated_at),
            resolve_seconds=_between(start if start is not None else incident.opened_at, at),
        ),
    )
    incident = said(incident, at, TimelineKind.RESOLVED, resolution, by=by)
    return told(ended(incident, at), NotificationCause.RESOLVED, at)


def raised(incident: Incident, severity: Severity, rules: Sequence[str], at: float, text: str) -> Incident:
    """Return an incident that an alert made worse."""
    incident = replace(incident, severity=severity)
    incident = said(incident, at, TimelineKind.RAISED, text)
    return begun(incident, rules, at)


def _reopened(incident: Incident, reading: Reading) -> Incident:
    at = moment(reading.at)
    incident = replace(
        incident,
        state=IncidentState.OPEN,
        reopened=incident.reopened + 1,
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        resolved_by=None,
        resolution=None,
        review=None,
        deadlines=tuple(deadline for deadline in incident.deadlines if deadline.missed),
    )
    # All entries count as over now, so that what fires joins anew and can raise the severity.
    incident = replace(incident, alerts=tuple(_closed(entry) for entry in incident.alerts))
    incident = begun(incident, _rules(reading.firing), at)
    channels = channels_of(incident.plan, reading.firing, reading.silent)
    incident = told(incident, NotificationCause.REOPENED, at, also=channels)
    return _grown(incident, reading, joining=TimelineKind.REOPENED)


def _grown(incident: Incident, reading: Reading, *, joining: TimelineKind) -> Incident:
    at, firing = moment(reading.at), reading.firing
    present = {entry_key(alert): alert for alert in sorted(reading.alerts, key=entry_key)}
    before = {entry.key: entry for entry in incident.alerts}
    entries = [_seen(entry, present.get(entry.key), at) for entry in incident.alerts]
    after = {entry.key: entry for entry in entries}
    same = all(one is other for one, other in zip(entries, incident.alerts, strict=True))
    joined = [alert for alert in firing if _fires_anew(before.get(entry_key(alert)), alert)]
    after |= {key: _entry(alert) for alert in joined if (key := entry_key(alert)) not in before}
    named = incident.alerts if same and not joined else with_alerts(after.values())
    kept = {entry.key for entry in named}
    joined = [alert for alert in joined if entry_key(alert) in kept]
    worse = [a for a in firing if (known := before.get(entry_key(a))) and a.severity.rank < known.severity.rank]
    over = [entry for entry in entries if entry.over and not before[entry.key].over]
    incident = _counted(replace(incident, alerts=named), firing)
    if joined:
        incident = said(incident, at, joining, f"fires: {_listed(joined)}")
    if left := [entry for entry in over if not entry.gone]:
        incident = said(incident, at, TimelineKind.LEFT, f"clear: {_listed_entries(left)}")
    if gone := [entry for entry in over if entry.gone]:
        incident = said(incident, at, TimelineKind.GONE, f"gone: {_listed_entries(gone)}")
    incident = _told_growth(incident, [*joined, *worse], reading)
    if not firing and all(entry.over for entry in incident.alerts) and not _unnamed_unknown(incident, reading):
        return settled(incident, at)
    return _looked(incident, at)


def _told_growth(incident: Incident, news: Sequence[Alert], reading: Reading) -> Incident:
    """Raise the severity where an alert that fires anew is worse; what fired before a person lowered it does not."""
    at, firing = moment(reading.at), reading.firing
    channels = channels_of(incident.plan, firing, reading.silent)
    worst = min(news, key=lambda a: (a.severity.rank, entry_key(a)), default=None)
    if worst is not None and worst.severity.rank < incident.severity.rank:
        text = f"{incident.severity} → {worst.severity}: {worst.rule} of {_subject(worst)} fires"
        incident = raised(incident, worst.severity, _rules(firing), at, text)
        return told(incident, NotificationCause.RAISED, at, also=channels)
    return told_first(incident, channels, at)


def _looked(incident: Incident, at: float) -> Incident:
    """Say when evidence is lost or back, and ask to close after it was unknown for a day."""
    open_ones = [entry for entry in incident.alerts if not entry.over]
    since = [entry.unknown_since for entry in open_ones if entry.unknown_since is not None]
    known = not open_ones or len(since) < len(open_ones)
    if known != incident.evidence_known:
        kind = TimelineKind.EVIDENCE_BACK if known else TimelineKind.EVIDENCE_LOST
        text = "evidence is known again" if known else f"evidence is unknown: {_listed_entries(open_ones)}"
        incident = said(incident, at, kind, text)
        incident = replace(incident, evidence_known=known, evidence_changed_at=moment(at), asked_to_close_at=None)
    if not known and incident.asked_to_close_at is None and at - max(since) >= ASK_SECONDS:
        text = "evidence has been unknown for 24 h: please resolve this incident, or repair what it is judged by"
        incident = replace(said(incident, at, TimelineKind.ASK_TO_CLOSE, text), asked_to_close_at=moment(at))
    return incident


def _entry(alert: Alert) -> AlertEntry:
    rule, kind, subject, group = entry_key(alert)
    state = alert.state
    return AlertEntry(
        rule=rule,
        severity=alert.severity,
        subject_kind=kind,
        subject=subject,
        group=group,
        status=state.status,
        since=moment(state.since),
        reason=state.reason,
        message=cut(state.message, MAX_MESSAGE),
        started_at=None if state.started_at is None else moment(state.started_at),
        unknown_since=None if state.unknown_since is None else moment(state.unknown_since),
    )


def _seen(entry: AlertEntry, alert: Alert | None, at: float) -> AlertEntry:
    """Return an entry as its alert is now. Numbers in messages move all the time: only what matters is a change."""
    if alert is None:
        vanished = entry.over or entry.reason is AlertReason.SUBJECT_GONE
        return entry if vanished else _unknown(entry, at, "its policy does not know it any more", gone=True)
    now = _entry(alert)
    if now.status is AlertStatus.UNKNOWN and now.unknown_since is None:
        now = replace(now, unknown_since=now.since)
    if now.status is AlertStatus.PENDING and entry.over:
        return entry
    same = replace(now, message=entry.message, started_at=entry.started_at) == entry
    return entry if same else replace(now, started_at=_earliest(entry.started_at, now.started_at))


def _fires_anew(known: AlertEntry | None, alert: Alert) -> bool:
    """Return whether a firing alert is news: one whose evidence was missing for a while fires as before."""
    if known is None or known.over:
        return True
    return known.status is not AlertStatus.FIRING and moment(alert.state.since) > known.since


def _unknown(entry: AlertEntry, at: float, text: str, *, gone: bool) -> AlertEntry:
    at = moment(at)
    reason = AlertReason.SUBJECT_GONE if gone else AlertReason.EVIDENCE_UNKNOWN
    since = entry.unknown_since if entry.unknown_since is not None else at
    return replace(entry, status=AlertStatus.UNKNOWN, since=at, reason=reason, message=text, unknown_since=since)


def _has_vanished(entry: AlertEntry, at: float) -> bool:
    return not entry.over and entry.reason is AlertReason.SUBJECT_GONE and at - entry.since >= GONE_SECONDS


def _gone(entry: AlertEntry, at: float) -> AlertEntry:
    return replace(entry, status=AlertStatus.CLEAR, since=moment(at), unknown_since=None)


def _closed(entry: AlertEntry) -> AlertEntry:
    return entry if entry.over else replace(entry, status=AlertStatus.CLEAR, unknown_since=None)


def _counted(incident: Incident, firing: Sequence[Alert]) -> Incident:
    """Count the alerts and remember when all this began."""
    named = {entry.key for entry in incident.alerts}
    unnamed = sum(entry_key(alert) not in named for alert in firing)
    starts = [entry.started_at for entry in incident.alerts if entry.started_at is not None]
    earliest = min(starts, default=None)
    return replace(
        incident,
        alert_count=max(incident.alert_count, len(named) + unnamed),
        started_at=_earliest(incident.started_at, earliest),
    )


def _unnamed_unknown(incident: Incident, reading: Reading) -> bool:
    """Return whether an alert that did not fit into the incident may not be over."""
    if incident.alert_count <= len(incident.alerts):
        return False
    return any(alert.state.status is AlertStatus.UNKNOWN for alert in reading.alerts)


def _rules(firing: Sequence[Alert]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(alert.rule for alert in firing))


def _subject(alert: Alert) -> str:
    return _entry(alert).subject_key


def _listed(alerts: Sequence[Alert]) -> str:
    return _listed_entries([_entry(alert) for alert in alerts])


def _listed_entries(entries: Sequence[AlertEntry]) -> str:
    more = len(entries) - _NAMED
    names = ", ".join(f"{entry.rule} of {entry.subject_key}" for entry in entries[:_NAMED])
    return names + (f" and {more} more" if more > 0 else "")


def _earliest(one: float | None, other: float | None) -> float | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else moment(max(end - start, 0.0))
