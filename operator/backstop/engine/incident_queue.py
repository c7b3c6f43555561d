"""What alerts said and what was not yet written into incidents: readings by group, in order.

While nothing can be written, an alert that fired and cleared again must not be lost; nor must a thousand readings that
say the same fill the memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from backstop.domain.alert import Alert
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.incident import EntryKey
from backstop.domain.incident_group import entry_key, group_key, name_prefix
from backstop.domain.incident_telling import inhibited
from backstop.domain.incident_transitions import Reading
from backstop.domain.slo import Uid
from backstop.engine.incident_shelf import Group, Held

_MAX_READINGS: Final = 16  # of one group that wait; then the second is left out: the first says how it began


@dataclass(slots=True)
class Waiting:
    """The readings of a group that no incident has yet."""

    policy: AlertPolicy
    key: str  # of the group
    readings: list[Reading] = field(default_factory=list)

    def add(self, reading: Reading) -> None:
        """Take a reading; one that says the same as the one before replaces it, the first excepted."""
        if len(self.readings) > 1 and _says(self.readings[-1]) == _says(reading):
            self.readings[-1] = reading
            return
        self.readings.append(reading)
        if len(self.readings) > _MAX_READINGS:
            del self.readings[1]


class Queue:
    """Readings by group."""

    def __init__(self) -> None:
        self.groups: dict[Group, Waiting] = {}
        self._prefixes: dict[tuple[Uid, str], str] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(tuple(self.groups))

    def take(
        self, policy: AlertPolicy, alerts: Sequence[Alert], at: float, *, open_ones: Sequence[Held], blank: set[Group]
    ) -> None:
        """Take all alerts of a policy. `blank` are groups whose incident was made and not taken up yet.

        An alert stays with the open incident that names it, whatever the policy says of groups since.
        """
        if not open_ones and not blank and not any(alert.firing for alert in alerts):
            return
        named: dict[EntryKey, Group] = {}
        keys: dict[Group, str] = {}
        for held in open_ones:
            if (incident := held.incident) is not None:
                keys[held.group] = incident.group_key or ""
                named |= {entry.key: held.group for entry in incident.alerts}
        groups: dict[Group, list[Alert]] = {group: [] for group in keys}
        for alert in alerts:
            group = named.get(entry_key(alert)) if named else None
            if group is None:
                key = group_key(policy.incident_by, alert)
                group = (policy.namespace, self._prefix(policy, key))
                keys.setdefault(group, key)
            groups.setdefault(group, []).append(alert)
        silent = inhibited(policy, alerts)
        open_groups = {held.group for held in open_ones}
        for group, members in groups.items():
            if group in open_groups or group in blank or any(alert.firing for alert in members):
                own = frozenset((alert.rule, alert.subject.key) for alert in members) & silent
                waiting = self.groups.setdefault(group, Waiting(policy, keys[group]))
                waiting.policy = policy
                waiting.add(Reading(at=at, alerts=tuple(members), silent=own))

    def drop(self, policy_uid: Uid) -> None:
        """Forget what waits of a policy: who does not write has to know the present only."""
        for group, waiting in list(self.groups.items()):
            if waiting.policy.uid == policy_uid:
                del self.groups[group]

    def written(self, group: Group, readings: Iterable[Reading]) -> None:
        """Forget readings that are in an incident now; more may have come meanwhile."""
        waiting = self.groups.get(group)
        if waiting is None:
            return
        done = {id(reading) for reading in readings}
        waiting.readings = [reading for reading in waiting.readings if id(reading) not in done]
        if not waiting.readings:
            del self.groups[group]

    def _prefix(self, policy: AlertPolicy, key: str) -> str:
        known = self._prefixes.get((policy.uid, key))
        if known is None:
            if len(self._prefixes) > 50_000:  # noqa: PLR2004  groups that came and went; working one out anew is cheap
                self._prefixes.clear()
            known = self._prefixes[policy.uid, key] = name_prefix(policy.name, policy.uid, key)
        return known


def _says(reading: Reading) -> tuple[object, ...]:
    """Return what of a reading can change an incident."""
    told = sorted(
        (
            entry_key(alert),
            alert.severity.value,
            alert.state.status.value,
            alert.state.since,
            alert.state.reason.value,
            alert.state.unknown_since or 0.0,
            alert.notify,
        )
        for alert in reading.alerts
    )
    return (tuple(told), reading.silent)
