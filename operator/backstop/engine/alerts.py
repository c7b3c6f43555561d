"""Follows AlertPolicies: judges their rules as evidence comes in, and hands what they say to the incidents.

Rules about SLOs are judged when the SLO was evaluated, the others when what they look at was read. What an alert is
between two evaluations stands in the policy's status, so that pending and firing survive a restart (semantics A13).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from backstop.api.to_alert_policy import KIND, to_alert_policy
from backstop.domain.alert import Alert, SubjectKind
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.alert_tiers import EffectiveRule, effective
from backstop.domain.assessment import Assessment
from backstop.domain.slo import SLO, Uid
from backstop.engine.alert_book import AlertBook, Key
from backstop.engine.alert_status import policy_status, refused_policy_status
from backstop.engine.publisher import StatusPublisher
from backstop.engine.registry import Registered, Registry, status_of
from backstop.engine.rule_evidence import RuleEvidence
from backstop.engine.rule_judging import judge_rule
from backstop.engine.slo_judging import Rules, burning_rule, concerns, judge_slo, windows_of
from backstop.engine.tracked import Tracked
from backstop.ports.clock import Clock
from backstop.ports.facts import NodeReader, RunReader

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
REFRESH_SECONDS: Final = 30.0  # numbers and times in a status move on though nothing came or went


class TakesAlerts(Protocol):
    """What follows from alerts: incidents."""

    def take(self, policy: AlertPolicy, alerts: Sequence[Alert], at: float) -> None:
        """Take all present alerts of a policy at `at`, clear ones included."""
        ...

    def open_incidents(self, policy_uid: Uid) -> Mapping[Key, str]:
        """Return the names of a policy's open incidents by rule and subject key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """What alerting takes beside SLOs: who hears of alerts, and who reads what rules look at."""

    incidents: TakesAlerts
    nodes: NodeReader
    runs: RunReader


@dataclass(slots=True, eq=False)  # one is itself: comparing two would compare thousands of alerts
class _Followed:
    registered: Registered[AlertPolicy]
    book: AlertBook
    rules: dict[Uid, tuple[str, Rules]] = field(default_factory=dict)  # by SLO, with its name
    told_at: float = float("-inf")  # unix seconds of the newest status
    fires: bool = False  # an alert did, when the status was told
    incidents: Mapping[Key, str] = field(default_factory=dict)  # that it names

    @property
    def policy(self) -> AlertPolicy:
        return self.book.policy


