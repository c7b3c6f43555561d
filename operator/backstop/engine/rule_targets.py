"""Bounds the subjects of one rule: a label of a tenant's query can have any number of values."""

from collections.abc import Collection, Mapping
from typing import Final

from backstop.domain.alert import Finding, Subject, SubjectKind

MAX_TARGETS: Final = 100  # values of a rule's targetLabel, and nodes, that have an alert of their own


def bounded_targets(
    found: Mapping[Subject, Finding], known: Collection[Subject], *, limit: int = MAX_TARGETS
) -> tuple[dict[Subject, Finding], int]:
    """Return the findings that matter most, and how many were left out although they hold or cannot be told.

    `known` are the subjects whose alerts are pending or firing; they stay, whatever they have become. Then come those
    that hold, those that cannot be told, and the others, each by name, so that the choice does not flap.
    """
    if len(found) <= limit:
        return dict(found), 0
    told = {subject for subject in found if subject in known or subject.kind is SubjectKind.QUERY}
    rest = sorted(found.keys() - told, key=lambda subject: (_rank(found[subject]), subject.key))
    room = max(limit - len(told), 0)
    left_out = sum(1 for subject in rest[room:] if found[subject].holds is not False)
    kept = told | set(rest[:room])
    return {subject: finding for subject, finding in found.items() if subject in kept}, left_out


def _rank(finding: Finding) -> int:
    return {True: 0, None: 1, False: 2}[finding.holds]
