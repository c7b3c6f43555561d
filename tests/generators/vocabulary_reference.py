"""docs/reference/vocabulary.md: conditions, reasons, states, events and metrics, from the comments in vocabulary.py."""

import inspect
import re
from collections.abc import Iterator
from enum import StrEnum

from backstop import vocabulary
from tests.generators.registry import Files, Generator

PATH = "docs/reference/vocabulary.md"
_INTRODUCTION = """# Vocabulary

<!-- Generated from operator/backstop/vocabulary.py by `make docs`; edit that. -->

Every name that leaves the process. Names are API: they change only with a release note.
"""
_SECTIONS: tuple[tuple[type[StrEnum], str], ...] = (
    (vocabulary.State, "States"),
    (vocabulary.Condition, "Conditions"),
    (vocabulary.Reason, "Reasons"),
    (vocabulary.MaintenanceState, "States of a maintenance window"),
    (vocabulary.MaintenanceReason, "Reasons of a maintenance window"),
    (vocabulary.AlertPolicyState, "States of an alert policy"),
    (vocabulary.AlertPolicyReason, "Reasons of an alert policy"),
    (vocabulary.AlertReason, "Reasons of an alert"),
    (vocabulary.ChannelState, "States of a notification channel"),
    (vocabulary.ChannelReason, "Reasons of a notification channel"),
    (vocabulary.IncidentState, "States of an incident"),
    (vocabulary.IncidentReason, "Reasons of an incident"),
    (vocabulary.TimelineKind, "Entries of an incident's timeline"),
    (vocabulary.DeadlineKind, "Deadlines of an incident"),
    (vocabulary.NotificationCause, "Causes of notifications"),
    (vocabulary.Annotation, "Annotations of an incident"),
    (vocabulary.EventReason, "Events"),
    (vocabulary.Metric, "Metrics"),
)
_MEMBER = re.compile(r"""^    [A-Z_0-9]+ = "(?P<value>[^"]+)"(?:  # (?P<comment>.*))?$""")
_GROUP = re.compile(r"^    # (?P<group>.+)$")


def make() -> Files:
    return {PATH: "\n".join([_INTRODUCTION, *(_section(kind, title) for kind, title in _SECTIONS)])}


def _section(kind: type[StrEnum], title: str) -> str:
    lines = [f"## {title}", "", (kind.__doc__ or "").strip(), "", "| name | meaning |", "|---|---|"]
    members = list(_members(kind))
    if {value for value, _ in members} != {str(member) for member in kind}:
        raise ValueError(f'a member of {kind.__name__} is not written as NAME = "value"  # meaning')
    lines += [f"| `{value}` | {meaning} |".replace("|  |", "| |") for value, meaning in members]
    return "\n".join([*lines, ""])


def _members(kind: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Yield each value with its comment; a comment on a line of its own names the group of those below it."""
    group = ""
    for line in inspect.getsource(kind).splitlines():
        if (found := _GROUP.match(line)) is not None:
            group = found["group"]
        elif (found := _MEMBER.match(line)) is not None:
            comment = (found["comment"] or "").replace("|", "\\|")
            yield found["value"], "; ".join(part for part in (f"*{group}*" if group else "", comment) if part)


VOCABULARY_REFERENCE = Generator(make=make, owns=(PATH,))
