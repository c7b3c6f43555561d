"""The alerts of one policy between evaluations: what each was, and how to write it down and read it back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from backstop.domain.alert import Alert, AlertState, AlertStatus, Finding, Subject, SubjectKind
from backstop.domain.alert_judging import for_seconds, longest_step_seconds
from backstop.domain.alert_policy import AlertPolicy, Rule, Severity
from backstop.domain.alert_state import advance
from backstop.engine.conditions import unix_of
from backstop.vocabulary import AlertReason

Key = tuple[str, str]  # rule and key of the subject


@dataclass(slots=True)
class AlertBook:
    """Alerts by rule and subject. `changed` is set when one of them came, went or moved to another status."""

    policy: AlertPolicy
    alerts: dict[Key, Alert] = field(default_factory=dict)
    changed: bool = True
    _grouped: dict[str, set[Key]] = field(default_factory=dict)  # of groups of SLOs, by the SLO's name

    def __iter__(self) -> Iterator[Alert]:
        return iter(self.alerts.values())

    def found(self, rule: Rule, subject: Subject, finding: Finding, *, at: float) -> Alert:
        """Take what evidence says of a rule about a subject at `at`, and return the alert as it is now."""
        key = (rule.name, subject.key)
        before = self.alerts.get(key)
        state = advance(
            None if before is None else before.state,
            finding,
            for_seconds=for_seconds(rule),
            keep_firing_seconds=rule.keep_firing_seconds,
            at=at,
            longest_step_seconds=longest_step_seconds(rule),
        )
        self.changed = self.changed or before is None or before.state.status is not state.status
        alert = self._alert(rule.name, rule.severity, subject, state, rule.notify)
        self._put(key, alert)
        return alert

    def groups_of(self, slo: str) -> list[Alert]:
        """Return the alerts about groups of an SLO."""
        keys = self._grouped.get(slo, set())
        keys &= self.alerts.keys()  # without those that were forgotten
        return [self.alerts[key] for key in keys]

    def standing(self, rule: str) -> list[Subject]:
        """Return the subjects of a rule whose alerts are pending or firing."""
        standing = {AlertStatus.FIRING, AlertStatus.PENDING}
        return [alert.subject for alert in self if alert.rule == rule and alert.state.status in standing]

    def keep_only(self, rule: str, subjects: Iterable[Subject]) -> None:
        """Forget what else a rule said: those subjects have nothing more to say."""
        kept = {subject.key for subject in subjects}
        for key in [key for key in self.alerts if key[0] == rule and key[1] not in kept]:
            self.changed = self.changed or self.alerts[key].state.status is not AlertStatus.CLEAR
            del self.alerts[key]

    def gone(self, kept: Iterable[Key], *, kinds: frozenset[SubjectKind], at: float) -> None:
        """Take that of these kinds only the subjects of `kept` exist still: other alerts are clear for that reason."""
        left = set(kept)
        for key, alert in list(self.alerts.items()):
            if key in left or alert.subject.kind not in kinds:
                continue
            if alert.state.status is AlertStatus.CLEAR:
                if alert.state.reason is not AlertReason.SUBJECT_GONE:
                    del self.alerts[key]
                continue
            self._end(key, alert, f"the {alert.subject.kind} does not exist any more", at)

    def drop_rules_but(self, names: frozenset[str], *, at: float) -> None:
        """Take that the policy has only these rules now: alerts of others are clear, since nobody asks any more."""
        for key, alert in self.alerts.items():
            if alert.rule not in names and alert.state.status is not AlertStatus.CLEAR:
                self._end(key, alert, "the policy has no such rule any more, or it is switched off", at)

    def _end(self, key: Key, alert: Alert, message: str, at: float) -> None:
        """Make an alert clear for good: there is nothing any more that it could be about."""
        state = AlertState(status=AlertStatus.CLEAR, since=at, at=at, reason=AlertReason.SUBJECT_GONE, message=message)
        self.alerts[key] = replace(alert, state=state)
        self.changed = True

    def restore(self, status: Mapping[str, Any] | None) -> None:
        """Take what the status of the policy held before a restart (semantics A13); what is no alert is left out."""
        for entry in (status or {}).get("alerts") or ():
            if isinstance(entry, Mapping) and (alert := self._read(entry)) is not None:
                self._put((alert.rule, alert.subject.key), alert)

    def _put(self, key: Key, alert: Alert) -> None:
        self.alerts[key] = alert
        if alert.subject.group:
            self._grouped.setdefault(alert.subject.name, set()).add(key)

    def _read(self, entry: Mapping[str, Any]) -> Alert | None:
        try:
            subject = Subject(
                kind=SubjectKind(entry["subjectKind"]),
                name=str(entry["subject"]),
                group=tuple(sorted((str(k), str(v)) for k, v in (entry.get("group") or {}).items())),
                service=None if entry.get("service") is None else str(entry["service"]),
            )
            state = AlertState(
                status=AlertStatus(entry["status"]),
                since=unix_of(entry["since"]),
                at=unix_of(entry["at"]),
                reason=AlertReason(entry["reason"]),
                message=str(entry["message"]),
                held_seconds=float(entry.get("heldSeconds", 0.0)),
                clear_seconds=float(entry.get("clearSeconds", 0.0)),
                unknown_since=None if entry.get("unknownSince") is None else unix_of(entry["unknownSince"]),
                started_at=None if entry.get("startedAt") is None else unix_of(entry["startedAt"]),
            )
            severity = Severity(entry["severity"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return self._alert(str(entry["rule"]), severity, subject, state, ())

    def _alert(
        self, rule: str, severity: Severity, subject: Subject, state: AlertState, notify: tuple[str, ...]
    ) -> Alert:
        return Alert(
            policy_uid=self.policy.uid,
            policy=self.policy.name,
            namespace=self.policy.namespace,
            rule=rule,
            severity=severity,
            subject=subject,
            state=state,
            notify=notify,
        )
