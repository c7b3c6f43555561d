"""What has to be done in time: each deadline is met or missed once, and both are remembered (semantics A6).

A deadline counts from the opening, or from the moment at which the severity became worse; raising never gives more
time than there was. Resolving ends all of them.
"""

from collections.abc import Iterable
from dataclasses import replace

from backstop.domain.incident import Deadline, Incident, moment
from backstop.domain.incident_limits import with_deadlines
from backstop.domain.incident_telling import said, told
from backstop.vocabulary import DeadlineKind, NotificationCause, TimelineKind


def begun(incident: Incident, rules: Iterable[str], at: float) -> Incident:
    """Return an incident whose deadlines count from `at`, as for its severity and for the rules that fire.

    Those that are over already stay as they are; of those that run the earlier one counts.
    """
    rules = tuple(rules)
    over = [deadline for deadline in incident.deadlines if not deadline.running]
    running = {deadline.kind: deadline for deadline in incident.deadlines if deadline.running}
    for kind in DeadlineKind:
        if kind is DeadlineKind.ACKNOWLEDGE and incident.acknowledged_at is not None:
            continue
        seconds = _allowed(incident, kind, rules)
        if seconds is None:
            continue
        due = moment(at + seconds)
        known = running.get(kind)
        running[kind] = Deadline(kind=kind, due=due if known is None else min(due, known.due))
    return replace(incident, deadlines=with_deadlines([*over, *running.values()]))


def relaxed(incident: Incident, rules: Iterable[str], at: float) -> Incident:
    """Return an incident whose severity became less: what still runs counts from `at` as for the new severity."""
    kept = tuple(deadline for deadline in incident.deadlines if not deadline.running)
    return begun(replace(incident, deadlines=kept), rules, at)


def met(incident: Incident, kind: DeadlineKind, at: float) -> Incident:
    """Return an incident for which this was done. In time or late, it is recorded once."""
    deadlines = list(incident.deadlines)
    for index, deadline in enumerate(deadlines):
        if deadline.kind is kind and deadline.met_at is None:
            deadlines[index] = replace(deadline, met_at=moment(at))
            if deadline.running and at <= deadline.due:
                incident = said(incident, at, TimelineKind.DEADLINE_MET, f"{_words(kind)} in time")
    return replace(incident, deadlines=tuple(deadlines))


def updated(incident: Incident, at: float) -> Incident:
    """Return an incident about which a person said how it goes: the next update counts from here."""
    seconds = incident.plan.deadlines.update.get(incident.severity)
    late = [
        replace(deadline, met_at=moment(at)) if deadline.met_at is None else deadline
        for deadline in incident.deadlines
        if deadline.kind is DeadlineKind.UPDATE and deadline.missed
    ]
    others = [deadline for deadline in incident.deadlines if deadline.kind is not DeadlineKind.UPDATE]
    coming = [] if seconds is None else [Deadline(kind=DeadlineKind.UPDATE, due=moment(at + seconds))]
    return replace(incident, deadlines=with_deadlines([*others, *late, *coming]))


def passed(incident: Incident, at: float) -> Incident:
    """Return an incident as it is at `at`: what was due by then and is not done is missed, and told once."""
    if incident.resolved:
        return incident
    for index, deadline in enumerate(incident.deadlines):
        if deadline.running and deadline.due <= at:
            deadlines = list(incident.deadlines)
            deadlines[index] = replace(deadline, missed=True)
            text = f"not {_words(deadline.kind)} in time"
            incident = said(replace(incident, deadlines=tuple(deadlines)), at, TimelineKind.DEADLINE_MISSED, text)
            incident = told(incident, NotificationCause.DEADLINE_MISSED, at)
    return incident


def ended(incident: Incident, at: float) -> Incident:
    """Return an incident that is resolved: nothing is due any more."""
    incident = met(incident, DeadlineKind.RESOLVE, at)
    deadlines = [
        replace(deadline, met_at=moment(at)) if deadline.running else deadline
        for deadline in incident.deadlines
        if deadline.kind is not DeadlineKind.UPDATE or not deadline.running
    ]
    return replace(incident, deadlines=tuple(deadlines))


def next_due(incident: Incident) -> float | None:
    """Return when the next deadline is due; None when none runs."""
    return min((deadline.due for deadline in incident.deadlines if deadline.running), default=None)


def _allowed(incident: Incident, kind: DeadlineKind, rules: Iterable[str]) -> float | None:
    """Return the seconds that are allowed: the shortest of what the firing rules say for themselves or, where one says
    nothing, of what the policy says for the severity.
    """
    plan = incident.plan
    if kind is DeadlineKind.UPDATE:
        return plan.deadlines.update.get(incident.severity)
    of_severity = plan.deadlines.acknowledge if kind is DeadlineKind.ACKNOWLEDGE else plan.deadlines.resolve
    general = of_severity.get(incident.severity)
    allowed: list[float | None] = []
    for rule in map(plan.rule, rules):
        own = None
        if rule is not None:
            acknowledging = kind is DeadlineKind.ACKNOWLEDGE
            own = rule.acknowledge_within_seconds if acknowledging else rule.resolve_within_seconds
        allowed.append(general if own is None else own)
    return min((seconds for seconds in allowed if seconds is not None), default=general)


def _words(kind: DeadlineKind) -> str:
    return {
        DeadlineKind.ACKNOWLEDGE: "acknowledged",
        DeadlineKind.UPDATE: "updated",
        DeadlineKind.RESOLVE: "resolved",
    }[kind]
