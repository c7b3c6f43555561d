"""What shares an incident, and what the incident is called (semantics A10, K12)."""

import hashlib
import json
import re
from typing import Final

from backstop.domain.alert import Alert, Subject, SubjectKind
from backstop.domain.alert_policy import IncidentBy
from backstop.domain.incident import EntryKey
from backstop.domain.label_value import shown_value
from backstop.vocabulary import MAX_GROUP_BY

_MAX_POLICY: Final = 40  # characters of a policy's name in that of an incident
_HASH_DIGITS: Final = 8
_NUMBERED: Final = re.compile(r"(?P<prefix>.+)-(?P<number>[1-9][0-9]{0,8})")


def group_key(by: IncidentBy | None, alert: Alert) -> str:
    """Return what an alert shares with others of its policy: alerts with the same key are one incident.

    Where a subject has not what is asked for, such as a query that is about no service, its rule is the group.
    """
    subject = alert.subject
    if by in (None, IncidentBy.SERVICE) and subject.service:
        return f"service/{shown_value(subject.service)}"
    if subject.kind is SubjectKind.SLO:
        if by is IncidentBy.SLO:
            return f"slo/{subject.name}"
        if by is IncidentBy.GROUP:
            return f"group/{_exact(subject)}"
    if by is IncidentBy.TARGET:
        return f"target/{_exact(subject)}"
    return f"rule/{alert.rule}"


def name_prefix(policy: str, policy_uid: str, key: str) -> str:
    """Return what the names of all incidents of a group begin with. A valid name whatever the inputs are."""
    readable = re.sub(r"[^a-z0-9-]", "-", policy.lower())[:_MAX_POLICY].strip("-") or "incident"
    told = json.dumps([policy_uid, key])  # a list of texts, so that no two pairs look alike
    return f"{readable}-{hashlib.sha256(told.encode()).hexdigest()[:_HASH_DIGITS]}"


def numbered(name: str) -> tuple[str, int]:
    """Return prefix and number of a name; number 0 where a name ends in none."""
    found = _NUMBERED.fullmatch(name)
    return (found["prefix"], int(found["number"])) if found else (name, 0)


def entry_key(alert: Alert) -> EntryKey:
    """Return what tells an alert apart inside its incident, in bounded texts."""
    subject = alert.subject
    group = tuple((shown_value(label), shown_value(value)) for label, value in subject.group[:MAX_GROUP_BY])
    return (alert.rule, subject.kind, shown_value(subject.name), group)


def _exact(subject: Subject) -> str:
    """Return a subject in a bounded text that no other subject has, whatever quotes its labels hold."""
    group = [[label, shown_value(value)] for label, value in subject.group[:MAX_GROUP_BY]]
    name = f"{subject.kind}/{shown_value(subject.name)}"
    if not group:
        return name
    return name + shown_value(json.dumps(group, ensure_ascii=False, separators=(",", ":")))