class Alerts:
    """The policies of the cluster.

    `slos` yields the SLOs that exist, `tracked_of` those that are evaluated; `may_tell` is whether all of them are
    known: before, nobody can say that one is gone.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        publisher: StatusPublisher,
        slos: Callable[[], Iterable[Registered[SLO]]],
        tracked_of: Callable[[Uid], Tracked | None],
        may_tell: Callable[[], bool],
        alerting: Alerting,
    ) -> None:
        self._clock = clock
        self._publisher = publisher
        self._slos = slos
        self._tracked_of = tracked_of
        self._may_tell = may_tell
        self._incidents = alerting.incidents
        self.evidence = RuleEvidence(clock=clock, nodes=alerting.nodes, runs=alerting.runs, changed=self._read)
        self._registry: Registry[AlertPolicy] = Registry(to_alert_policy)
        self._followed: dict[Uid, _Followed] = {}
        self._watching: dict[Uid, list[_Followed]] = {}  # by SLO
        self._stale: set[str] = set()  # namespaces in which policies or SLOs came, went or changed

    @property
    def policies(self) -> list[AlertPolicy]:
        """Those that are followed."""
        return [followed.policy for followed in self._followed.values()]

    def on_object(self, body: Mapping[str, Any]) -> None:
        """Take an object as it is now in the cluster."""
        registered, changed = self._registry.put(KIND, body)
        if registered is None:
            return
        self._publisher.seen(registered.ref, status_of(body))
        if changed:
            self._follow(registered, status_of(body))

    def on_deleted(self, uid: str) -> None:
        """Take the deletion of an object: its alerts are no more."""
        removed = self._registry.remove(Uid(uid))
        if (followed := self._followed.pop(Uid(uid), None)) is not None:
            self._incidents.take(followed.policy, (), self._clock.now().timestamp())
        self._publisher.forget(Uid(uid))
        if removed is not None:
            log.info("object.deleted", kind=KIND, alert_policy=removed.ref.key)
            self._stale.add(removed.ref.namespace)

    def on_synced(self, uids: frozenset[str]) -> None:
        """Take the uids of a complete LIST: what we hold beyond them was deleted unseen."""
        for uid in self._registry.missing_from(uids):
            self.on_deleted(uid)

    def on_slo(self, namespace: str) -> None:
        """Take note that an SLO came, went or changed."""
        if self._followed:
            self._stale.add(namespace)

    def assessed(self, assessment: Assessment, tracked: Tracked) -> None:
        """Judge the rules about an SLO that was just evaluated."""
        if not (watching := self._watching.get(assessment.slo.uid)):
            return
        for followed in watching:
            rules = effective(followed.policy, assessment.slo, assessment.at)
            followed.rules[assessment.slo.uid] = (assessment.slo.name, rules)
            judge_slo(followed.book, rules, assessment, tracked)
        rules_now = [(followed.book, followed.rules[assessment.slo.uid][1]) for followed in watching]
        burning = burning_rule(rules_now, assessment.slo)
        if burning != tracked.burning:
            tracked.burning, tracked.next_due = burning, 0.0  # its state is another one (semantics B7)

    async def run(self) -> None:
        """Read what rules look at, and keep statuses and incidents as they should be, until cancelled."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.evidence.run(), name="rule-evidence")
            parts.create_task(self._keep(), name="alerts")

    async def _keep(self) -> None:
        while True:
            if self._may_tell():
                self._settle()
                at = self._clock.now().timestamp()
                for followed in list(self._followed.values()):
                    if self._has_news(followed, at):
                        self._tell(followed, at)
                        await asyncio.sleep(0)  # a policy may have thousands of alerts; evaluations go in between
            await self._clock.sleep(LOOK_SECONDS)

    def _has_news(self, followed: _Followed, at: float) -> bool:
        if followed.book.changed or not 0 <= at - followed.told_at < REFRESH_SECONDS:
            return True
        if not (followed.fires or followed.incidents):
            return False  # of most policies nothing is open: 1,000 of them must not be looked up each second
        return self._incidents.open_incidents(followed.policy.uid) != followed.incidents

    def _read(self, policy_uid: Uid, rule_name: str) -> None:
        """Judge a rule that is not about SLOs: what it looks at was read."""
        followed = self._followed.get(policy_uid)
        evidence = self.evidence.evidence_of(policy_uid, rule_name)
        if followed is None or evidence is None:
            return
        rule = next((rule for rule in followed.policy.rules if rule.name == rule_name and rule.enabled), None)
        if rule is None:
            return
        findings = judge_rule(rule, evidence, followed.book.standing(rule_name))
        for subject, finding in findings.items():
            followed.book.found(rule, subject, finding, at=evidence.at)
        followed.book.keep_only(rule_name, findings)

    def _follow(self, registered: Registered[AlertPolicy], status: Mapping[str, Any] | None) -> None:
        uid, policy = registered.ref.uid, registered.valid
        self._stale.add(registered.ref.namespace)
        if policy is None:
            self._followed.pop(uid, None)
            self._refuse(registered)
            return
        known = self._followed.get(uid)
        if known is None:
            book = AlertBook(policy)
            book.restore(status)
            self._followed[uid] = _Followed(registered, book)
            return
        known.registered, known.book.policy, known.rules, known.book.changed = registered, policy, {}, True

    def _refuse(self, registered: Registered[AlertPolicy]) -> None:
        problem = registered.problem
        if problem is not None:
            self._publisher.show(
                registered.ref.uid,
                lambda previous, now: refused_policy_status(
                    problem, registered.reason, generation=registered.generation, previous=previous, now=now
                ),
            )

    def _settle(self) -> None:
        """Make who watches what agree with the policies and SLOs that there are."""
        if not self._stale:
            return
        stale, self._stale = self._stale, set()
        self.evidence.follow(self.policies)
        at = self._clock.now().timestamp()
        of_namespace: dict[str, list[_Followed]] = {}
        for followed in self._followed.values():
            of_namespace.setdefault(followed.policy.namespace, []).append(followed)
        slos = [registered for registered in self._slos() if registered.ref.namespace in stale]
        for registered in slos:
            slo = registered.valid
            self._watch(registered.ref.uid, slo, [] if slo is None else of_namespace.get(slo.namespace, ()), at)
        left = {registered.ref.uid for registered in self._slos()}
        for uid in self._watching.keys() - left:
            del self._watching[uid]
        for namespace in stale:
            for followed in of_namespace.get(namespace, ()):
                self._drop_what_is_gone(followed, at)

    def _watch(self, uid: Uid, slo: SLO | None, candidates: Sequence[_Followed], at: float) -> None:
        """Make the rules about an SLO those of the policies that concern it; None: it is refused."""
        windows: set[float] = set()
        watching: list[_Followed] = []
        for followed in candidates:
            if slo is not None and concerns(followed.policy, slo):
                rules = effective(followed.policy, slo, at)
                followed.rules[uid] = (slo.name, rules)
                watching.append(followed)
                windows |= windows_of(rules, slo)
        if watching:
            self._watching[uid] = watching
        else:
            self._watching.pop(uid, None)
        asked = tuple(sorted(windows))
        if (tracked := self._tracked_of(uid)) is not None and tracked.rule_windows != asked:
            tracked.rule_windows, tracked.next_due = asked, 0.0
            if not watching:
                tracked.burning = None

    def _drop_what_is_gone(self, followed: _Followed, at: float) -> None:
        watched = {uid for uid, watching in self._watching.items() if followed in watching}
        followed.rules = {uid: rules for uid, rules in followed.rules.items() if uid in watched}
        names = {name for name, _ in followed.rules.values()}
        kept = [key for key, alert in followed.book.alerts.items() if alert.subject.name in names]
        followed.book.gone(kept, kinds=frozenset({SubjectKind.SLO}), at=at)
        judged = {
            rule.rule.name for _, rules in followed.rules.values() for rule in rules if isinstance(rule, EffectiveRule)
        }
        others = {rule.name for rule in followed.policy.rules if rule.enabled}
        followed.book.drop_rules_but(frozenset(judged | others), at=at)
        followed.book.changed = True

    def _tell(self, followed: _Followed, at: float) -> None:
        self._incidents.take(followed.policy, tuple(followed.book), at)
        followed.book.changed, followed.told_at = False, at
        followed.fires = any(alert.firing for alert in followed.book)
        rules = dict(followed.rules.values())
        followed.incidents = incidents = self._incidents.open_incidents(followed.policy.uid)
        generation = followed.registered.generation
        self._publisher.show(
            followed.policy.uid,
            lambda previous, now: policy_status(
                followed.book, rules, incidents, generation=generation, previous=previous, now=now
            ),
        )
