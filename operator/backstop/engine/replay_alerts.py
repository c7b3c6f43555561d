"""Judges alert policies over the past: which alerts would have fired, when, and how long after the first bad slice.

The operator's own judging, on the assessments that a replay makes. Rules that are not about SLOs have no say: what
they look at is not evaluated in a replay.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backstop.domain.alert import Alert
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.alert_tiers import RefusedRule, effective
from backstop.domain.assessment import Assessment
from backstop.domain.evidence import Slice
from backstop.domain.low_traffic import COUNT_TOLERANCE
from backstop.domain.slo import SLO
from backstop.engine.alert_book import AlertBook, Key
from backstop.engine.burning import CALM_SLICES, bad_since, burns
from backstop.engine.slo_judging import Rules, burning_rule, concerns, judge_slo, windows_of
from backstop.engine.tracked import Tracked

LOOK_SECONDS: Final = 300.0  # at most between two judgements, so that the time between them is known (alert_judging.py)
_RULES_SECONDS: Final = 3600.0  # a calendar period has one length for that long


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert began to fire, or ended to. `began` is the end of the first bad slice, None where that is not known."""

    alert: Alert
    at: float
    began: float | None

    @property
    def fires(self) -> bool:
        return self.alert.firing


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known between two judgements; a replay goes back to it where it has to look closer."""

    alerts: tuple[Mapping[Key, Alert], ...]
    burning: str | None


class AlertFollower:
    """The alerts about one SLO in a replay."""

    def __init__(self, tracked: Tracked, policies: Sequence[AlertPolicy], *, at: float) -> None:
        """Follow what `policies` say of an SLO from `at` on, unix seconds."""
        self._tracked = tracked
        self._books = [AlertBook(policy) for policy in policies]
        self._rules: list[Rules] = []
        self._rules_until = float("-inf")
        self.first_bad: float | None = None  # end of the first bad slice of what goes on, unix seconds
        self._calm = 0  # slices within the objective since the newest bad one
        self._begun = False  # the past before the first judgement was looked at
        windows = {seconds for rules in self._rules_at(at) for seconds in windows_of(rules, tracked.slo)}
        tracked.rule_windows = tuple(sorted(windows))

    def heard(self, end: float, evidence: Slice) -> None:
        """Take a slice that was sealed: since when it burns follows from them, as in engine/burning.py."""
        if evidence.events <= COUNT_TOLERANCE or not evidence.known:
            return
        if self._is_bad(evidence):
            self.first_bad, self._calm = self.first_bad or end, 0
        else:
            self._calm += 1
            if self._calm >= CALM_SLICES:
                self.first_bad = None

    def needs_a_look(self, evidence: Slice) -> bool:
        """Tell whether an alert may begin to fire at the end of this slice: only what burns makes one."""
        return evidence.known and evidence.events > COUNT_TOLERANCE and self._is_bad(evidence)

    def judged(self) -> Judged:
        """Return what is known now."""
        return Judged(tuple(dict(book.alerts) for book in self._books), self._tracked.burning)

    def go_back(self, to: Judged) -> None:
        """Forget what was judged since."""
        for book, alerts in zip(self._books, to.alerts, strict=True):
            book.alerts = dict(alerts)
        self._tracked.burning = to.burning

    def moved(self, since: Judged) -> bool:
        """Tell whether an alert has another status than it had then."""
        then = [{key: alert.state.status for key, alert in alerts.items()} for alerts in since.alerts]
        return then != [{key: alert.state.status for key, alert in book.alerts.items()} for book in self._books]

    def judge(self, assessment: Assessment) -> list[AlertChange]:
        """Judge every rule by an assessment, and return what began to fire and what ended to."""
        changes: list[AlertChange] = []
        if not self._begun and self._tracked.row is not None:
            self.first_bad, self._begun = bad_since(self._tracked, self._tracked.row, at=assessment.at), True
        for book, rules in zip(self._books, self._rules_at(assessment.at), strict=True):
            before = dict(book.alerts)
            judge_slo(book, rules, assessment, self._tracked, began=self._began)
            changes += (
                change for key, alert in book.alerts.items() if (change := self._change(before.get(key), alert))
            )
        self._tracked.burning = burning_rule(zip(self._books, self._rules, strict=True), self._tracked.slo)
        return changes

    def _change(self, before: Alert | None, alert: Alert) -> AlertChange | None:
        fired = before is not None and before.firing
        if alert.firing == fired:
            return None
        began = alert.state.started_at
        if alert.firing and alert.subject.group:
            row = self._tracked.groups.get(
                tuple(dict(alert.subject.group)[name] for name in self._tracked.slo.group_by)
            )
            began = None if row is None else bad_since(self._tracked, row, at=alert.state.at)
        return AlertChange(alert, alert.state.at, began if alert.firing else None)

    def _began(self, row: int, at: float) -> float | None:
        """Return since when a row burns. Of a group it is asked of the ledger once its alert fires: that is dear."""
        del at
        return self.first_bad if row == self._tracked.row else None

    def _is_bad(self, evidence: Slice) -> bool:
        return bool(burns(self._tracked.slo, bad=evidence.bad, events=evidence.events))

    def _rules_at(self, at: float) -> list[Rules]:
        if at >= self._rules_until:
            self._rules = [effective(book.policy, self._tracked.slo, at) for book in self._books]
            self._rules_until = at + _RULES_SECONDS
        return self._rules


def policies_about(slo: SLO, policies: Sequence[AlertPolicy]) -> list[AlertPolicy]:
    """Return the policies whose rules about SLOs are about this one."""
    return [policy for policy in policies if policy.namespace == slo.namespace and concerns(policy, slo)]


def refusals(slos: Sequence[SLO], policies: Sequence[AlertPolicy], *, at: float) -> Iterator[str]:
    """Yield what of the policies is not in force for an SLO, and why, in words."""
    for slo in slos:
        for policy in policies_about(slo, policies):
            for rule in effective(policy, slo, at):
                if isinstance(rule, RefusedRule):
                    what = f"AlertPolicy {policy.key}: rule {rule.name}"
                    yield f"{what} is not in force for SLO {slo.key}: {rule.message}"
